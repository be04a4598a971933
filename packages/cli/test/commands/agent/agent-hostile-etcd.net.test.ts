/**
 * Tests two nodes with `--enforcement enforce` and an etcd that is broken or hostile. The tunnel
 * stays until the records are deleted, no packet between pods leaves in plaintext, the agents need
 * little memory, and their status says what is wrong with etcd. Tests with an etcd that does not
 * answer are in `agent-etcd.net.test.ts`.
 *
 * @module
 */
import { join } from 'node:path';
import { describeWith, type TcpRelay } from '@litz/testkit';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { removeSockets } from '../../host.ts';
import { realInterfaces, type LitzProcess } from '../../litz-process.ts';
import {
  eachRefuses,
  eachSays,
  lossesDuring,
  plaintextOf,
  untilEnforced,
  WITHIN,
} from './enforcing-cluster.ts';
import {
  ETCD_TESTS,
  etcdProgram,
  EtcdAdministrator,
  RealEtcd,
  type Administrator,
  type Etcd,
} from './etcd-server.ts';
import { GarbageServer } from './garbage-server.ts';
import { MeshCluster, type MeshNode } from './mesh-cluster.ts';
import { MOST_MEGABYTES, NODE_OPTIONS, peakMegabytes } from './peak-megabytes.ts';

const { HostileEtcd } = (await import(join(ETCD_TESTS, 'hostile-etcd-server.ts'))) as HostileModule;

const RECORDS = 'litz/nodes/v1/';
process.env['NODE_OPTIONS'] = NODE_OPTIONS;

describeWith([...realInterfaces, etcdProgram], 'litz agent with a hostile etcd', () => {
  let etcd: Etcd;
  let administrator: Administrator;
  let cluster: MeshCluster;
  let relay: TcpRelay;
  let garbage: GarbageServer;
  let hostile: Hostile;
  let agents: LitzProcess[] = [];

  beforeAll(async () => {
    [etcd, garbage, hostile] = await Promise.all([
      RealEtcd.start(),
      GarbageServer.start(),
      HostileEtcd.start(),
    ]);
    administrator = new EtcdAdministrator(etcd.administrationPort);
    cluster = await MeshCluster.create(2);
    const made = cluster.relay(etcd.port);
    relay = made.relay;
    await Promise.all(cluster.nodes.map((node) => node.daemon()));
    agents = cluster.nodes.map((node) =>
      node.agentOf(`etcd://${made.place}`, ['--enforcement', 'enforce']),
    );
    await untilEnforced(cluster.nodes);
  });

  afterAll(async () => {
    await cluster?.close();
    await etcd?.close();
    garbage?.close();
    hostile?.close();
    removeSockets();
  });

  it('loses no packet while etcd sends garbage or a list without an end', async () => {
    const losses = await lossesDuring(cluster, async () => {
      relay.redirect(garbage.port);
      await eachSays(cluster.nodes, /^(?!no trouble)/);
      relay.redirect(hostile.port);
      await eachSays(cluster.nodes, /the list of keys repeats itself or has more than 50000 keys/);
      relay.redirect(etcd.port);
      await eachSays(cluster.nodes, undefined);
    });
    expect(losses).toEqual([0, 0]);
    for (const agent of agents) expect(peakMegabytes(agent.pid)).toBeLessThan(MOST_MEGABYTES);
  });

  it('refuses 5,000 bad records, and loses no packet', async () => {
    const bad = Array.from({ length: 5000 }, (_, i): [string, string | Buffer] => [
      `${RECORDS}bad-${i}`,
      BAD_VALUES[i % BAD_VALUES.length],
    ]);
    const losses = await lossesDuring(cluster, async () => {
      await administrator.putAll(bad);
      await eachRefuses(cluster.nodes, 5000);
      await administrator.deletePrefix(`${RECORDS}bad-`);
      await eachSays(cluster.nodes, undefined);
    });
    expect(losses).toEqual([0, 0]);
    for (const agent of agents) expect(peakMegabytes(agent.pid)).toBeLessThan(MOST_MEGABYTES);
  });

  it('sends no plaintext while keys in records are replaced and records are deleted, and connects again afterwards', async () => {
    const [one, two] = cluster.nodes as [MeshNode, MeshNode];
    const capture = cluster.capture();
    const records = await Promise.all(
      cluster.nodes.map(async ({ name }) => (await administrator.read(RECORDS + name))!.value),
    );
    for (let i = 0; i < 3; i++) {
      await administrator.put(`${RECORDS}n2`, withOtherKey(records[1], i));
      await one.pod.ping(two.podAddress, { timeoutMs: 300 });
    }
    await vi.waitFor(async () => expect(await one.pod.ping(two.podAddress)).toBe(3), WITHIN);

    await administrator.deleteAll();
    for (const node of cluster.nodes) {
      await vi.waitFor(async () => {
        const { peers, troubles } = await node.status();
        expect(peers).toEqual([]);
        expect(troubles.join()).toMatch(/this node was removed from the registry/);
      }, WITHIN);
    }
    await vi.waitFor(async () => {
      expect(await one.pod.ping(two.podAddress, { timeoutMs: 500 })).toBe(0);
    }, WITHIN);
    for (const [i, { name }] of cluster.nodes.entries()) {
      await administrator.put(RECORDS + name, records[i]);
    }
    await vi.waitFor(async () => expect(await one.pod.ping(two.podAddress)).toBe(3), WITHIN);
    for (const node of cluster.nodes) expect((await node.status()).troubles).toEqual([]);
    expect(plaintextOf(capture.lines())).toEqual([]);
    capture.close();
  });
});

/**
 * Returns the record `text` with another public key, of a later generation. Each `number` gives a
 * different key.
 */
function withOtherKey(text: string, number: number): string {
  const record = JSON.parse(text) as { keys: { publicKey: string; generation: number }[] };
  const publicKey = Buffer.alloc(32, 0x31 + number).toString('base64');
  const keys = record.keys.map((key) => ({ ...key, publicKey, generation: 10 + number }));
  return JSON.stringify({ ...record, keys });
}

const BAD_VALUES: readonly (string | Buffer)[] = [
  '',
  'null',
  '{"version":1}',
  '['.repeat(2000),
  Buffer.alloc(3000, 0xff),
  JSON.stringify({ name: 'x', addresses: ['10.9.0.77'], keys: [{ publicKey: 'A'.repeat(900) }] }),
];

interface Hostile {
  readonly port: number;
  close(): void;
}

interface HostileModule {
  readonly HostileEtcd: { start(): Promise<Hostile> };
}
