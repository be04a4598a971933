/**
 * What the report says of each benchmark: its title, what it shows, and which ratios.
 *
 * @module
 */
import type { BenchName } from '../results/result.ts';
import { bestOf, ratio, valueOf, type Matrix, type Row } from './matrix.ts';

export interface Section {
  readonly title: string;
  /** In Markdown. */
  readonly intro: string;
  /** Columns behind the values. */
  readonly ratios: (matrix: Matrix) => readonly Ratio[];
}

export interface Ratio {
  readonly title: string;
  readonly of: (row: Row) => number | undefined;
}

/** In the order of the report. */
export const SECTIONS: Readonly<Record<BenchName, Section>> = {
  peers: {
    title: 'Side by side',
    intro:
      'Both ends of a tunnel and iperf3 on one machine: two network namespaces, a veth pair, MTU 1420. ' +
      'Within a round every implementation has its turn, and each round begins with another one.',
    ratios: againstPeers,
  },
  handshake: {
    title: 'Handshakes',
    intro:
      'What a responder on one core answers, with the same load for all: many clients that connect at ' +
      'once, each with an address of its own.',
    ratios: againstPeers,
  },
  suites: {
    title: 'One operation',
    intro:
      'Each case has proved its result equal to that of the reference before it is timed. `noble` is ' +
      'the reference; `litz` is what does not depend on a provider.',
    ratios: providerSpeedUps,
  },
  scale: {
    title: 'Many peers, many prefixes',
    intro: 'Each measurement in a process of its own.',
    ratios: () => [],
  },
  threads: {
    title: 'More than one thread',
    intro:
      'Messages sealed in place in shared memory, batch by batch: the thread that begins a batch works ' +
      'on it, others claim a few messages at a time, and the next batch begins when all are sealed.',
    ratios: againstOneThread,
  },
  garbage: {
    title: 'Garbage',
    intro:
      'Collections of the young generation that V8 reports while packets pass, for a number of packets ' +
      'and for four times as many. The cipher only copies, so that what allocates is engine and loop.',
    ratios: () => [],
  },
  nodes: {
    title: 'Node versions',
    intro: 'The same code under each version; the peer in the last column knows nothing of Node.',
    ratios: againstFirstNode,
  },
  rotation: {
    title: 'Static keys that are replaced',
    intro:
      'A numbered stream of UDP packets through a tunnel, one a millisecond, while static keys are ' +
      'replaced again and again. Two Litz know both keys of each other for a while. A peer of another ' +
      'kind has one key for Litz and exchanges it in one command: while it sends packets of its own, or ' +
      'silent. A gap is the time between two packets that came one after the other: pauses of a busy machine are ' +
      'in it too, and none of them in the run of lost packets, of which one is a millisecond.',
    ratios: () => [],
  },
  rollout: {
    title: 'A mesh that changes',
    intro:
      'Numbered UDP packets, one a millisecond for each pair, and TCP at 10 Mbit/s between pods of ' +
      'different nodes, while agents are started and the mesh is switched on and off again, node by ' +
      'node; while the agent of one node is killed with SIGKILL and started again; and while its daemon ' +
      'is. Without its daemon a node has no way to the others: what is sent meanwhile is lost, and how ' +
      'long that takes is told. A gap is the time between two packets that came one after the other: ' +
      'pauses of a busy machine are in it too.',
    ratios: () => [],
  },
  mesh: {
    title: 'A mesh of many nodes',
    intro:
      'Agents as they are, on real registries. One is a program with a real daemon in a namespace, and ' +
      'the registry has thousands of records. Of the many most have simulated daemons and simulated ' +
      'machines, several hundred in a process, and a few are programs with real ones. All of them, and ' +
      'the registry, share the cores of this machine: of 1,000 nodes each has its own.',
    ratios: () => [],
  },
};

/** 'litz / wireguard-go' of each peer, and of the best one if there are several. */
function againstPeers({ subjects }: Matrix): Ratio[] {
  if (!subjects.includes(LITZ)) return [];
  const peers = subjects.filter((subject) => subject !== LITZ);
  const ratios = peers.map((peer) => ({
    title: `${LITZ} / ${peer}`,
    of: (row: Row) => ratio(valueOf(row, LITZ), valueOf(row, peer)),
  }));
  if (peers.length < 2) return ratios;
  const best = {
    title: `${LITZ} / best peer`,
    of: (row: Row): number | undefined => ratio(valueOf(row, LITZ), bestOf(row, peers)),
  };
  return [...ratios, best];
}

/** How many times as fast as noble and as node:crypto the fastest provider is. */
function providerSpeedUps({ subjects }: Matrix): Ratio[] {
  const providers = subjects.filter((subject) => subject !== LITZ && subject !== NODE_CRYPTO);
  return [NOBLE, NODE_CRYPTO]
    .filter((other) => subjects.includes(other))
    .map((other) => ({
      title: `${other} / fastest`,
      of: (row) => ratio(valueOf(row, other), bestOf(row, providers)),
    }));
}

function againstOneThread({ subjects }: Matrix): Ratio[] {
  const [one, ...others] = subjects;
  if (one === undefined) return [];
  return others.map((other) => ({
    title: `${other} / ${one}`,
    of: (row) => ratio(valueOf(row, other), valueOf(row, one)),
  }));
}

function againstFirstNode({ subjects }: Matrix): Ratio[] {
  const [first, ...others] = subjects.filter((subject) => subject.startsWith('Node '));
  if (first === undefined) return [];
  return others.map((other) => ({
    title: `${other} / ${first}`,
    of: (row) => ratio(valueOf(row, other), valueOf(row, first)),
  }));
}

const LITZ = 'litz';
const NOBLE = 'noble';
const NODE_CRYPTO = 'node:crypto';
