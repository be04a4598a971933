import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeWith, type Door, type Requirement } from '@litz/testkit';
import type { MeshStatus } from '@litz/mesh';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { removeSockets } from '../../host.ts';
import { realInterfaces, type LitzProcess } from '../../litz-process.ts';
import { MeshCluster, type MeshNode } from './mesh-cluster.ts';
import { NumberedStream } from './numbered-stream.ts';

const TESTS = join(import.meta.dirname, '../../../../mesh/test/registry/etcd');
const { etcdProgram, RealEtcd } = (await import(join(TESTS, 'real-etcd.ts'))) as EtcdModule;
const { EtcdAdministrator } = (await import(
  join(TESTS, 'etcd-administrator.ts')
)) as AdministratorModule;

/** `LITZ_LONG=1`: for half an hour, with the lease that etcd's records have in the field. */
const LONG = process.env['LITZ_LONG'] === '1';
const LEASE_SECONDS = LONG ? 900 : 5;
/** One node is alone without etcd first, then all of them are. */
const ALONE_MS = LONG ? 1_200_000 : 12_000;
const TOGETHER_MS = LONG ? 600_000 : 8000;
const LONGEST_MS = LONG ? 3_600_000 : 110_000;
const REJECT_AFTER_MS = 180_000;
const RECORDS = 'litz/nodes/v1/';

describeWith([...realInterfaces, etcdProgram], 'litz agent with etcd', () => {
  let etcd: Etcd;
  let administrator: Administrator;
  let cluster: MeshCluster;
  let doors: Door[];
  let agents: LitzProcess[];
  let streams: NumberedStream[] = [];

  beforeAll(async () => {
    etcd = await RealEtcd.start();
    administrator = new EtcdAdministrator(etcd.port);
  });

  beforeEach(async () => {
    await administrator.deleteAll();
    cluster = await MeshCluster.create(3);
    doors = [];
    agents = [];
    for (const node of cluster.nodes) {
      await node.daemon({ longestMs: LONGEST_MS });
      const { door, place } = cluster.door(etcd.port);
      doors.push(door);
      agents.push(startAgent(node, place));
    }
    for (const node of cluster.nodes) await node.hasMet(2);
  });

  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.kill();
    await cluster?.close();
    removeSockets();
  });

  afterAll(() => etcd?.close());

  it(
    `loses no packet while a node, and then every node, has no etcd for ${(ALONE_MS + TOGETHER_MS) / 1000} s`,
    async () => {
      const [one, two, three] = cluster.nodes as [MeshNode, MeshNode, MeshNode];
      const settings = { rate: LONG ? 200 : 1000, longestMs: LONGEST_MS };
      streams = [
        await NumberedStream.start(one.pod, two.pod, two.podAddress, settings),
        await NumberedStream.start(two.pod, one.pod, one.podAddress, settings),
        await NumberedStream.start(three.pod, one.pod, one.podAddress, { ...settings, port: 7001 }),
        await NumberedStream.start(two.pod, three.pod, three.podAddress, settings),
      ];
      const [door] = doors as [Door];
      const began = Date.now();
      door.wallUp();
      for (const node of [two, three]) {
        await untilSaid(node, /record of node n1 has expired; the peer stays/, LEASE_SECONDS * 2);
      }
      expect(await administrator.read(`${RECORDS}n1`)).toBeUndefined();
      await until(began + ALONE_MS);
      const alone = await one.status();
      expect(alone.registry.trouble).toBeDefined();
      expect(statesOf(alone)).toEqual(['n2 connected listed', 'n3 connected listed']);
      await etcd.killServer();
      await until(began + ALONE_MS + TOGETHER_MS);
      const seen = await two.status();
      expect(seen.registry.trouble).toBeDefined();
      expect(statesOf(seen)).toEqual(['n1 connected expired', 'n3 connected listed']);
      // Without a new handshake within Reject-After-Time no session carries anything.
      const handshakes = [...alone.peers, ...seen.peers].map((peer) => peer.lastHandshakeAt ?? 0);
      expect(Math.min(...handshakes)).toBeGreaterThan(began + ALONE_MS - REJECT_AFTER_MS);
      await etcd.startServer();
      door.breakThrough();
      for (const node of [two, three]) {
        await untilSaid(node, /record of node n1 is back/, 120);
        expect(statesOf(await node.status())).toContain('n1 connected listed');
      }
      const reports = await Promise.all(streams.map((stream) => stream.end()));
      if (LONG) process.stdout.write(`${JSON.stringify(reports)}\n`);
      expect(reports).toMatchObject([{ lost: 0 }, { lost: 0 }, { lost: 0 }, { lost: 0 }]);
      // Its lease took the old one out, and the new one was written once.
      expect(await administrator.read(`${RECORDS}n1`)).toMatchObject({ version: '1' });
    },
    LONGEST_MS,
  );

  function startAgent(node: MeshNode, place: string): LitzProcess {
    const words = ['--etcd-lease', `${LEASE_SECONDS}s`];
    return node.agentOf(`etcd://${place}`, words, { longestMs: LONGEST_MS });
  }
});

/** Until the agent of that node has said it. */
async function untilSaid(node: MeshNode, what: RegExp, seconds: number): Promise<void> {
  await vi.waitFor(
    async () => {
      const texts = (await node.status()).events.map(({ text }) => text);
      if (!texts.some((text) => what.test(text))) throw new Error(texts.join('\n'));
    },
    { timeout: seconds * 1000, interval: LONG ? 10_000 : 300 },
  );
}

/** 'n1 connected expired' */
function statesOf({ peers }: MeshStatus): string[] {
  return peers.map(
    ({ name, state, isListed }) => `${name} ${state} ${isListed ? 'listed' : 'expired'}`,
  );
}

async function until(time: number): Promise<void> {
  await sleep(Math.max(0, time - Date.now()));
}

interface Etcd {
  readonly port: number;
  startServer(): Promise<void>;
  killServer(): Promise<void>;
  close(): Promise<void>;
}

interface EtcdModule {
  readonly etcdProgram: Requirement;
  readonly RealEtcd: { start(): Promise<Etcd> };
}

interface Administrator {
  /** How often it was written, and its lease. */
  read(key: string): Promise<{ readonly version: string; readonly lease: string } | undefined>;
  delete(key: string): Promise<void>;
  deleteAll(): Promise<void>;
}

interface AdministratorModule {
  readonly EtcdAdministrator: new (port: number) => Administrator;
}
