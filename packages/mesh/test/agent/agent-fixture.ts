/**
 * `AgentFixture`: an agent of node `n1` with a simulated daemon, machine and registry, and a clock
 * that a test moves. Keys and state are in a temporary folder, which is removed after the test.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAddress, parseCidr } from '@litz/core';
import { equalBytes } from '@litz/core/internals';
import { onTestFinished, vi } from 'vitest';
import { Agent } from '../../src/agent/agent.ts';
import type { AgentSettings } from '../../src/agent/agent-settings.ts';
import { staticPrefixes, type PrefixSource } from '../../src/agent/prefix-source.ts';
import { KeyStore } from '../../src/keys/key-store.ts';
import type { NodeRecord } from '../../src/record/node-record.ts';
import type { Way } from '../plan/simulated-machine.ts';
import { keyOf } from '../records.ts';
import { MemoryRegistry } from './memory-registry.ts';
import { SimulatedDaemon } from './simulated-daemon.ts';
import { SimulatedHost } from './simulated-host.ts';

export interface AgentFixtureOptions {
  readonly settings?: Partial<AgentSettings>;
  readonly prefixes?: PrefixSource;
}

export class AgentFixture {
  /** All changes of the daemon, the machine and the registry, in order. */
  readonly log: string[] = [];
  /** The lines that the agent logged. */
  readonly said: string[] = [];
  readonly daemon: SimulatedDaemon = new SimulatedDaemon((line) => this.log.push(line));
  readonly folder: string = mkdtempSync(join(tmpdir(), 'litz-agent-'));
  registry: MemoryRegistry = new MemoryRegistry((line) => this.log.push(line));
  host: SimulatedHost = new SimulatedHost((line) => this.log.push(line));
  agent: Agent;
  readonly #options: AgentFixtureOptions;

  /** Stops the clock at a fixed time in 2026. */
  constructor(options: AgentFixtureOptions = {}) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: START });
    this.#options = options;
    this.agent = this.#open();
    onTestFinished(async () => {
      await this.agent.close();
      vi.useRealTimers();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** Starts the agent with a daemon, and with a readable registry that has these records. */
  async start(...records: readonly NodeRecord[]): Promise<void> {
    for (const record of records) this.registry.records.set(record.name, record);
    this.daemon.starts();
    this.agent.start();
    this.registry.sync();
    await pass(1000);
  }

  /** Closes the agent and makes a new one on the same machine. The test must start the new one. */
  async replace(settings: Partial<AgentSettings> = {}): Promise<void> {
    await this.agent.close();
    const { records } = this.registry;
    this.registry = new MemoryRegistry((line) => this.log.push(line));
    for (const [name, record] of records) this.registry.records.set(name, record);
    const { machine } = this.host;
    this.host = new SimulatedHost((line) => this.log.push(line));
    this.host.machine = machine;
    this.agent = this.#open(settings);
  }

  /** Simulates handshakes with these peers. */
  async answer(...numbers: readonly number[]): Promise<void> {
    for (const number of numbers) this.daemon.hasSession(keyOf(number));
    await pass(100);
  }

  /** The own record in the registry. */
  get record(): NodeRecord | undefined {
    return this.registry.records.get('n1') as NodeRecord | undefined;
  }

  /** The generations of the keys in the own record. */
  get published(): readonly number[] | undefined {
    return this.record?.keys.map(({ generation }) => generation);
  }

  /** The generations of the daemon's key and of its next key. NaN: the key is not in the store. */
  get identities(): readonly (number | undefined)[] {
    const store = new KeyStore({ folder: this.folder, interfaceName: 'litz0' }).read();
    return [this.daemon.own, this.daemon.next].map(
      (key) =>
        key && (store.find(({ publicKey }) => equalBytes(publicKey, key))?.generation ?? NaN),
    );
  }

  /** Returns where the machine sends a packet to a pod of node `number`. */
  wayTo(number: number): Way {
    return this.host.machine.wayOf(parseAddress(`10.244.${number}.9`));
  }

  #open(settings: Partial<AgentSettings> = {}): Agent {
    const { prefixes = staticPrefixes([parseCidr('10.244.1.0/24')]) } = this.#options;
    return new Agent(
      { ...SETTINGS, stateFolder: this.folder, ...this.#options.settings, ...settings },
      {
        registry: this.registry,
        host: this.host,
        client: this.daemon,
        prefixes,
        keys: new KeyStore({ folder: this.folder, interfaceName: 'litz0' }),
        log: (line) => this.said.push(line),
      },
    );
  }
}

/** Moves the clock by `ms` milliseconds and runs the timers that are due. */
export async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** Returns a promise that resolves when `open` is called. */
export function gate(): { readonly shut: Promise<void>; readonly open: () => void } {
  let open!: () => void;
  const shut = new Promise<void>((resolve) => (open = resolve));
  return { shut, open };
}

const START = Date.UTC(2026, 10, 29);
const SETTINGS: Omit<AgentSettings, 'stateFolder'> = {
  node: 'n1',
  addresses: ['192.0.2.1'],
  interfaceName: 'litz0',
  port: 51871,
  mode: 'pods',
  enforcement: 'permissive',
  force: false,
  clusterPrefixes: [parseCidr('10.244.0.0/16')],
  servicePrefixes: [],
  nodePrefixes: [],
  persistentKeepalive: 0,
  rotateEveryMs: undefined,
  rotateTimeoutMs: 600_000,
  encryptsNode: true,
};
