/**
 * `QUICK_PARTS`: the benchmarks that `bench quick` runs, with settings that make them brief.
 * Together they take about a minute on two cores. `ends`, `nodes`, `rotation`, `exchange` and
 * `rollout` have no part here.
 *
 * @module
 */
import { measureFlood } from '../flood/flood.ts';
import { measureGarbage } from '../garbage/garbage.ts';
import { measureHandshakes } from '../handshake/handshake-rate.ts';
import { litz, peersNamed } from '../peers/implementation.ts';
import { measurePeers } from '../peers/peers.ts';
import { measureMesh, SHORT_MESH_SETTINGS } from '../mesh/mesh.ts';
import { measureScale } from '../scale/scale.ts';
import { measureSockets } from '../sockets/sockets.ts';
import { SUBJECTS } from '../sockets/subjects.ts';
import { measureStart } from '../start/start.ts';
import { measureSuites, SUITE_NAMES } from '../suites/suites.ts';
import { measureThreads } from '../threads/threads.ts';
import type { QuickPart } from './quick.ts';

/** One other implementation is enough, with its better setting for TCP on two cores. */
const implementations = [litz(), ...peersNamed(['wireguard-go (GOMAXPROCS=1)'])];

export const QUICK_PARTS: readonly QuickPart[] = [
  {
    name: 'suites',
    run: async (progress) => ({
      measurements: await measureSuites(SUITE_NAMES, { time: 10, warmUp: 2 }, progress),
    }),
  },
  {
    name: 'scale',
    run: async (progress) => ({
      measurements: await measureScale(
        { peers: 2000, sessions: [100, 1000], prefixes: [1000, 20_000], timerSeconds: 60 },
        progress,
      ),
    }),
  },
  {
    name: 'threads',
    run: async (progress) => ({
      measurements: await measureThreads(
        { threads: [1, 2], batches: [45], rounds: 1, ms: 200 },
        progress,
      ),
    }),
  },
  {
    name: 'garbage',
    run: (progress) => {
      const few = { packets: 300_000, udpPackets: 50_000, provider: 'copying' as const };
      return measureGarbage({ paths: ['memory'], ...few }, progress);
    },
  },
  {
    name: 'handshake',
    run: (progress) => {
      const load = { peers: 100, initiationsPerPeer: 20, inFlight: 96 };
      return measureHandshakes({ implementations, rounds: 1, seconds: 1, ...load }, progress);
    },
  },
  {
    name: 'peers',
    run: (progress) => {
      const figures = ['tcp1', 'udp', 'ping-idle'] as const;
      return measurePeers({ implementations, rounds: 1, seconds: 1, figures }, progress);
    },
  },
  {
    name: 'flood',
    run: (progress) => {
      const floods = [{ kind: 'initiations', perSecond: 30_000 }] as const;
      const times = { rounds: 1, seconds: 1, restMs: 500, watchSeconds: 1 };
      const loads = { floods, crowd: 50, silent: 200 };
      return measureFlood({ implementations: [litz()], ...times, ...loads }, progress);
    },
  },
  {
    name: 'start',
    run: (progress) => measureStart({ rounds: 1, restMs: 200, peers: [] }, progress),
  },
  {
    name: 'sockets',
    run: (progress) => {
      const subjects = SUBJECTS.filter(({ name }) => name === 'litz');
      const modes = ['up', 'http', 'idle'] as const;
      const brief = { rounds: 1, seconds: 1, idle: 200, losses: [] };
      return measureSockets({ subjects, modes, ...brief }, progress);
    },
  },
  { name: 'mesh', run: (progress) => measureMesh(SHORT_MESH_SETTINGS, progress) },
];
