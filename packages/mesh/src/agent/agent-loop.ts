/**
 * `AgentLoop`: does a round whenever something has changed, and when time alone brings something: a key
 * that is to be followed by another one, a rotation that waits no longer, a peer that may have gone.
 *
 * @module
 */
import type { KeysPlan } from '../keys/rotation.ts';
import { MeshRound } from './mesh-round.ts';
import type { RoundParts } from './round-parts.ts';
import { Rounds } from './rounds.ts';
import { describeStatus } from './status-publisher.ts';

export interface AgentLoopOptions {
  readonly parts: RoundParts;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** An own key is gone. */
  readonly onRotated: () => void;
  /** `--rotate-key-every` is over. */
  readonly onKeyIsOld: () => void;
}

export class AgentLoop {
  readonly #options: AgentLoopOptions;
  readonly #round: MeshRound;
  readonly #rounds: Rounds;
  #isLaid = false;
  #readiedBy!: () => void;
  readonly #readied: Promise<void> = new Promise((resolve) => (this.#readiedBy = resolve));
  #plan: KeysPlan | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #againMs = RETRY_MS;
  #isClosed = false;

  constructor(options: AgentLoopOptions) {
    const { events } = options.parts;
    this.#options = options;
    this.#round = new MeshRound(options.parts);
    this.#rounds = new Rounds(() => this.#run(), {
      delayMs: ROUND_DELAY_MS,
      onFailure: (error) => {
        events.trouble('agent', error.message);
        this.#tellStatus();
        this.#rounds.ask(RETRY_MS);
      },
    });
  }

  /** Everything that is known was laid once at least. */
  get isLaid(): boolean {
    return this.#isLaid;
  }

  /** Resolves when it is. */
  get laid(): Promise<void> {
    return this.#readied;
  }

  /** Names of the peers that a rotation waits for. */
  get waitsFor(): readonly string[] {
    return this.#plan?.waitsFor ?? [];
  }

  /** Something has changed. */
  ask(): void {
    this.#rounds.ask();
  }

  /** Something has changed that can't wait for what else changes. */
  askAtOnce(): void {
    this.#rounds.ask(0);
  }

  /** Something could not be done. It is tried again, with waits that grow. */
  askAgain(): void {
    this.#rounds.ask(this.#againMs);
    this.#againMs = Math.min(this.#againMs * 2, LONGEST_AGAIN_MS);
  }

  /**
   * Resolves when a round that began after this call is over.
   *
   * @throws {MeshHostError} what it failed with
   */
  async now(): Promise<void> {
    await this.#rounds.now();
  }

  /** Begins no more. Resolves when the last one is over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#rounds.close();
  }

  async #run(): Promise<void> {
    const { plan, isLaid, isUnfinished, isRotated } = await this.#round.run();
    this.#plan = plan;
    this.#options.parts.events.trouble('agent', undefined);
    this.#isLaid ||= isLaid;
    if (this.#isLaid) this.#readiedBy();
    if (isUnfinished) this.askAtOnce();
    if (isRotated) this.#options.onRotated();
    if (this.#options.parts.machine.hasFailed) this.askAgain();
    else this.#againMs = RETRY_MS;
    this.#tellStatus();
    this.#setTimer();
  }

  /** A status without a record would be one of nobody. */
  #tellStatus(): void {
    const { switches, peers, events, ownRecord, ownStatus } = this.#options.parts;
    if (!ownRecord.isThere) return;
    const enforcement = switches.holding(peers);
    ownStatus.want(describeStatus(switches.chosen, enforcement, events.troublesByWhat));
  }

  /** To what only time brings. What is overdue waits for something else by now. */
  #setTimer(): void {
    clearTimeout(this.#timer);
    const { parts, now } = this.#options;
    const time = now();
    const rotation = parts.keys.dueAt;
    const due = [
      this.#nextKeyAt,
      parts.peers.renewalsDueAt,
      rotation !== undefined && rotation > time ? rotation : undefined,
    ];
    const first = Math.min(...due.map((at) => at ?? Infinity));
    if (first === Infinity || this.#isClosed) return;
    const wait = Math.min(Math.max(first - time, 0), LONGEST_WAIT_MS);
    this.#timer = setTimeout(() => this.#timeCame(), wait);
  }

  #timeCame(): void {
    const { parts, now, onKeyIsOld } = this.#options;
    if (now() < (this.#nextKeyAt ?? Infinity)) return this.askAtOnce();
    try {
      onKeyIsOld();
      parts.events.trouble(NEXT_KEY, undefined);
    } catch (error) {
      parts.events.trouble(NEXT_KEY, (error as Error).message);
      this.#timer = setTimeout(() => this.#timeCame(), KEY_AGAIN_MS);
    }
  }

  /** When the key is to be followed by another one. */
  get #nextKeyAt(): number | undefined {
    const { rotateEveryMs } = this.#options.parts.settings;
    const [key, next] = this.#options.parts.keys.keys;
    return key && !next && rotateEveryMs !== undefined ? key.createdAt + rotateEveryMs : undefined;
  }
}

/** What changes within so long is one round. */
const ROUND_DELAY_MS = 50;
const RETRY_MS = 2000;
/** What can't be done now may never be possible, where a program is missing. */
const LONGEST_AGAIN_MS = 60_000;
const NEXT_KEY = 'the next key';
/** A full disk may have room by then. */
const KEY_AGAIN_MS = 60_000;
/** Of a timer, a day. */
const LONGEST_WAIT_MS = 86_400_000;
