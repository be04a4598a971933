/**
 * `BufferedEvents`: keeps the events of a new device until its caller can listen.
 *
 * The caller can add listeners only after `await Device.create(...)` has returned the device. By
 * then, the link can be up and the first handshake complete. So events are kept in order until the
 * caller first adds a listener or calls a method. They are emitted in the next turn of the event
 * loop, so that all listeners that the caller adds in the same turn receive them. If the caller
 * does neither, events are kept for one second, and at most 1000 of them.
 *
 * @module
 */
export class BufferedEvents {
  readonly #onRelease: () => void;
  /** The kept events, oldest first. Undefined once nothing is kept any more. */
  #buffered: (() => void)[] | undefined = [];
  #timer: NodeJS.Timeout | undefined = undefined;
  #isUrgent = false;
  #isReleasing = false;
  #isUsed = false;

  /** @param onRelease called once, before the first kept event is emitted */
  constructor(onRelease: () => void) {
    this.#onRelease = onRelease;
  }

  /** Whether all events so far are still kept. */
  get isBuffering(): boolean {
    return this.#buffered !== undefined && !this.#isReleasing;
  }

  /** Starts the time limit. Called when `Device.create` returns the device. */
  startTimeLimit(): void {
    this.#timer = setTimeout(() => this.release(), LONGEST_MS);
    if (!this.#isUrgent) this.#timer.unref();
  }

  /** Keeps the event, or emits it at once if the kept events have been emitted. */
  add(emit: () => void): void {
    if (this.#timer && this.#buffered && this.#buffered.length >= MOST_EVENTS) this.release();
    if (this.#buffered) this.#buffered.push(emit);
    else emit();
  }

  /**
   * Keeps the process alive until the events are emitted. If the process had nothing else to wait
   * for, it could otherwise end before an error is emitted.
   */
  keepProcessAlive(): void {
    this.#isUrgent = true;
    this.#timer?.ref();
  }

  /** Must be called when the caller adds a listener or calls a method. */
  markUsed(): void {
    if (this.#isUsed || !this.#buffered) return;
    this.#isUsed = true;
    // Runs after the current code and its microtasks.
    setImmediate(() => this.release());
  }

  /** Emits all kept events. Events that a listener causes are emitted after them. */
  release(): void {
    if (!this.#buffered || this.#isReleasing) return;
    this.#isReleasing = true;
    clearTimeout(this.#timer);
    this.#onRelease();
    this.#emitAll(this.#buffered);
  }

  #emitAll(buffered: (() => void)[]): void {
    let emitted = 0;
    try {
      while (emitted < buffered.length) buffered[emitted++]!();
      this.#buffered = undefined;
    } finally {
      // A listener threw, and this method passes its error on. The remaining events are emitted in
      // the next turn of the event loop.
      if (this.#buffered) {
        const rest = buffered.slice(emitted);
        this.#buffered = rest;
        setImmediate(() => this.#emitAll(rest));
      }
    }
  }
}

// How long events are kept if the caller does nothing, in ms.
const LONGEST_MS = 1000;
// How many events are kept after `Device.create` has returned, if the caller does nothing. If one
// more event comes, all of them are emitted.
const MOST_EVENTS = 1000;
