/**
 * `EventLog`: what happened, for a log and for `status`, and what is wrong now. Names and messages in it
 * come from others, so every text becomes one line without control characters.
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

  constructor(print: (line: string) => void, now: () => number) {
    this.#print = print;
    this.#now = now;
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
    const line = printable(text);
    this.#events.push({ at: this.#now(), level, peer, text: line });
    if (this.#events.length > MOST_EVENTS) this.#events.shift();
    this.#print(line);
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

const MOST_EVENTS = 100;
