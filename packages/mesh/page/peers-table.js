/**
 * `PeersTable`: a table with a row for each peer. It can be filtered and sorted. It shows the first
 * 50 rows, and 50 more rows after each click on `more`. A peer keeps its row element, so that focus
 * and selections survive a new status.
 *
 * @module
 */
import { html, setAttribute, setText } from './element.js';
import { countText, printable } from './words.js';

/**
 * What the table shows of each peer. `Status` has the peers, and everything else that the cells
 * need.
 *
 * @template Peer
 * @template Status
 * @typedef {object} PeerColumns
 * @property {readonly string[]} titles the columns besides the name, as in index.html
 * @property {(peer: Peer) => string} id
 * @property {(peer: Peer) => string} name
 * @property {(peer: Peer) => string} state
 * @property {(peer: Peer, status: Status) => readonly string[]} texts the text of each column
 * @property {(peer: Peer) => readonly string[]} words the texts in which the filter searches
 * @property {(order: any, status: Status) => (peer: Peer) => number} weight returns the sort key of
 *   a peer; the smallest comes first
 */

/**
 * @template Peer
 * @template {{ readonly peers: readonly Peer[] }} Status
 */
export class PeersTable {
  /** @type {HTMLElement} */
  #body;
  /** @type {HTMLElement} */
  #caption;
  /** @type {HTMLElement} */
  #more;
  /** @type {(id: string) => void} */
  #choose;
  /** @type {PeerColumns<Peer, Status>} */
  #columns;
  /** @type {Map<string, HTMLTableRowElement>} */
  #rows = new Map();
  #limit = PAGE;
  /** @type {() => void} */
  #again = () => {};

  /**
   * @param {{ body: HTMLElement, caption: HTMLElement, more: HTMLElement, choose: (id: string) => void }} parts
   * @param {PeerColumns<Peer, Status>} columns
   */
  constructor({ body, caption, more, choose }, columns) {
    this.#body = body;
    this.#caption = caption;
    this.#more = more;
    this.#choose = choose;
    this.#columns = columns;
    more.addEventListener('click', () => {
      this.#limit += PAGE;
      this.#again();
    });
  }

  /**
   * @param {Status} status
   * @param {{ filter: string, order: string, chosen: string | undefined }} view
   */
  draw(status, view) {
    this.#again = () => this.draw(status, view);
    const { filter, order, chosen } = view;
    const { id, words } = this.#columns;
    const wanted = filter.trim().toLowerCase();
    const found =
      wanted === ''
        ? status.peers
        : status.peers.filter((peer) =>
            words(peer).some((text) => text.toLowerCase().includes(wanted)),
          );
    const shown = this.#sorted(found, order, status).slice(0, this.#limit);
    const rows = shown.map((peer) => this.#row(peer, status, id(peer) === chosen));
    this.#place(rows);
    const ids = new Set(status.peers.map(id));
    for (const known of this.#rows.keys()) if (!ids.has(known)) this.#rows.delete(known);
    const all = countText(status.peers.length, 'peer');
    setText(this.#caption, wanted === '' ? all : `${found.length} of ${all}`);
    this.#more.hidden = found.length <= shown.length;
    setText(this.#more, `Show more (${found.length - shown.length} left)`);
  }

  /**
   * @param {readonly Peer[]} peers
   * @param {string} order
   * @param {Status} status
   * @returns {Peer[]}
   */
  #sorted(peers, order, status) {
    const { name, id } = this.#columns;
    const weight = this.#columns.weight(order, status);
    return peers
      .map((peer) => ({ peer, weight: weight(peer) }))
      .toSorted((a, b) => {
        if (a.weight !== b.weight) return a.weight < b.weight ? -1 : 1;
        return byName.compare(name(a.peer), name(b.peer)) || byName.compare(id(a.peer), id(b.peer));
      })
      .map(({ peer }) => peer);
  }

  /**
   * Moves only the rows that are not at their position, because a row that is moved loses the
   * focus.
   *
   * @param {readonly HTMLTableRowElement[]} rows
   */
  #place(rows) {
    const kept = new Set(rows);
    for (const row of Array.from(this.#body.children)) {
      if (!kept.has(/** @type {HTMLTableRowElement} */ (row))) row.remove();
    }
    for (const [index, row] of rows.entries()) {
      const there = this.#body.children[index];
      if (there === row) continue;
      const focused = row.contains(document.activeElement) ? document.activeElement : undefined;
      this.#body.insertBefore(row, there ?? null);
      if (focused instanceof HTMLElement) focused.focus();
    }
  }

  /**
   * @param {Peer} peer
   * @param {Status} status
   * @param {boolean} isChosen
   * @returns {HTMLTableRowElement}
   */
  #row(peer, status, isChosen) {
    const { id, name, state, texts } = this.#columns;
    const row = this.#rows.get(id(peer)) ?? this.#makeRow(id(peer), name(peer));
    setAttribute(row, 'data-state', state(peer));
    row.querySelector('button')?.setAttribute('aria-pressed', `${isChosen}`);
    const cells = row.querySelectorAll('.value');
    for (const [index, text] of texts(peer, status).entries()) {
      const cell = cells[index];
      if (cell) setText(cell, text);
    }
    return row;
  }

  /**
   * @param {string} id
   * @param {string} name
   * @returns {HTMLTableRowElement}
   */
  #makeRow(id, name) {
    const button = html('button', { type: 'button', class: 'peer' }, [
      html('bdi', {}, [printable(name)]),
    ]);
    button.addEventListener('click', () => this.#choose(id));
    const cells = this.#columns.titles.map((title, index) =>
      html('td', { role: 'cell', 'data-column': title, class: `column${index}` }, [
        html('span', { class: 'value' }),
      ]),
    );
    const row = html('tr', { role: 'row' }, [
      html('th', { role: 'rowheader', scope: 'row' }, [button]),
      ...cells,
    ]);
    this.#rows.set(id, row);
    return row;
  }
}

const byName = new Intl.Collator('en', { numeric: true });
const PAGE = 50;
