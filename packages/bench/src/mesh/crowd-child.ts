/**
 * One process of a `Crowd`, with up to several hundred agents. It gets the requests of `crowd.ts`
 * over the IPC channel, and answers them one after the other.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCidr } from '@litz/core';
import { KeyStore, type NodeRecord, type Registry } from '@litz/mesh';
import type { CrowdCounts, CrowdRequest } from './crowd.ts';
import { fakeAddress, fakePrefix, fakeRecord, peerOf } from './fake-record.ts';
import { openRegistry, type RegistryPlace } from './registry-place.ts';
import { prepare } from './registry-server.ts';
import { countWrites, type WriteCounter } from './registry-writes.ts';
import { SimulatedNode } from './simulated-node.ts';

class CrowdPart {
  readonly #folder = mkdtempSync(join(tmpdir(), 'litz-crowd-'));
  readonly #nodes: SimulatedNode[] = [];
  /**
   * The times at which the agents of this process have configured a peer in their daemons. The key
   * is the text that `peerOf` returns for the peer.
   */
  readonly #programmed: Map<string, number[]> = new Map();
  /** The times at which agents of this process began to write their records, by agent number. */
  readonly #wrote: Map<number, number> = new Map();
  #registry: Registry | undefined = undefined;
  #writes: WriteCounter | undefined = undefined;

  async answer(request: CrowdRequest): Promise<unknown> {
    switch (request.do) {
      case 'prepare':
        return prepare(request.place, request.preparation);
      case 'seed':
        return this.#seed(request.place, request.numbers);
      case 'start':
        return this.#start(request.place, request.numbers);
      case 'make-key':
        return peerOf(this.#ownRecord(request.number));
      case 'wrote':
        return this.#wrote.get(request.number);
      case 'has-peers':
        return this.#nodes.every(({ peers }) => peers >= request.count);
      case 'expect':
        return void this.#programmed.set(request.peer, []);
      case 'programmed':
        return this.#programmed.get(request.peer) ?? [];
      case 'write':
        return this.#write(request.place, fakeRecord(request.number, request.port));
      case 'write-many':
        return this.#writeMany(request.place, request.count);
      case 'write-count':
        this.#writes ??= await countWrites(request.place);
        return this.#writes.count();
      case 'counts':
        return this.#counts();
      case 'close':
      default:
        return this.#close();
    }
  }

  /**
   * Makes the keys and publishes the records of agents that will start later. So these agents start
   * in the same state as after a restart of all agents.
   */
  async #seed(place: RegistryPlace, numbers: readonly number[]): Promise<void> {
    for (let i = 0; i < numbers.length; i += TOGETHER) {
      await Promise.all(
        numbers.slice(i, i + TOGETHER).map(async (number) => {
          const registry = openRegistry(place);
          await registry.publish(this.#ownRecord(number));
          await registry.close();
        }),
      );
    }
  }

  /** Makes a key for an agent, and returns the agent's record. */
  #ownRecord(number: number): NodeRecord {
    const folder = this.#folderOf(number);
    const store = new KeyStore({ folder, interfaceName: 'litz0' });
    const { publicKey, generation, createdAt } = store.create(1);
    return {
      name: nameOf(number),
      addresses: [fakeAddress(number)],
      port: PORT,
      keys: [{ publicKey, generation, createdAt }],
      prefixes: [parseCidr(fakePrefix(number))],
      encryptsNode: true,
      sendsPlaintext: false,
      revoked: false,
    };
  }

  #start(place: RegistryPlace, numbers: readonly number[]): void {
    for (const number of numbers) {
      const registry = openRegistry(place);
      const publish = registry.publish.bind(registry);
      registry.publish = (record): Promise<void> => {
        if (!this.#wrote.has(number)) this.#wrote.set(number, now());
        return publish(record);
      };
      const node = new SimulatedNode({
        number,
        name: nameOf(number),
        registry,
        folder: this.#folderOf(number),
        onProgrammed: (peer) => this.#programmed.get(peer)?.push(now()),
      });
      this.#nodes.push(node);
      node.agent.start();
    }
  }

  /** Writes a record. Returns the time in ms at which the write began. */
  async #write(place: RegistryPlace, record: NodeRecord): Promise<number> {
    this.#registry ??= openRegistry(place);
    const at = now();
    await this.#registry.publish(record);
    return at;
  }

  async #writeMany(place: RegistryPlace, count: number): Promise<void> {
    const registries = Array.from({ length: TOGETHER }, () => openRegistry(place));
    let next = 1;
    const writeOn = async (registry: Registry): Promise<void> => {
      while (next <= count) await registry.publish(fakeRecord(next++));
    };
    await Promise.all(registries.map(writeOn));
    await Promise.all(registries.map((registry) => registry.close()));
  }

  #counts(): CrowdCounts {
    const all = this.#nodes.map(({ counts }) => counts);
    const sum = (of: (counts: (typeof all)[number]) => number): number =>
      all.reduce((total, counts) => total + of(counts), 0);
    const { user, system } = process.cpuUsage();
    return {
      gets: sum(({ gets }) => gets),
      sets: sum(({ sets }) => sets),
      rulesets: sum(({ rulesets }) => rulesets),
      routes: sum(({ routes }) => routes),
      cpuMs: (user + system) / 1000,
      residentMb: process.memoryUsage().rss / 1e6,
    };
  }

  async #close(): Promise<void> {
    this.#writes?.close();
    await Promise.all(this.#nodes.map(({ agent }) => agent.close()));
    await this.#registry?.close();
    rmSync(this.#folder, { recursive: true, force: true });
    process.disconnect();
  }

  #folderOf(number: number): string {
    return join(this.#folder, String(number));
  }
}

/** Returns the time in ms. The clock is the same for all processes of a machine. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

function nameOf(number: number): string {
  return `node-${number}`;
}

const PORT = 51_871;
/** How many records are written at the same time. */
const TOGETHER = 32;

const part = new CrowdPart();
let work: Promise<void> = Promise.resolve();
process.on('message', ({ id, request }: { id: number; request: CrowdRequest }) => {
  work = work.then(async () => {
    try {
      const value = await part.answer(request);
      if (process.connected) process.send?.({ id, value });
    } catch (error) {
      process.send?.({ id, error: (error as Error).stack ?? String(error) });
    }
  });
});
