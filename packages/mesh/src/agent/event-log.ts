/**
 * `EventLog`: collects events for the log and for `status`, and keeps the current troubles. Names
 * and messages in events come from other machines, so every text is printed as one line without
 * control characters. If too many lines come, most are dropped and counted. Without this limit, a
 * record that changes constantly could fill the disk.
 *
 * @module
 */
import { printable } from '@litz/core/internals';
import type { StatusEvent } from '../status/mesh-status.ts';

/** The severity of an event, and the peer that it concerns. */
export interface EventDetails {
  readonly level?: StatusEvent['level'];
  readonly peer?: string;
}

/** The log of an agent: its latest events, and its current troubles. */
export class EventLog {
  readonly #print: (line: string) => void;
  readonly #now: () => number;
  readonly #events: StatusEvent[] = [];
  readonly #troubles: Map<string, string> = new Map();
  readonly #budgets: Readonly<Record<StatusEvent['level'], LineBudget>>;

  constructor(print: (line: string) => void, now: () => number) {
    this.#print = print;
    this.#now = now;
    const budget = (): LineBudget => new LineBudget(now);
    this.#budgets = { info: budget(), warning: budget(), error: budget() };
  }

  /** The latest events, the oldest first, at most `MOST_EVENTS`. */
  get events(): readonly StatusEvent[] {
    return this.#events;
  }

  /** The current troubles, each as "SUBJECT: WHAT IS WRONG". */
  get troubles(): readonly string[] {
    return [...this.#troubles].map(([subject, trouble]) => `${subject}: ${trouble}`);
  }

  /** The current troubles by subject. */
  get troublesBySubject(): ReadonlyMap<string, string> {
    return this.#troubles;
  }

  troubleOf(subject: string): string | undefined {
    return this.#troubles.get(subject);
  }

  log(text: string, { level = 'info', peer }: EventDetails = {}): void {
    const budget = this.#budgets[level];
    if (!budget.take()) return;
    const { leftOut } = budget;
    if (leftOut > 0)
      this.#note({ text: `(${leftOut} more lines were dropped)`, level, peer: undefined });
    this.#note({ text: printable(text), level, peer });
  }

  #note(event: Omit<StatusEvent, 'at'>): void {
    this.#events.push({ at: this.#now(), ...event });
    if (this.#events.length > MOST_EVENTS) this.#events.shift();
    this.#print(event.text);
  }

  /**
   * Sets or clears the trouble of a subject and logs it if it has changed.
   *
   * @param trouble what is wrong; undefined: the trouble is over
   */
  trouble(subject: string, trouble: string | undefined): void {
    const text = trouble === undefined ? undefined : printable(trouble);
    if (this.#troubles.get(subject) === text) return;
    if (text === undefined) {
      this.#troubles.delete(subject);
      this.log(`${subject}: resolved`);
    } else {
      this.#troubles.set(subject, text);
      this.log(`${subject}: ${text}`, { level: 'warning' });
    }
  }
}

/**
 * A token bucket of log lines: it holds `LINES_AT_ONCE` lines and refills at `LINES_PER_SECOND`.
 */
class LineBudget {
  readonly #now: () => number;
  #lines: number = LINES_AT_ONCE;
  #filledAt: number;
  #leftOut = 0;

  constructor(now: () => number) {
    this.#now = now;
    this.#filledAt = now();
  }

  /**
   * How many lines were dropped since the last read of this property. Reading it resets it to 0.
   */
  get leftOut(): number {
    const count = this.#leftOut;
    this.#leftOut = 0;
    return count;
  }

  take(): boolean {
    const now = this.#now();
    // A clock that was set back adds no lines.
    const earned = (Math.max(0, now - this.#filledAt) / 1000) * LINES_PER_SECOND;
    this.#filledAt = now;
    this.#lines = Math.min(this.#lines + earned, LINES_AT_ONCE);
    if (this.#lines < 1) {
      this.#leftOut++;
      return false;
    }
    this.#lines--;
    return true;
  }
}

const MOST_EVENTS = 100;
/**
 * At its start, the agent of a large mesh has more events than this. The rest is dropped, because
 * nobody would read so many lines, and `status` shows all peers.
 */
const LINES_AT_ONCE = 500;
const LINES_PER_SECOND = 10;
