/**
 * `Connection`: receives the events of the server while the page is visible and not paused, and
 * shows how old the last status is. While the page is hidden or paused, it requests nothing.
 *
 * It uses these elements of the page: `connection`, `pause`, `troubles`, `announcement`.
 *
 * @module
 */
import { byId, html, setAttribute, setText } from './element.js';
import { ageText, printable } from './words.js';

/** In milliseconds. If no event came for this long, the page says that the status is late. */
const LATE_MS = 8000;

/**
 * @template Status
 * @typedef {object} ConnectionParts
 * @property {string} who the word for the program that sends the status: `agent`
 * @property {(status: Status) => void} take called with each status
 * @property {() => void} draw called when the server has sent a reason why it has no status
 * @property {(data: any) => void} [takeHistory] called with the history that the server
 *   sends after each connection
 */

/** @template Status */
export class Connection {
  /** The reason why the server cannot send a status. Undefined as soon as a status has come. */
  /** @type {string | undefined} */
  trouble;
  /** @type {ConnectionParts<Status>} */
  #parts;
  /** @type {EventSource | undefined} */
  #events;
  #isPaused = false;
  /** When the last event of the server came, in milliseconds of `performance.now()`; 0: never. */
  #heardAt = 0;

  /** @param {ConnectionParts<Status>} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Connects. After that, the connection is closed while the page is hidden or paused. */
  open() {
    this.#listen();
    const button = byId('pause');
    button.addEventListener('click', () => {
      this.#isPaused = !this.#isPaused;
      setAttribute(button, 'aria-pressed', `${this.#isPaused}`);
      setText(button, this.#isPaused ? 'Continue' : 'Pause');
      this.#listen();
    });
    document.addEventListener('visibilitychange', () => this.#listen());
    // If no status comes, there is no event. So a timer updates the shown age of the last status.
    setInterval(() => this.show(), 1000);
  }

  /** Shows the state of the connection, and the age of the last status if no new one comes. */
  show() {
    const element = byId('connection');
    const age = this.#heardAt === 0 ? 0 : performance.now() - this.#heardAt;
    const isOpen = this.#events?.readyState === EventSource.OPEN;
    let state = 'live';
    let text = 'live';
    if (this.#isPaused) [state, text] = ['paused', 'paused'];
    else if (!isOpen && this.#heardAt === 0) [state, text] = ['opening', 'connecting'];
    else if (!isOpen) {
      [state, text] = ['lost', `no ${this.#parts.who}, last heard ${ageText(age)} ago`];
    } else if (age > LATE_MS) [state, text] = ['lost', `late, last heard ${ageText(age)} ago`];
    setAttribute(element, 'data-state', state);
    setText(element, text);
  }

  /** Opens the stream if the page is visible and not paused. Else, closes it. */
  #listen() {
    const isWanted = !this.#isPaused && document.visibilityState === 'visible';
    if (!isWanted) {
      this.#events?.close();
      this.#events = undefined;
    } else {
      this.#events ??= this.#connect();
    }
    this.show();
  }

  /** @returns {EventSource} */
  #connect() {
    const events = new EventSource('events');
    const { who, take, draw, takeHistory } = this.#parts;
    events.addEventListener('history', ({ data }) => takeHistory?.(JSON.parse(data)));
    events.addEventListener('message', ({ data }) => {
      this.#heardAt = performance.now();
      this.trouble = undefined;
      take(JSON.parse(data));
    });
    events.addEventListener('trouble', ({ data }) => {
      this.#heardAt = performance.now();
      this.trouble = `The ${who} cannot read its status: ${JSON.parse(data)}`;
      draw();
    });
    events.addEventListener('error', () => {
      // A browser reconnects by itself, but not if the server has refused the request.
      if (events.readyState !== EventSource.CLOSED) return this.show();
      this.#events = undefined;
      setTimeout(() => this.#listen(), 5000);
      return undefined;
    });
    return events;
  }
}

/** @param {readonly string[]} texts the present problems */
export function showTroubles(texts) {
  const list = byId('troubles');
  list.hidden = texts.length === 0;
  const key = texts.join('\n');
  if (list.dataset['key'] === key) return;
  list.dataset['key'] = key;
  list.replaceChildren(...texts.map((text) => html('li', {}, [printable(text)])));
}

/** Announces to screen readers that peers have changed their state. */
export class Announcer {
  /** @type {Map<string, string>} */
  #states = new Map();

  /** @param {readonly { readonly id: string, readonly name: string, readonly state: string }[]} peers */
  take(peers) {
    const changed = peers.filter(({ id, state }) => (this.#states.get(id) ?? state) !== state);
    this.#states = new Map(peers.map(({ id, state }) => [id, state]));
    if (changed.length === 0) return;
    const texts = changed.slice(0, 3).map(({ name, state }) => `${printable(name)} is ${state}`);
    const more = changed.length > 3 ? [`${changed.length - 3} more changed`] : [];
    setText(byId('announcement'), [...texts, ...more].join(', '));
  }
}
