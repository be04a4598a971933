/**
 * `measureLargeAgent`: measures one `litz agent` with thousands of nodes: its memory and CPU time,
 * and the cost of one change.
 *
 * @module
 */
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../peers/command.ts';
import type { Measurement } from '../results/result.ts';
import { median } from '../results/statistics.ts';
import { Crowd } from './crowd.ts';
import { count } from './crowd-figures.ts';
import { MeshNetwork } from './mesh-network.ts';
import { RealNode, realName, type RealNodeCounts } from './real-node.ts';
import { startRegistry, type RegistryName } from './registry-server.ts';

export interface LargeAgentSettings {
  /** The number of records in the registry. */
  readonly nodes: number;
  /** How many rounds of changes are measured. */
  readonly rounds: number;
  /** Changes in a round; each changes one record. */
  readonly changes: number;
  /**
   * How many seconds to wait between the start and the measurement at rest. V8 collects the garbage
   * of the start in this time, because it collects when nothing has happened for some seconds.
   */
  readonly settleSeconds: number;
}

/** Measures the agent on one registry. Afterwards it removes everything that it has made. */
export async function measureLargeAgent(
  name: RegistryName,
  settings: LargeAgentSettings,
  progress: (text: string) => void,
): Promise<Measurement[]> {
  const network = await MeshNetwork.create();
  const server = startRegistry(name, network.hub, [realName(1)]);
  const writer = new Crowd(server.place, network.hub, 1);
  let node: RealNode | undefined;
  try {
    await writer.prepare(server.preparation);
    await writer.writeMany(settings.nodes);
    node = await RealNode.start(await network.addNode(1), 1);
    const run = new LargeAgentRun(name, settings, progress);
    const begin = performance.now();
    node.startAgent(server.place);
    await run.measureStart(node, begin);
    await run.measureChanges(node, writer);
    node.checkAlive();
    return run.measurements;
  } finally {
    await node?.close();
    await writer.close();
    await server.close();
    network.close();
  }
}

class LargeAgentRun {
  readonly measurements: Measurement[] = [];
  readonly #subject: string;
  readonly #settings: LargeAgentSettings;
  readonly #progress: (text: string) => void;

  constructor(subject: string, settings: LargeAgentSettings, progress: (text: string) => void) {
    this.#subject = subject;
    this.#settings = settings;
    this.#progress = progress;
  }

  /**
   * Waits until the agent has added all routes, and then measures the agent while nothing changes.
   */
  async measureStart(node: RealNode, begin: number): Promise<void> {
    const { nodes } = this.#settings;
    await until(
      'the routes of the agent',
      () => {
        node.checkAlive();
        return node.routes >= nodes;
      },
      START_MS,
    );
    this.#add('agent started to programmed', 's', [(performance.now() - begin) / 1000]);
    await pause(this.#settings.settleSeconds * 1000);
    const before = node.counts();
    await pause(REST_MS);
    const { cpuMs, gets, sets } = node.counts();
    this.#add('at rest: CPU of the agent', '%', [((cpuMs - before.cpuMs) / REST_MS) * 100]);
    const requests = gets - before.gets + sets - before.sets;
    this.#add('at rest: UAPI requests', 'requests', [requests]);
  }

  async measureChanges(node: RealNode, writer: Crowd): Promise<void> {
    const { nodes, rounds, changes } = this.#settings;
    const rates: Record<keyof RealNodeCounts, number[]> = {
      cpuMs: [],
      sets: [],
      gets: [],
      rulesets: [],
    };
    // These changes are a warm-up: V8 compiles the code before the measurement.
    for (let i = 0; i < changes; i++) await this.#change(writer, 1 + (i % nodes), WARM_PORT + i);
    for (let round = 0; round < rounds; round++) {
      const before = node.counts();
      for (let i = 0; i < changes; i++) {
        const number = 1 + ((round + i * 37) % nodes);
        await this.#change(writer, number, PORT + round * changes + i);
      }
      const after = node.counts();
      for (const key of COUNT_NAMES) rates[key].push((after[key] - before[key]) / changes);
    }
    const resident = node.resident();
    this.#add('CPU of the agent per change', 'ms', rates.cpuMs);
    this.#add('UAPI set per change', 'requests', rates.sets);
    this.#add('full UAPI get per change', 'requests', rates.gets);
    this.#add('nft transactions per change', 'transactions', rates.rulesets);
    this.#add('resident memory of the agent', 'MB', [resident.now]);
    this.#add('resident memory of the agent, most', 'MB', [resident.peak]);
  }

  async #change(writer: Crowd, number: number, port: number): Promise<void> {
    await writer.write(number, port, CHANGE_TIMEOUT_MS);
    await pause(APART_MS);
  }

  #add(what: string, unit: string, samples: number[]): void {
    const figure = `${count(this.#settings.nodes)} nodes: ${what}`;
    const value = median(samples);
    const several = samples.length > 1 ? { samples } : {};
    this.measurements.push({ figure, subject: this.#subject, unit, value, ...several });
    this.#progress(`${this.#subject}: ${figure}: ${value.toPrecision(4)} ${unit}`);
  }
}

const COUNT_NAMES = ['cpuMs', 'sets', 'gets', 'rulesets'] as const;
/**
 * Each change gives a node another port. These are the first ports in the warm-up and in the
 * rounds.
 */
const WARM_PORT = 10_000;
const PORT = 20_000;
/** Time limits in ms, of the start and of one change. */
const START_MS = 300_000;
const CHANGE_TIMEOUT_MS = 60_000;
/**
 * Time in ms between two changes. It is more than 50 ms, because the agent processes all changes
 * that come within 50 ms in one round.
 */
const APART_MS = 150;
const REST_MS = 5000;
