/**
 * `measureRollout`: measures the loss of traffic between pods while a mesh is switched on and off
 * node by node, while an agent is killed again and again, and while a daemon is killed again and
 * again.
 *
 * ```
 *   n nodes   pod i -- UDP, one packet per ms --> pod i + n/2     for the first half of the nodes
 *             pod i + n/2 -- TCP, iperf3 --> pod i                for the first two pairs
 * ```
 *
 * @module
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Enforcement } from '@litz/mesh';
import { withCleanUp } from '../peers/clean-up.ts';
import { missingProgram } from '../peers/command.ts';
import { litz } from '../peers/implementation.ts';
import { missingNamespaces } from '../peers/namespace-pair.ts';
import type { Measurement } from '../results/result.ts';
import { quantile } from '../results/statistics.ts';
import type { ClusterNode } from './cluster-node.ts';
import { Cluster, removeClusters } from './cluster.ts';
import { measureReturn } from './daemon-return.ts';
import { Traffic, type Pair, type TrafficFigures } from './traffic.ts';

export interface RolloutSettings {
  /** The number of nodes, 3 or more. */
  readonly nodes: number;
  /** How often an agent is killed. */
  readonly agentKills: number;
  /** How often a daemon is killed. */
  readonly daemonKills: number;
}

/** Returns what is missing on this machine; undefined if nothing is missing. */
export function missingForRollout(): string | undefined {
  const iperf = missingProgram('iperf3', ['-v']);
  return missingNamespaces() ?? litz().missing() ?? iperf;
}

/** Measures a cluster. Afterwards it removes everything that it has made. */
export async function measureRollout(
  settings: RolloutSettings,
  progress: (text: string) => void,
): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  const add = (subject: string, figures: TrafficFigures): void => {
    progress(`${subject}: ${JSON.stringify(figures)}`);
    measurements.push(...measurementsOf(subject, figures));
  };
  try {
    await withCleanUp(async () => {
      const cluster = await Cluster.create(settings.nodes);
      const { nodes } = cluster;
      try {
        for (const node of nodes) await node.startDaemon();
        const rollout = new Rollout(nodes, progress);
        add('switched on', await trafficDuring(nodes, () => rollout.on()));
        add(
          'agent killed',
          await trafficDuring(nodes, () => killAgent(nodes, settings.agentKills)),
        );
        measurements.push(...(await killDaemon(nodes, settings.daemonKills, progress)));
        add('switched off', await trafficDuring(nodes, () => rollout.off()));
      } finally {
        await cluster.close();
      }
    });
  } finally {
    removeClusters();
  }
  return measurements;
}

class Rollout {
  readonly #nodes: readonly ClusterNode[];
  readonly #progress: (text: string) => void;

  constructor(nodes: readonly ClusterNode[], progress: (text: string) => void) {
    this.#nodes = nodes;
    this.#progress = progress;
  }

  /**
   * Starts the agents with the mesh off, then switches the mesh to permissive, and then to enforce.
   */
  async on(): Promise<void> {
    for (const node of this.#nodes) {
      node.startAgent('off');
      await node.untilPeersKnown(node.number - 1);
    }
    for (const node of this.#nodes) await node.untilPeersKnown(this.#nodes.length - 1);
    await this.#switch('permissive');
    for (const node of this.#nodes) await node.untilPeersAnswered(this.#nodes.length - 1);
    await this.#switch('enforce');
  }

  /** Switches the mesh to permissive and then off. Then each node leaves the mesh. */
  async off(): Promise<void> {
    await this.#switch('permissive');
    await this.#switch('off');
    for (const node of this.#nodes) await node.request({ command: 'down' });
  }

  async #switch(enforcement: Enforcement): Promise<void> {
    for (const node of this.#nodes)
      await node.request({ command: 'enforcement', enforcement, force: false });
    this.#progress(`  ${enforcement}`);
    // The effects of this change must be over before the next one.
    await pause(SETTLE_MS);
  }
}

/** Calls `change` while there is traffic, and returns the figures of the traffic. */
async function trafficDuring(
  nodes: readonly ClusterNode[],
  change: () => Promise<void>,
): Promise<TrafficFigures> {
  const half = Math.ceil(nodes.length / 2);
  const udp = nodes.slice(half).map((to, i): Pair => [nodes[i]!, to]);
  const tcp = udp.slice(0, TCP_PAIRS).map(([from, to]): Pair => [to, from]);
  const traffic = await Traffic.start({ udp, tcp });
  await pause(SETTLE_MS);
  try {
    await change();
  } catch (error) {
    // `withCleanUp` ends the programs of the traffic.
    throw new Error(`while traffic ran: ${(error as Error).message}`, { cause: error });
  }
  await pause(SETTLE_MS);
  return traffic.end();
}

/** Kills the agent of the first node and starts it again, `times` times. */
async function killAgent(nodes: readonly ClusterNode[], times: number): Promise<void> {
  const [node] = nodes as [ClusterNode];
  for (let i = 0; i < times; i++) {
    await node.killAgent();
    node.startAgent('enforce');
    await node.untilPeersAnswered(nodes.length - 1);
  }
}

/** Kills the daemon of the first node and starts it again, `times` times. Measures each return. */
async function killDaemon(
  nodes: readonly ClusterNode[],
  times: number,
  progress: (text: string) => void,
): Promise<Measurement[]> {
  const [node] = nodes as [ClusterNode];
  const other = nodes[Math.ceil(nodes.length / 2)]!;
  const restored: number[] = [];
  const started: number[] = [];
  const gaps: number[] = [];
  for (let i = 0; i < times; i++) {
    const traffic = await Traffic.start({ udp: [[other, node]], tcp: [] });
    await pause(SETTLE_MS);
    const { restoredMs, startMs } = await measureReturn(node, nodes.length - 1);
    await node.untilPeersAnswered(nodes.length - 1);
    await pause(SETTLE_MS);
    const { longestGapMs } = await traffic.end();
    progress(`daemon killed: ${JSON.stringify({ startMs, restoredMs, longestGapMs })}`);
    started.push(startMs);
    restored.push(restoredMs);
    gaps.push(longestGapMs);
  }
  return [
    samplesOf('until the new link is there', started),
    samplesOf('from the new link until everything is applied again', restored),
    samplesOf('without a packet', gaps),
  ];
}

function samplesOf(figure: string, samples: number[]): Measurement {
  const value = quantile(samples, 0.5);
  return { figure, subject: 'daemon killed', unit: 'ms', value, samples };
}

function measurementsOf(subject: string, figures: TrafficFigures): Measurement[] {
  const { sent, lost, longestGapMs, longestRunLost, tcpMegabytes, retransmitted, resets } = figures;
  return [
    { figure: 'UDP packets sent', subject, unit: 'packets', value: sent },
    { figure: 'UDP packets lost', subject, unit: 'packets', value: lost },
    { figure: 'longest run of lost packets', subject, unit: 'packets', value: longestRunLost },
    { figure: 'longest gap', subject, unit: 'ms', value: longestGapMs },
    { figure: 'TCP data', subject, unit: 'MB', value: tcpMegabytes },
    { figure: 'TCP segments sent again', subject, unit: 'packets', value: retransmitted },
    { figure: 'TCP resets', subject, unit: 'packets', value: resets },
  ];
}

const TCP_PAIRS = 2;
/** How long to wait for the effects of a change, in ms. */
const SETTLE_MS = 500;
