/**
 * `HeldEvents`: keeps the events of a new device until its caller can listen.
 *
 * The link can be up and the first handshake complete before `await Device.create(...)` returns the
 * device, and only then can the caller add listeners. So events are kept in order. They are emitted
 * in the turn of the event loop after the one in which the caller first adds a listener or calls a
 * method. Then all listeners that were added in that turn receive them. If the caller does neither,
 * events are kept for one second, and at most 1000 of them.
 *
 * @module
 */
export class HeldEvents {
  readonly #onRelease: () => void;
  /** The kept events, oldest first. Undefined once nothing is kept any more. */
  #held: (() => void)[] | undefined = [];
  #timer: NodeJS.Timeout | undefined = undefined;
  #isUrgent = false;
  #isReleasing = false;
  #isUsed = false;

  /** @param onRelease called once, before the first kept event is emitted */
  constructor(onRelease: () => void) {
    this.#onRelease = onRelease;
  }

  /** Whether no event was emitted yet. */
  get isHolding(): boolean {
    return this.#held !== undefined && !this.#isReleasing;
  }

  /** `Device.create` returns the device now, so the time limit starts. */
  handedOut(): void {
    this.#timer = setTimeout(() => this.release(), LONGEST_MS);
    if (!this.#isUrgent) this.#timer.unref();
  }

  /** Keeps the event, or emits it at once if nothing is kept any more. */
  tell(emit: () => void): void {
    if (this.#timer && this.#held && this.#held.length >= MOST_EVENTS) this.release();
    if (this.#held) this.#held.push(emit);
    else emit();
  }

  /**
   * Keeps the process alive until the events are emitted. Otherwise an error could be lost because
   * the process has nothing else to wait for.
   */
  hurry(): void {
    this.#isUrgent = true;
    this.#timer?.ref();
  }

  /** The caller has added a listener or called a method. */
  used(): void {
    if (this.#isUsed || !this.#held) return;
    this.#isUsed = true;
    // Runs after the current code and its microtasks.
    setImmediate(() => this.release());
  }

  /** Emits all kept events. Events that a listener causes are emitted after them. */
  release(): void {
    if (!this.#held || this.#isReleasing) return;
    this.#isReleasing = true;
    clearTimeout(this.#timer);
    this.#onRelease();
    this.#tellAll(this.#held);
  }

  #tellAll(held: (() => void)[]): void {
    let told = 0;
    try {
      while (told < held.length) held[told++]!();
      this.#held = undefined;
    } finally {
      // A listener threw. Its error goes to the caller; the remaining events are emitted in the
      // next turn.
      if (this.#held) {
        const rest = held.slice(told);
        this.#held = rest;
        setImmediate(() => this.#tellAll(rest));
      }
    }
  }
}

// How long events are kept if the caller does nothing, in ms.
const LONGEST_MS = 1000;
// How many events are kept if the caller does nothing. Later events release them all.
const MOST_EVENTS = 1000;
