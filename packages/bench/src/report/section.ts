/**
 * The section of the report for each benchmark: its title, its introduction, and its ratios.
 *
 * @module
 */
import type { BenchName } from '../results/result.ts';
import { bestOf, ratio, valueOf, type Matrix, type Row } from './matrix.ts';

export interface Section {
  readonly title: string;
  /** The introduction, in Markdown. */
  readonly intro: string;
  /** Returns the columns with ratios, which follow the columns with values. */
  readonly ratios: (matrix: Matrix) => readonly Ratio[];
}

/** A column with ratios between two subjects. */
export interface Ratio {
  readonly title: string;
  readonly of: (row: Row) => number | undefined;
}

/** The section of each benchmark. `SECTION_ORDER` in `report.ts` is the order in the report. */
export const SECTIONS: Readonly<Record<BenchName, Section>> = {
  peers: {
    title: 'Side by side',
    intro:
      'Both ends of a tunnel and iperf3 run on one machine, in two network namespaces joined by a veth pair, ' +
      'with MTU 1420. Each round measures every implementation, and consecutive rounds begin with different ones.',
    ratios: againstPeers,
  },
  ends: {
    title: 'One end at a time',
    intro:
      'One daemon, without the load of another one. Sending: a program sends UDP packets into the interface, and ' +
      'nft drops the messages as soon as they have reached the other namespace. Receiving: messages that were ' +
      'sealed before are sent once, and nft drops the packets as soon as they have left the interface. The load ' +
      'is a tenth above what the daemon takes. The program that sends it uses a part of the processor too, which ' +
      'is in the table. Packets of 64 and 200 B are sent one by one, as games and voice do; the others as ' +
      'super-packets.',
    ratios: firstAgainstOthers,
  },
  sockets: {
    title: 'Sockets without an interface',
    intro:
      'TCP connections from a process with its own IP stack, without an interface and without root, to a server ' +
      'with the sockets of the kernel behind wireguard-go. All programs share the cores of one machine. Streams ' +
      'up are counted where they arrive; streams down are read into one buffer. HTTP requests are sent by ' +
      'undici, with gVisor by the HTTP client of Go. The server is node:http for all. gVisor + wireguard-go is a ' +
      'program in Go that uses both as libraries. onetun forwards local ports, so the client uses the sockets of ' +
      'the kernel; its CPU time and memory are those of onetun. kernel + wireguard-go has an interface, and ' +
      'needs root; its CPU time and memory are those of wireguard-go, because TCP is in the kernel. A path with ' +
      'losses loses datagrams in both directions, and delays each datagram by 20 ms. On this path, Litz and the ' +
      'kernel use CUBIC; the kernel is measured with iperf3.',
    ratios: againstSockets,
  },
  handshake: {
    title: 'Handshakes',
    intro:
      'A responder on one core answers as many handshakes as it can. The load is the same for all implementations: many ' +
      'clients that connect at the same time, each with its own address.',
    ratios: againstPeers,
  },
  flood: {
    title: 'Floods of handshake messages',
    intro:
      'A server gets handshake messages with a valid mac1 from 1,000 spoofed addresses. An existing session ' +
      'sends TCP data to the server meanwhile. The flooder, both daemons and iperf3 share the cores. So each ' +
      "transfer is compared with the transfer just before it, during which the server's nft drops the same flood " +
      'on ingress. The same session sends 200 pings, and the lost ones are counted. A new peer is connected when ' +
      'a ping through its tunnel was answered; the time is that of the slowest of three. The protocol retries ' +
      'after 5 s. A peer that retries soon does so after 0.5 s, and at once after a cookie reply. A peer that is ' +
      'not connected after 11.5 s (6 s if it retries soon) counts with that time. If many peers connect at once, ' +
      'the limit is 16 s. Silent peers have a persistent keepalive and never answer; the client connects again ' +
      'at the same time. The targets are for Litz.',
    ratios: againstWireguardGo,
  },
  suites: {
    title: 'One operation',
    intro:
      'Before a case is timed, its result is compared with that of the reference, which is `noble`. `litz` ' +
      'stands for code that does not depend on a provider.',
    ratios: providerSpeedUps,
  },
  scale: {
    title: 'Many peers, many prefixes',
    intro: 'Each measurement runs in a separate process.',
    ratios: () => [],
  },
  threads: {
    title: 'More than one thread',
    intro:
      'Messages are sealed in place in shared memory, batch by batch. The thread that begins a batch works on ' +
      'it, and other threads claim a few messages at a time. The next batch begins when all are sealed.',
    ratios: othersAgainstFirst,
  },
  start: {
    title: 'The first seconds',
    intro:
      'Two daemons start at once. When both accept requests, they are configured, their links are set up, and ' +
      '200 pings follow at once, one every 2 ms. Two other daemons rest until their warm-up is over. Then TCP ' +
      'streams of one second go through their tunnel. `litz` is the program; the last three subjects are one ' +
      "small daemon, measured in turn: with a warm-up, without one, and with a warm-up and Node's option " +
      '`--max-semi-space-size=1`, which `litz wg0` sets.',
    ratios: firstAgainstOthers,
  },
  garbage: {
    title: 'Garbage',
    intro:
      'The collections of the young generation that V8 reports while packets pass, for N packets and for 4 N ' +
      'packets. The cipher only copies, so only the engine and the loop can allocate.',
    ratios: () => [],
  },
  nodes: {
    title: 'Node versions',
    intro:
      'The same code under each version of Node.js. The last column is another implementation, which does not ' +
      'use Node.js.',
    ratios: againstFirstNode,
  },
  rotation: {
    title: 'Static keys that are replaced',
    intro:
      'A numbered stream of UDP packets, one per millisecond, goes through a tunnel while static keys are ' +
      'replaced repeatedly. Two ends with Litz both know both keys of each other for a while. A gap is the time ' +
      'between two packets that arrived one after the other; it includes pauses of a busy machine.',
    ratios: () => [],
  },
  exchange: {
    title: 'A key that another implementation knows',
    intro:
      'A numbered stream of UDP packets, one per millisecond, goes through a tunnel between Litz and another ' +
      'implementation, which has one key for Litz. One command exchanges that key, either while the other end ' +
      'sends packets or while it is silent. The kernel is that of a virtual machine which is emulated in ' +
      'software, so its answers are late. A gap is the time between two packets that arrived one after the ' +
      'other; it includes pauses of a busy machine. "No exchange" is the same stream without an exchange. Its ' +
      'gaps come only from these pauses, and it is divided into as many parts as the other streams. The run of ' +
      'lost packets does not include pauses; each of its packets stands for a millisecond.',
    ratios: () => [],
  },
  rollout: {
    title: 'A mesh that changes',
    intro:
      'Pods of different nodes send each other numbered UDP packets, one per millisecond for each pair, and TCP ' +
      'data at 10 Mbit/s. Meanwhile agents are started and the mesh is switched on and off again, node by node. ' +
      'Then the agent of one node is killed with SIGKILL and started again, and then its daemon. Without its ' +
      'daemon, a node has no connection to the others. Packets that are sent meanwhile are lost, and the table ' +
      'says how long that lasts. A gap is the time between two packets that arrived one after the other; it ' +
      'includes pauses of a busy machine.',
    ratios: () => [],
  },
  mesh: {
    title: 'A mesh of many nodes',
    intro:
      'Real agents on real registries. First, one agent is a program with a real daemon in a namespace, and the ' +
      'registry has thousands of records. Then there are many agents. Most have simulated daemons and simulated ' +
      'machines, several hundred in a process; a few are programs with real daemons. All agents and the registry ' +
      'share the cores of one machine. In a real mesh, each node has its own cores.',
    ratios: () => [],
  },
};

/** Returns the ratio 'litz / PEER' for each peer, and for the best one if there are several. */
function againstPeers({ subjects }: Matrix): Ratio[] {
  if (!subjects.includes(LITZ)) return [];
  const peers = subjects.filter((subject) => subject !== LITZ);
  const ratios = peers.map((peer) => ({
    title: `${LITZ} / ${peer}`,
    of: (row: Row) => ratio(valueOf(row, LITZ), valueOf(row, peer)),
  }));
  if (peers.length < 2) return ratios;
  const best = {
    title: BEST,
    of: (row: Row): number | undefined => ratio(valueOf(row, LITZ), bestOf(row, peers)),
  };
  return [...ratios, best];
}

/**
 * Returns the ratios of Litz to the other programs. The portable form of Litz is left out. There is
 * no ratio to the best program, because that may be the kernel, which needs root.
 */
function againstSockets({ subjects }: Matrix): Ratio[] {
  const others = subjects.filter((subject) => subject === LITZ || !subject.startsWith(`${LITZ} (`));
  return againstPeers({ subjects: others, rows: [] }).filter(({ title }) => title !== BEST);
}

/**
 * Returns the ratios of Litz to the other implementations. The subject `target` is left out,
 * because it is not an implementation.
 */
function againstWireguardGo({ subjects }: Matrix): Ratio[] {
  return againstPeers({ subjects: subjects.filter((subject) => subject !== TARGET), rows: [] });
}

/** Returns how many times faster the fastest provider is than noble and than node:crypto. */
function providerSpeedUps({ subjects }: Matrix): Ratio[] {
  const providers = subjects.filter((subject) => subject !== LITZ && subject !== NODE_CRYPTO);
  return [NOBLE, NODE_CRYPTO]
    .filter((other) => subjects.includes(other))
    .map((other) => ({
      title: `${other} / fastest`,
      of: (row) => ratio(valueOf(row, other), bestOf(row, providers)),
    }));
}

/** Returns the ratio of each other subject to the first one. */
function othersAgainstFirst({ subjects }: { readonly subjects: readonly string[] }): Ratio[] {
  const [first, ...others] = subjects;
  if (first === undefined) return [];
  return others.map((other) => ({
    title: `${other} / ${first}`,
    of: (row) => ratio(valueOf(row, other), valueOf(row, first)),
  }));
}

/** Returns the ratio of the first subject to each other one. */
function firstAgainstOthers({ subjects }: Matrix): Ratio[] {
  const [first, ...others] = subjects;
  if (first === undefined) return [];
  return others.map((other) => ({
    title: `${first} / ${other}`,
    of: (row) => ratio(valueOf(row, first), valueOf(row, other)),
  }));
}

/** Returns the ratio of each other version of Node.js to the first one. */
function againstFirstNode({ subjects }: Matrix): Ratio[] {
  return othersAgainstFirst({ subjects: subjects.filter((one) => one.startsWith('Node ')) });
}

const LITZ = 'litz';
const BEST = `${LITZ} / best peer`;
const TARGET = 'target';
const NOBLE = 'noble';
const NODE_CRYPTO = 'node:crypto';
