/**
 * `HeldEvents`: what a new device tells, kept until whoever made it listens.
 *
 * The link is up and the first handshake may be over before `await Device.create(...)` gives the device
 * to its caller, who can listen only then. So what happens is kept, in its order, until the turn after
 * the one in which the caller first adds a listener or calls the device: all that it adds in that turn
 * are there too. If it does nothing, it is kept for a second, and no more than a thousand events are.
 *
 * @module
 */
export class HeldEvents {
  readonly #onRelease: () => void;
  /** Undefined when nothing is kept any more. */
  #held: (() => void)[] | undefined = [];
  #timer: NodeJS.Timeout | undefined = undefined;
  #isUrgent = false;
  #isReleasing = false;
  #isUsed = false;

  /** @param onRelease called once, before the first of them is told */
  constructor(onRelease: () => void) {
    this.#onRelease = onRelease;
  }

  /** Nothing has been told yet. */
  get isHolding(): boolean {
    return this.#held !== undefined && !this.#isReleasing;
  }

  /** The caller gets the device now. */
  handedOut(): void {
    this.#timer = setTimeout(() => this.release(), LONGEST_MS);
    if (!this.#isUrgent) this.#timer.unref();
  }

  /** Tells it at once if nothing is kept any more. */
  tell(emit: () => void): void {
    if (this.#timer && this.#held && this.#held.length >= MOST_EVENTS) this.release();
    if (this.#held) this.#held.push(emit);
    else emit();
  }

  /** What is kept must not be lost because the process has nothing else to wait for. */
  hurry(): void {
    this.#isUrgent = true;
    this.#timer?.ref();
  }

  /** The caller has the device: it listens, or asks it something. */
  used(): void {
    if (this.#isUsed || !this.#held) return;
    this.#isUsed = true;
    // After the code that runs now, and all that follows from it without waiting.
    setImmediate(() => this.release());
  }

  /** Tells all that is kept. What a listener gives rise to comes behind it. */
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
      // A listener threw, which is its own affair: the others are told all the same.
      if (this.#held) {
        const rest = held.slice(told);
        this.#held = rest;
        setImmediate(() => this.#tellAll(rest));
      }
    }
  }
}

const LONGEST_MS = 1000;
const MOST_EVENTS = 1000;
