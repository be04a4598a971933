/**
 * `Crowd`: many real agents on simulated machines, in a few processes.
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { RunningCommand } from '../peers/command.ts';
import { fakeRecord, peerOf } from './fake-record.ts';
import type { RegistryPlace } from './registry-place.ts';
import type { Preparation } from './registry-server.ts';

/** A request to a process of the crowd. */
export type CrowdRequest =
  | { do: 'prepare'; place: RegistryPlace; preparation: Preparation }
  | { do: 'seed' | 'start'; place: RegistryPlace; numbers: readonly number[] }
  | { do: 'make-key' | 'wrote'; number: number }
  | { do: 'has-peers'; count: number }
  | { do: 'expect' | 'programmed'; peer: string }
  | { do: 'write'; place: RegistryPlace; number: number; port: number }
  | { do: 'write-many'; place: RegistryPlace; count: number }
  | { do: 'write-count'; place: RegistryPlace }
  | { do: 'counts' | 'close' };

/**
 * The sums over all agents: requests to their daemons, rulesets and changes of routes. The CPU time
 * and the memory are the sums over all processes.
 */
export interface CrowdCounts {
  readonly gets: number;
  readonly sets: number;
  readonly rulesets: number;
  readonly routes: number;
  readonly cpuMs: number;
  readonly residentMb: number;
}

export class Crowd {
  readonly #place: RegistryPlace;
  readonly #parts: readonly CrowdProcess[];
  /**
   * The process of agents that join. Only these few agents run in it, so they are hardly delayed by
   * other agents, as on a real machine.
   */
  readonly #joining: CrowdProcess;
  #agents = 0;

  /** @param processes the number of processes, without the process of agents that join */
  constructor(place: RegistryPlace, namespace: string, processes: number) {
    this.#place = place;
    this.#parts = Array.from({ length: processes }, () => new CrowdProcess(namespace));
    this.#joining = new CrowdProcess(namespace);
  }

  get agents(): number {
    return this.#agents;
  }

  async prepare(preparation: Preparation): Promise<void> {
    await this.#first.request({ do: 'prepare', place: this.#place, preparation });
  }

  /** Writes the records of agents that will start later. */
  async seed(numbers: readonly number[]): Promise<void> {
    await this.#divide(numbers, 'seed');
  }

  /** Starts agents at the same time. */
  async start(numbers: readonly number[]): Promise<void> {
    this.#agents += numbers.length;
    await this.#divide(numbers, 'start');
  }

  /**
   * Starts one more agent, which no other agent knows yet.
   *
   * @returns for each other agent, the time in ms from the beginning of the new agent's write until
   *   the other agent has configured the new agent as a peer
   */
  async join(number: number, timeoutMs: number): Promise<number[]> {
    const others = this.#agents++;
    const peer = await this.#joining.request<string>({ do: 'make-key', number });
    await this.#all({ do: 'expect', peer });
    await this.#joining.request({ do: 'start', place: this.#place, numbers: [number] });
    const times = await this.#programmed(peer, others, timeoutMs);
    const at = await this.#joining.request<number>({ do: 'wrote', number });
    return times.map((time) => time - at);
  }

  /**
   * Waits until every daemon has at least `count` peers.
   *
   * @throws {Error} (rejects) a daemon still has fewer peers after `timeoutMs`
   */
  async untilAllHave(count: number, timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const all = await this.#all<boolean>({ do: 'has-peers', count });
      if (all.every(Boolean)) return;
      if (performance.now() > end) throw new Error(`not all agents had ${count} peers in time`);
      await pause(POLL_MS);
    }
  }

  /** Writes the records of fake nodes 1 to `count`. */
  async writeMany(count: number): Promise<void> {
    await this.#first.request({ do: 'write-many', place: this.#place, count });
  }

  /**
   * Writes the record of a fake node. `at` is the time in ms at which the write began. `took` says
   * how many ms each agent took to configure the node as a peer.
   */
  async write(
    number: number,
    port: number,
    timeoutMs: number,
  ): Promise<{ readonly at: number; readonly took: number[] }> {
    const peer = peerOf(fakeRecord(number, port));
    await this.#all({ do: 'expect', peer });
    const at = await this.#first.request<number>({ do: 'write', place: this.#place, number, port });
    const times = await this.#programmed(peer, this.#agents, timeoutMs);
    return { at, took: times.map((time) => time - at) };
  }

  /**
   * Returns the times at which `count` agents have configured the peer.
   *
   * @throws {Error} (rejects) fewer than `count` agents have configured the peer in time
   */
  async #programmed(peer: string, count: number, timeoutMs: number): Promise<number[]> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const times = (await this.#all<number[]>({ do: 'programmed', peer })).flat();
      if (times.length >= count) return times;
      if (performance.now() > end) {
        throw new Error(`only ${times.length} of ${count} agents configured a peer in time`);
      }
      await pause(POLL_MS);
    }
  }

  /** Counts the writes to the registry. Only the difference of two values has a meaning. */
  async writes(): Promise<number> {
    return this.#first.request({ do: 'write-count', place: this.#place });
  }

  async counts(): Promise<CrowdCounts> {
    const all = await this.#all<CrowdCounts>({ do: 'counts' });
    const sum = (of: (counts: CrowdCounts) => number): number =>
      all.reduce((total, counts) => total + of(counts), 0);
    return {
      gets: sum(({ gets }) => gets),
      sets: sum(({ sets }) => sets),
      rulesets: sum(({ rulesets }) => rulesets),
      routes: sum(({ routes }) => routes),
      cpuMs: sum(({ cpuMs }) => cpuMs),
      residentMb: sum(({ residentMb }) => residentMb),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((part) => part.close()));
  }

  get #processes(): CrowdProcess[] {
    return [...this.#parts, this.#joining];
  }

  get #first(): CrowdProcess {
    return this.#parts[0]!;
  }

  #all<T>(request: CrowdRequest): Promise<T[]> {
    return Promise.all(this.#processes.map((part) => part.request<T>(request)));
  }

  /**
   * Divides the agents among the processes, and sends each process a request for its own agents.
   */
  async #divide(numbers: readonly number[], what: 'seed' | 'start'): Promise<void> {
    const { length } = this.#parts;
    await Promise.all(
      this.#parts.map((part, i) => {
        const own = numbers.filter((_, at) => at % length === i);
        return part.request({ do: what, place: this.#place, numbers: own });
      }),
    );
  }
}

class CrowdProcess {
  readonly #command: RunningCommand;
  readonly #waiting: Map<number, (answer: Answer) => void> = new Map();
  #lastId = 0;

  constructor(namespace: string) {
    this.#command = new RunningCommand(process.execPath, [...FLAGS, CHILD], {
      namespace,
      onMessage: (message) => this.#receive(message as Answer),
    });
    void this.#command.result(2 ** 31 - 1).catch((error: Error) => {
      for (const answer of this.#waiting.values()) answer({ id: 0, error: error.message });
    });
  }

  request<T>(request: CrowdRequest): Promise<T> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ value, error }) => {
        if (error === undefined) resolve(value as T);
        else reject(new Error(error));
      });
      this.#command.send({ id, request });
    });
  }

  async close(): Promise<void> {
    if (!this.#command.hasEnded) this.#command.send({ id: 0, request: { do: 'close' } });
    await this.#command.result(CLOSE_MS).catch(() => {});
  }

  #receive(answer: Answer): void {
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/**
 * Flags for V8. Hundreds of agents share one heap of a gigabyte. The default young generation is
 * too small for them: garbage collection would cost more than the work of the agents.
 */
const FLAGS = ['--min-semi-space-size=64', '--max-semi-space-size=128'];
const CHILD = fileURLToPath(new URL('./crowd-child.js', import.meta.url));
const POLL_MS = 100;
const CLOSE_MS = 60_000;
