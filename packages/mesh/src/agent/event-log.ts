/**
 * `EventLog`: what happened, for a log and for `status`, and what is wrong now. Names and messages in it
 * come from others, so every text becomes one line without control characters, and of a flood of lines
 * most are left out and counted: a record that flaps must fill no disk.
 *
 * @module
 */
import { printable } from '@litz/core/internals';
import type { StatusEvent } from '../status/mesh-status.ts';

/** What an event is about, and how bad it is. */
export interface EventDetails {
  readonly level?: StatusEvent['level'];
  readonly peer?: string;
}

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

  /** The last ones, the oldest first. */
  get events(): readonly StatusEvent[] {
    return this.#events;
  }

  /** What is wrong now, a sentence each, with what it is about in front. */
  get troubles(): readonly string[] {
    return [...this.#troubles].map(([what, trouble]) => `${what}: ${trouble}`);
  }

  /** The same by what they are about. */
  get troublesByWhat(): ReadonlyMap<string, string> {
    return this.#troubles;
  }

  troubleOf(what: string): string | undefined {
    return this.#troubles.get(what);
  }

  say(text: string, { level = 'info', peer }: EventDetails = {}): void {
    const budget = this.#budgets[level];
    if (!budget.take()) return;
    const { leftOut } = budget;
    if (leftOut > 0)
      this.#note({ text: `(${leftOut} lines more, left out)`, level, peer: undefined });
    this.#note({ text: printable(text), level, peer });
  }

  #note(event: Omit<StatusEvent, 'at'>): void {
    this.#events.push({ at: this.#now(), ...event });
    if (this.#events.length > MOST_EVENTS) this.#events.shift();
    this.#print(event.text);
  }

  /** undefined: nothing is wrong with it any more. Said when that changes. */
  trouble(what: string, trouble: string | undefined): void {
    const text = trouble === undefined ? undefined : printable(trouble);
    if (this.#troubles.get(what) === text) return;
    if (text === undefined) {
      this.#troubles.delete(what);
      this.say(`${what}: well again`);
    } else {
      this.#troubles.set(what, text);
      this.say(`${what}: ${text}`, { level: 'warning' });
    }
  }
}

/** How many lines there may be: some at once, and then so many in a second. */
class LineBudget {
  readonly #now: () => number;
  #lines: number = LINES_AT_ONCE;
  #filledAt: number;
  #leftOut = 0;

  constructor(now: () => number) {
    this.#now = now;
    this.#filledAt = now();
  }

  /** Those that were left out since this was asked last. */
  get leftOut(): number {
    const count = this.#leftOut;
    this.#leftOut = 0;
    return count;
  }

  take(): boolean {
    const now = this.#now();
    // A clock that was set back fills nothing.
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
/** What a big mesh has to say when it starts is more than anybody reads; `status` has it all. */
const LINES_AT_ONCE = 500;
const LINES_PER_SECOND = 10;
