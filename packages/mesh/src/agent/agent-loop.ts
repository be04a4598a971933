/**
 * `AgentLoop`: starts a round when something has changed, and at times that are known in advance.
 * These are the times when a key is due to be replaced, when a rotation stops waiting, and when a
 * round must check whether the peers with an expired record still renew their sessions.
 *
 * @module
 */
import type { KeysPlan } from '../keys/rotation.ts';
import { MeshRound } from './mesh-round.ts';
import type { RoundParts } from './round-parts.ts';
import { RoundSchedule } from './round-schedule.ts';
import { describeStatus } from './status-publisher.ts';

export interface AgentLoopOptions {
  readonly parts: RoundParts;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Called after a rotation has deleted the old key of this node. */
  readonly onRotated: () => void;
  /** Called when the key is older than `--rotate-key-every` allows. */
  readonly onKeyIsOld: () => void;
}

export class AgentLoop {
  readonly #options: AgentLoopOptions;
  readonly #round: MeshRound;
  readonly #schedule: RoundSchedule;
  #isApplied = false;
  #resolveApplied!: () => void;
  readonly #whenApplied: Promise<void> = new Promise((resolve) => (this.#resolveApplied = resolve));
  #plan: KeysPlan | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #retryMs = RETRY_MS;
  #isClosed = false;

  constructor(options: AgentLoopOptions) {
    const { events } = options.parts;
    this.#options = options;
    this.#round = new MeshRound(options.parts);
    this.#schedule = new RoundSchedule(() => this.#run(), {
      delayMs: ROUND_DELAY_MS,
      onFailure: (error) => {
        events.trouble('agent', error.message);
        this.#publishStatus();
        this.#schedule.request(RETRY_MS);
      },
    });
  }

  /** True once a round has programmed the daemon and the machine, even if single steps failed. */
  get isApplied(): boolean {
    return this.#isApplied;
  }

  /** Resolves when `isApplied` becomes true. */
  get applied(): Promise<void> {
    return this.#whenApplied;
  }

  /** The names of the peers that a rotation waits for. */
  get waitsFor(): readonly string[] {
    return this.#plan?.waitsFor ?? [];
  }

  /** Requests a round within `ROUND_DELAY_MS`. Changes within this time share one round. */
  request(): void {
    this.#schedule.request();
  }

  /** Requests a round now, without waiting for other changes. */
  requestNow(): void {
    this.#schedule.request(0);
  }

  /**
   * Requests another round, because a step has failed. The time until this round doubles with each
   * call, up to a minute.
   */
  retryLater(): void {
    this.#schedule.request(this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }

  /**
   * Starts a round. Resolves when this round has ended.
   *
   * @throws {MeshHostError} the error with which the round failed
   */
  async runNow(): Promise<void> {
    await this.#schedule.runNow();
  }

  /** Starts no more rounds. Resolves when the current round has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#schedule.close();
  }

  async #run(): Promise<void> {
    const { plan, isApplied, isUnfinished, isRotated } = await this.#round.run();
    this.#plan = plan;
    this.#options.parts.events.trouble('agent', undefined);
    this.#isApplied ||= isApplied;
    if (this.#isApplied) this.#resolveApplied();
    if (isUnfinished) this.requestNow();
    if (isRotated) this.#options.onRotated();
    if (this.#options.parts.machine.hasFailed) this.retryLater();
    else this.#retryMs = RETRY_MS;
    this.#publishStatus();
    this.#setTimer();
  }

  /**
   * Publishes the status of this node. Does nothing while the registry has no record of this node,
   * because the registry stores the status beside the record.
   */
  #publishStatus(): void {
    const { choices, peers, events, ownRecord, ownStatus } = this.#options.parts;
    if (!ownRecord.isStored) return;
    const enforcement = choices.effectiveEnforcement(peers);
    ownStatus.want(describeStatus(choices.chosen, enforcement, events.troublesBySubject));
  }

  /**
   * Sets the timer to the next time that is known in advance. No timer is set for a rotation that
   * has stopped waiting: only an event, such as an answer of the registry, lets it continue.
   */
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
    this.#timer = setTimeout(() => this.#onTimer(), wait);
  }

  #onTimer(): void {
    const { parts, now, onKeyIsOld } = this.#options;
    if (now() < (this.#nextKeyAt ?? Infinity)) return this.requestNow();
    try {
      onKeyIsOld();
      parts.events.trouble(NEXT_KEY, undefined);
    } catch (error) {
      parts.events.trouble(NEXT_KEY, (error as Error).message);
      this.#timer = setTimeout(() => this.#onTimer(), KEY_RETRY_MS);
    }
  }

  /**
   * Returns the Unix time in milliseconds at which the key is due to be replaced. Returns undefined
   * during a rotation and without `--rotate-key-every`.
   */
  get #nextKeyAt(): number | undefined {
    const { rotateEveryMs } = this.#options.parts.settings;
    const [key, next] = this.#options.parts.keys.keys;
    return key && !next && rotateEveryMs !== undefined ? key.createdAt + rotateEveryMs : undefined;
  }
}

/** In milliseconds. All changes within this time are handled in one round. */
const ROUND_DELAY_MS = 50;
/** In milliseconds. How long to wait before the first retry after a failure. */
const RETRY_MS = 2000;
/**
 * In milliseconds. The longest wait between retries. A step may fail for ever, for example if a
 * program is missing.
 */
const LONGEST_RETRY_MS = 60_000;
const NEXT_KEY = 'the next key';
/**
 * In milliseconds. How long to wait before the next try if the new key cannot be written: a full
 * disk may have free space by then.
 */
const KEY_RETRY_MS = 60_000;
/**
 * In milliseconds: one day. A longer wait takes several timers, because a timer of Node.js cannot
 * wait longer than 2^31 - 1 ms.
 */
const LONGEST_WAIT_MS = 86_400_000;
