/**
 * `measureCrowd`: measures many agents and a few real nodes on one registry: how long a change
 * takes to reach all of them, and the load of the registry.
 *
 * @module
 */
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../peers/command.ts';
import type { Measurement } from '../results/result.ts';
import { quantile } from '../results/statistics.ts';
import { Crowd } from './crowd.ts';
import { fakePrefix } from './fake-record.ts';
import { MeshNetwork } from './mesh-network.ts';
import { RealNode, realName } from './real-node.ts';
import { startRegistry, type RegistryName } from './registry-server.ts';

export interface CrowdSettings {
  /** How many agents run on simulated machines. */
  readonly agents: number;
  readonly processes: number;
  /** How many nodes run `litz` and `litz agent` as programs. */
  readonly realNodes: number;
  /** How many records are changed, one after the other. */
  readonly changes: number;
  /** How many agents join, one after the other. */
  readonly joins: number;
  /** How many seconds the mesh is measured without changes. */
  readonly restSeconds: number;
}

/** Measures the agents on one registry. Afterwards it removes everything that it has made. */
export async function measureCrowd(
  name: RegistryName,
  settings: CrowdSettings,
  progress: (text: string) => void,
): Promise<Measurement[]> {
  const network = await MeshNetwork.create();
  const numbers = Array.from({ length: settings.realNodes }, (_, i) => i + 1);
  const server = startRegistry(name, network.hub, numbers.map(realName));
  const crowd = new Crowd(server.place, network.hub, settings.processes);
  const nodes: RealNode[] = [];
  try {
    await crowd.prepare(server.preparation);
    for (const number of numbers) {
      nodes.push(await RealNode.start(await network.addNode(number), number));
    }
    const run = new CrowdRun(name, settings, { crowd, nodes, progress });
    await run.start(() => nodes.forEach((node) => node.startAgent(server.place)));
    await run.rest();
    await run.changes();
    await run.joins();
    for (const node of nodes) node.checkAlive();
    return run.measurements;
  } finally {
    await crowd.close();
    await Promise.all(nodes.map((node) => node.close()));
    await server.close();
    network.close();
  }
}

interface CrowdParts {
  readonly crowd: Crowd;
  readonly nodes: readonly RealNode[];
  readonly progress: (text: string) => void;
}

/** Returns a number with commas between thousands. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

class CrowdRun {
  readonly measurements: Measurement[] = [];
  readonly #subject: string;
  readonly #settings: CrowdSettings;
  readonly #parts: CrowdParts;

  constructor(subject: string, settings: CrowdSettings, parts: CrowdParts) {
    this.#subject = subject;
    this.#settings = settings;
    this.#parts = parts;
  }

  /** Starts all agents at once, as after a power failure. Their records exist already. */
  async start(startNodes: () => void): Promise<void> {
    const { crowd, nodes, progress } = this.#parts;
    const { agents, realNodes } = this.#settings;
    const numbers = Array.from({ length: agents }, (_, i) => i + 1);
    await crowd.seed(numbers);
    progress(`${this.#subject}: ${agents} records are there`);
    const begin = performance.now();
    startNodes();
    await crowd.start(numbers);
    await crowd.untilAllHave(agents - 1 + realNodes, START_MS);
    await until('real nodes', () => nodes.every(({ routes }) => routes >= agents), START_MS);
    const seconds = (performance.now() - begin) / 1000;
    this.#add(`${count(agents)} agents start at once: all have programmed all`, 's', seconds);
    const { residentMb, rulesets } = await crowd.counts();
    progress(`${this.#subject}: the crowd has ${residentMb.toFixed(0)} MB, ${rulesets} rulesets`);
    await this.#settle();
  }

  async rest(): Promise<void> {
    const { crowd, nodes } = this.#parts;
    const { restSeconds } = this.#settings;
    const before = {
      writes: await crowd.writes(),
      counts: await crowd.counts(),
      real: fullGetsOf(nodes),
    };
    await pause(restSeconds * 1000);
    const after = {
      writes: await crowd.writes(),
      counts: await crowd.counts(),
      real: fullGetsOf(nodes),
    };
    this.#add('at rest: registry writes of all', 'writes', after.writes - before.writes);
    const gets = after.counts.gets - before.counts.gets + after.real.gets - before.real.gets;
    this.#add('at rest: full UAPI get of all', 'requests', gets);
    const cpuMs = after.counts.cpuMs - before.counts.cpuMs;
    this.#add('at rest: CPU of an agent', '%', cpuMs / 10 / restSeconds / crowd.agents);
  }

  async changes(): Promise<void> {
    const { crowd, nodes } = this.#parts;
    const { changes } = this.#settings;
    const took: number[] = [];
    const tookReal: number[] = [];
    const before = await crowd.counts();
    for (let i = 0; i < changes; i++) {
      // Every second change adds a new node. The change after it gives that node another port.
      const number = FIRST_FAKE + (i >> 1);
      const prefix = fakePrefix(number);
      const written = await crowd.write(number, PORT + i, CHANGE_TIMEOUT_MS);
      took.push(...written.took);
      if (i % 2 === 1) continue;
      await until(
        'routes',
        () => nodes.every((node) => node.routeAddedAt(prefix)),
        CHANGE_TIMEOUT_MS,
      );
      tookReal.push(...nodes.map((node) => node.routeAddedAt(prefix)! - written.at));
    }
    await pause(SETTLE_MS);
    const after = await crowd.counts();
    const each = changes * crowd.agents;
    this.#addTimes('record written to programmed', took);
    if (tookReal.length > 0) this.#addTimes('the same, real daemons and routes', tookReal);
    this.#add('UAPI set per change and agent', 'requests', (after.sets - before.sets) / each);
    this.#add('full UAPI get per change and agent', 'requests', (after.gets - before.gets) / each);
    const rulesets = (after.rulesets - before.rulesets) / each;
    this.#add('nft transactions per change and agent', 'transactions', rulesets);
    const cpuMs = (after.cpuMs - before.cpuMs) / each;
    this.#add(`CPU of an agent per change, ${count(crowd.agents)} nodes`, 'ms', cpuMs);
  }

  async joins(): Promise<void> {
    const { crowd } = this.#parts;
    const { joins } = this.#settings;
    const took: number[] = [];
    const before = await crowd.writes();
    for (let i = 0; i < joins; i++)
      took.push(...(await crowd.join(FIRST_JOIN + i, CHANGE_TIMEOUT_MS)));
    await this.#settle();
    const writes = (await crowd.writes()) - before;
    this.#addTimes('an agent joins: its record written to programmed on the others', took);
    this.#add('registry writes per join', 'writes', writes / joins);
  }

  /**
   * Waits for a fixed time, in which the agents receive their own records and end their rounds. In
   * Kubernetes, each agent also writes its status, within half a minute.
   */
  async #settle(): Promise<void> {
    await pause(this.#subject === 'kubernetes' ? STATUS_MS : SETTLE_MS);
  }

  #addTimes(what: string, times: readonly number[]): void {
    this.#add(`${what}, p50`, 'ms', quantile(times, 0.5));
    this.#add(`${what}, p99`, 'ms', quantile(times, 0.99));
    this.#add(`${what}, longest`, 'ms', Math.max(...times));
  }

  #add(figure: string, unit: string, value: number): void {
    this.measurements.push({ figure, subject: this.#subject, unit, value });
    this.#parts.progress(`${this.#subject}: ${figure}: ${value.toPrecision(4)} ${unit}`);
  }
}

function fullGetsOf(nodes: readonly RealNode[]): { readonly gets: number } {
  return { gets: nodes.reduce((sum, node) => sum + node.counts().gets, 0) };
}

/** The numbers of the first fake node and of the first agent that joins. */
const FIRST_FAKE = 20_000;
const FIRST_JOIN = 10_000;
const PORT = 40_000;
/** Time limits in ms, of the start and of one change. */
const START_MS = 900_000;
const CHANGE_TIMEOUT_MS = 60_000;
/** How long `#settle` waits, in ms: for etcd, and for Kubernetes. */
const SETTLE_MS = 2000;
const STATUS_MS = 40_000;
