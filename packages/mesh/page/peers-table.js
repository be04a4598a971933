/**
 * `PeersTable`: a table with a row for each peer. It can be filtered and sorted, and shows one page of rows
 * at a time. A peer keeps its row element, so that focus and selections survive a new status.
 *
 * @module
 */
/** @import { MeshStatus, PeerStatus } from '../src/status/mesh-status.ts' */
/** @import { Rates } from './rates.js' */
import { html, setAttribute, setText } from './element.js';
import { ageText, bytesText, countText, printable, rateText } from './words.js';

/** @typedef {'state' | 'name' | 'throughput' | 'session' | 'key'} Order */

export class PeersTable {
  /** @type {HTMLElement} */
  #body;
  /** @type {HTMLElement} */
  #caption;
  /** @type {HTMLElement} */
  #more;
  /** @type {(name: string) => void} */
  #choose;
  /** @type {Map<string, HTMLTableRowElement>} */
  #rows = new Map();
  #limit = PAGE;
  /** @type {() => void} */
  #again = () => {};

  /**
   * @param {{ body: HTMLElement, caption: HTMLElement, more: HTMLElement, choose: (name: string) => void }} parts
   */
  constructor({ body, caption, more, choose }) {
    this.#body = body;
    this.#caption = caption;
    this.#more = more;
    this.#choose = choose;
    more.addEventListener('click', () => {
      this.#limit += PAGE;
      this.#again();
    });
  }

  /**
   * @param {MeshStatus} status
   * @param {Rates} rates
   * @param {{ filter: string, order: Order, chosen: string | undefined }} view
   */
  draw(status, rates, view) {
    this.#again = () => this.draw(status, rates, view);
    const { filter, order, chosen } = view;
    const wanted = filter.trim().toLowerCase();
    const found = status.peers
      .filter((peer) => wanted === '' || isFound(peer, wanted))
      .toSorted(comparison(order, rates));
    const shown = found.slice(0, this.#limit);
    const rows = shown.map((peer) => this.#row(peer, status.time, rates, peer.name === chosen));
    this.#place(rows);
    const names = new Set(status.peers.map(({ name }) => name));
    for (const name of this.#rows.keys()) if (!names.has(name)) this.#rows.delete(name);
    const all = countText(status.peers.length, 'peer');
    setText(this.#caption, wanted === '' ? all : `${found.length} of ${all}`);
    this.#more.hidden = found.length <= shown.length;
    setText(this.#more, `Show more (${found.length - shown.length} left)`);
  }

  /**
   * Moves only the rows that are not at their position, because a row that is moved loses the focus.
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
   * @param {PeerStatus} peer
   * @param {number} time
   * @param {Rates} rates
   * @param {boolean} isChosen
   * @returns {HTMLTableRowElement}
   */
  #row(peer, time, rates, isChosen) {
    const row = this.#rows.get(peer.name) ?? this.#makeRow(peer.name);
    const texts = textsOf(peer, time, rates);
    setAttribute(row, 'data-state', peer.state);
    row.querySelector('button')?.setAttribute('aria-pressed', `${isChosen}`);
    const cells = row.querySelectorAll('.value');
    for (const [index, text] of texts.entries()) {
      const cell = cells[index];
      if (cell) setText(cell, text);
    }
    return row;
  }

  /**
   * @param {string} name
   * @returns {HTMLTableRowElement}
   */
  #makeRow(name) {
    const button = html('button', { type: 'button', class: 'peer' }, [
      html('bdi', {}, [printable(name)]),
    ]);
    button.addEventListener('click', () => this.#choose(name));
    const cells = COLUMNS.map((column, index) =>
      html('td', { role: 'cell', 'data-column': column, class: `column${index}` }, [
        html('span', { class: 'value' }),
      ]),
    );
    const row = html('tr', { role: 'row' }, [
      html('th', { role: 'rowheader', scope: 'row' }, [button]),
      ...cells,
    ]);
    this.#rows.set(name, row);
    return row;
  }
}

/**
 * Returns the texts of the columns.
 *
 * @param {PeerStatus} peer
 * @param {number} time
 * @param {Rates} rates
 * @returns {string[]}
 */
function textsOf(peer, time, rates) {
  const { state, reason, endpoint, lastHandshakeAt, prefixes } = peer;
  const key = peer.keys.at(-1);
  const [first = 'none', ...others] = prefixes;
  return [
    reason === undefined ? state : `${state}: ${printable(reason)}`,
    endpoint ?? 'unknown',
    lastHandshakeAt === undefined ? 'no session' : ageText(time - lastHandshakeAt),
    key ? ageText(time - key.createdAt) : 'no key',
    rateText(rates.now(peer.name, 'received')),
    rateText(rates.now(peer.name, 'sent')),
    bytesText(peer.bytesReceived),
    bytesText(peer.bytesSent),
    others.length === 0 ? first : `${first} and ${others.length} more`,
  ];
}

/**
 * @param {PeerStatus} peer
 * @param {string} wanted
 * @returns {boolean}
 */
function isFound({ name, state, endpoint, prefixes, addresses }, wanted) {
  return [name, state, endpoint ?? '', ...prefixes, ...addresses].some((text) =>
    text.toLowerCase().includes(wanted),
  );
}

/**
 * @param {Order} order
 * @param {Rates} rates
 * @returns {(a: PeerStatus, b: PeerStatus) => number}
 */
function comparison(order, rates) {
  /** @type {(peer: PeerStatus) => number} */
  const weight = {
    /** @param {PeerStatus} peer */
    state: ({ state }) => STATES.indexOf(state),
    name: () => 0,
    /** @param {PeerStatus} peer */
    throughput: ({ name }) => -rates.now(name, 'both'),
    // The oldest handshake first; peers without a handshake are at the end.
    /** @param {PeerStatus} peer */
    session: ({ lastHandshakeAt }) => lastHandshakeAt ?? Infinity,
    /** @param {PeerStatus} peer */
    key: ({ keys }) => keys.at(-1)?.createdAt ?? Infinity,
  }[order];
  return (a, b) => {
    const [first, second] = [weight(a), weight(b)];
    if (first !== second) return first < second ? -1 : 1;
    return byName.compare(a.name, b.name);
  };
}

const byName = new Intl.Collator('en', { numeric: true });
/** The states in the order of the table: problems come first. */
const STATES = ['refused', 'waiting', 'connected'];

/** The columns besides the name. They are the same as in index.html. */
const COLUMNS = [
  'State',
  'Endpoint',
  'Session age',
  'Key age',
  'Received now',
  'Sent now',
  'Received',
  'Sent',
  'Prefixes',
];
const PAGE = 50;
