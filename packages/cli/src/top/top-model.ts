/**
 * `TopModel`: what `litz top` shows, and what each key does. It does not use the terminal.
 *
 * @module
 */
import { LiveHistory } from '../live/live-history.ts';
import type { LivePeer, LiveStatus } from '../live/live-status.ts';
import { ORDERS, type Order } from './order.ts';
import { sortPeers } from './top-columns.ts';

/** What the caller must do after a key. */
export type TopAction = 'quit' | 'suspend' | 'draw';

export class TopModel {
  readonly history: LiveHistory = new LiveHistory();
  status: LiveStatus | undefined = undefined;
  order: Order = 'received';
  isReversed = false;
  /** A status that comes while this is true is not shown. */
  isPaused = false;
  /** Whether the details of the selected peer are shown. */
  isOpen = false;
  isHelp = false;
  filter = '';
  /** Whether keys are added to the filter. */
  isTyping = false;
  /** The selected peer is `rows[selected]`. */
  rows: readonly LivePeer[] = [];
  /** Number of rows that fit on the screen; set by the code that draws. */
  pageSize = 1;
  /** The first row on the screen. */
  first = 0;
  #selectedId: string | undefined = undefined;

  /** The index of the selected peer; -1: there is no peer. */
  get selected(): number {
    const found = this.rows.findIndex(({ id }) => id === this.#selectedId);
    return found >= 0 ? found : Math.min(0, this.rows.length - 1);
  }

  /** Adds a status to the history, and shows it unless the model is paused. */
  take(status: LiveStatus): void {
    this.history.add(status);
    if (this.isPaused && this.status) return;
    this.status = status;
    this.#arrange();
  }

  /**
   * Does what a key asks for.
   *
   * @param key the name of the key, as `node:readline` gives it, or its character
   */
  press(key: string): TopAction {
    if (key === 'ctrl+c') return 'quit';
    if (key === 'ctrl+z') return 'suspend';
    if (this.isTyping) this.#type(key);
    else if (this.isHelp) this.isHelp = false;
    else if (key === 'q') return 'quit';
    else if (MOVES[key]) this.#select(MOVES[key](this.selected, this.pageSize, this.rows.length));
    else KEYS[key]?.(this);
    this.#arrange();
    return 'draw';
  }

  /** Shows or hides the details of the selected peer, which stays selected. */
  toggleDetails(): void {
    this.isOpen = !this.isOpen;
    this.#select(this.selected);
  }

  /** Selects the next order, or the previous one. */
  turnOrder(step: 1 | -1): void {
    const at = ORDERS.findIndex(([order]) => order === this.order);
    this.order = ORDERS[(at + step + ORDERS.length) % ORDERS.length]?.[0] ?? this.order;
    this.isReversed = false;
  }

  /** Scrolls so that the selected row is on the screen. */
  scroll(): void {
    const { selected, pageSize, rows } = this;
    const last = Math.max(0, rows.length - pageSize);
    const least = Math.max(0, selected - pageSize + 1);
    this.first = Math.min(last, Math.max(least, Math.min(this.first, Math.max(0, selected))));
  }

  #type(key: string): void {
    if (key === 'return' || key === 'enter') this.isTyping = false;
    else if (key === 'escape') [this.isTyping, this.filter] = [false, ''];
    else if (key === 'backspace') this.filter = this.filter.slice(0, -1);
    else if (key === 'space') this.filter += ' ';
    else if (/^[\x21-\x7e]$/.test(key)) this.filter += key;
  }

  #select(index: number): void {
    const bounded = Math.max(0, Math.min(this.rows.length - 1, index));
    this.#selectedId = this.rows[bounded]?.id;
  }

  #arrange(): void {
    const wanted = this.filter.toLowerCase();
    const peers = this.status?.peers ?? [];
    const found = wanted === '' ? peers : peers.filter((peer) => isFound(peer, wanted));
    this.rows = sortPeers(found, this.order, this.isReversed);
    // A selected peer stays selected when the order changes. If no row shows it any more, the first
    // row is selected.
    if (this.rows.some(({ id }) => id === this.#selectedId)) return;
    if (this.#selectedId !== undefined) this.#selectedId = this.rows[0]?.id;
  }
}

function isFound(peer: LivePeer, wanted: string): boolean {
  const { id, endpoint = '', endpointName = '', state, allowedIps } = peer;
  return [id, endpoint, endpointName, state, ...allowedIps].some((text) =>
    text.toLowerCase().includes(wanted),
  );
}

type Move = (at: number, page: number, count: number) => number;

const MOVES: Readonly<Record<string, Move | undefined>> = {
  up: (at) => at - 1,
  k: (at) => at - 1,
  down: (at) => at + 1,
  j: (at) => at + 1,
  pageup: (at, page) => at - page,
  pagedown: (at, page) => at + page,
  home: () => 0,
  end: (_at, _page, count) => count - 1,
};

const KEYS: Readonly<Record<string, ((model: TopModel) => void) | undefined>> = {
  s: (model) => model.turnOrder(1),
  S: (model) => model.turnOrder(-1),
  right: (model) => model.turnOrder(1),
  left: (model) => model.turnOrder(-1),
  r: (model) => (model.isReversed = !model.isReversed),
  p: (model) => (model.isPaused = !model.isPaused),
  return: (model) => model.toggleDetails(),
  enter: (model) => model.toggleDetails(),
  escape: (model) => (model.isOpen ? (model.isOpen = false) : (model.filter = '')),
  '/': (model) => (model.isTyping = true),
  '?': (model) => (model.isHelp = true),
  h: (model) => (model.isHelp = true),
};
