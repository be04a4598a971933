/**
 * Tests two nodes with `--enforcement enforce` and an API server that is broken or hostile. The
 * tunnel stays until the records are deleted, no packet between pods leaves in plaintext, the
 * agents need little memory, and their status says what is wrong with the API server.
 *
 * @module
 */
import { join } from 'node:path';
import { describeWith, TcpRelay } from '@litz/testkit';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
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
import { GarbageServer } from './garbage-server.ts';
import {
  applyLitzNodes,
  KUBE_TESTS,
  kubeRequirements,
  RealKube,
  type Kube,
} from './kube-server.ts';
import { MeshCluster, type MeshNode } from './mesh-cluster.ts';
import { MOST_MEGABYTES, NODE_OPTIONS, peakMegabytes } from './peak-megabytes.ts';

const { HostileKube } = (await import(join(KUBE_TESTS, 'hostile-kube-server.ts'))) as HostileModule;

const NODES = '/apis/litz.dev/v1/litznodes';
process.env['NODE_OPTIONS'] = NODE_OPTIONS;

describeWith(
  [...realInterfaces, ...kubeRequirements],
  'litz agent with a hostile API server',
  () => {
    let kube: Kube;
    let cluster: MeshCluster;
    let garbage: GarbageServer;
    let hostile: Hostile;
    let agents: LitzProcess[] = [];
    const relays: TcpRelay[] = [];

    beforeAll(async () => {
      [kube, garbage] = await Promise.all([RealKube.start(), GarbageServer.start()]);
      await applyLitzNodes(kube);
      const certificate = { cert: kube.read('server.crt'), key: kube.read('server.key') };
      hostile = await HostileKube.start(NODES, certificate);
      cluster = await MeshCluster.create(2);
      for (const { host, name, prefix } of cluster.nodes) {
        relays.push(host.namespace.run(() => TcpRelay.open(kube.port, kube.port)));
        const spec = { podCIDR: prefix, podCIDRs: [prefix] };
        const node = { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec };
        await kube.apply(`/api/v1/nodes/${name}`, node);
      }
      await Promise.all(cluster.nodes.map((node) => node.daemon()));
      agents = cluster.nodes.map((node) =>
        node.kubernetesAgent(kube.kubeconfig, ['--enforcement', 'enforce'], { longestMs: 120_000 }),
      );
      await untilEnforced(cluster.nodes);
    });

    afterEach(() => {
      kube.thawServer();
    });

    afterAll(async () => {
      for (const relay of relays) relay.close();
      await cluster?.close();
      await kube?.close();
      garbage?.close();
      hostile?.close();
      removeSockets();
    });

    it('loses no packet while the server is frozen, sends garbage, or sends a list without an end', async () => {
      const losses = await lossesDuring(cluster, async () => {
        kube.freezeServer();
        await new Promise((resolve) => setTimeout(resolve, FROZEN_MS));
        redirect(garbage.port);
        kube.thawServer();
        await eachSays(cluster.nodes, /^(?!no trouble)/);
        redirect(hostile.port);
        await eachSays(cluster.nodes, /repeats itself or has more than 50000 objects/);
        redirect(kube.port);
        await eachSays(cluster.nodes, undefined);
      });
      expect(losses).toEqual([0, 0]);
      for (const agent of agents) expect(peakMegabytes(agent.pid)).toBeLessThan(MOST_MEGABYTES);
    });

    it('refuses 5,000 bad objects, and loses no packet', async () => {
      const good = await honestRecords();
      const bad = Array.from({ length: 5000 }, (_, i) => ({
        metadata: { name: `bad-${i}` },
        spec: BAD_SPECS[i % BAD_SPECS.length],
      }));
      const losses = await lossesDuring(cluster, async () => {
        hostile.records = [...good, ...bad];
        redirect(hostile.port);
        await eachRefuses(cluster.nodes, 5000);
        redirect(kube.port);
        await eachSays(cluster.nodes, undefined);
      });
      expect(losses).toEqual([0, 0]);
      for (const agent of agents) expect(peakMegabytes(agent.pid)).toBeLessThan(MOST_MEGABYTES);
    });

    it('sends no plaintext while keys in records are replaced and records are deleted, and connects again afterwards', async () => {
      const [one, two] = cluster.nodes as [MeshNode, MeshNode];
      const good = await honestRecords();
      const capture = cluster.capture();
      hostile.records = good;
      const before = hostile.watching;
      redirect(hostile.port);
      await vi.waitFor(() => expect(hostile.watching).toBeGreaterThanOrEqual(before + 2), WITHIN);

      for (let i = 0; i < 3; i++) {
        for (const record of good) hostile.send('MODIFIED', withOtherKey(record, i));
        await one.pod.ping(two.podAddress, { timeoutMs: 300 });
      }
      for (const record of good) hostile.send('DELETED', record);
      for (const node of cluster.nodes) {
        await vi.waitFor(async () => expect((await node.status()).peers).toEqual([]), WITHIN);
      }
      await vi.waitFor(async () => {
        expect(await one.pod.ping(two.podAddress, { timeoutMs: 500 })).toBe(0);
      }, WITHIN);

      redirect(kube.port);
      await vi.waitFor(async () => expect(await one.pod.ping(two.podAddress)).toBe(3), WITHIN);
      // If an agent could not write the status of its node, it tries again within 30 s after the
      // server answers.
      await vi.waitFor(
        async () => {
          for (const node of cluster.nodes) expect((await node.status()).troubles).toEqual([]);
        },
        { ...WITHIN, timeout: 45_000 },
      );
      expect(plaintextOf(capture.lines())).toEqual([]);
      capture.close();
    });

    function redirect(port: number): void {
      for (const relay of relays) relay.redirect(port);
    }

    /** Returns the records of both nodes as the real server has them. */
    async function honestRecords(): Promise<KubeObject[]> {
      const { body } = await kube.send('GET', NODES);
      expect(body.items).toHaveLength(2);
      return body.items;
    }
  },
);

/**
 * Returns `object` with another public key, of a later generation. Each `number` gives a different
 * key.
 */
function withOtherKey(object: KubeObject, number: number): KubeObject {
  const spec = object['spec'] as { keys: { generation: number }[] };
  const publicKey = Buffer.alloc(32, 0x31 + number).toString('base64');
  const keys = spec.keys.map((key) => ({ ...key, publicKey, generation: 10 + number }));
  return { ...object, spec: { ...spec, keys } };
}

const BAD_SPECS: readonly unknown[] = [
  undefined,
  null,
  [],
  { keys: 7 },
  { addresses: ['10.9.0.77'], keys: [{ publicKey: 'A'.repeat(900), generation: 1 }] },
  { addresses: Array.from({ length: 200 }, (_, i) => `10.9.1.${i}`) },
];
/**
 * How long the server is frozen, in ms. The tunnel must stay up in this time. The test does not
 * expect a trouble, because an agent notices a frozen server only after a minute.
 */
const FROZEN_MS = 3000;

interface KubeObject {
  readonly metadata: { readonly name: string };
  readonly [field: string]: unknown;
}

interface Hostile {
  records: 'endless' | readonly KubeObject[];
  readonly watching: number;
  readonly port: number;
  send(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void;
  close(): void;
}

interface HostileModule {
  readonly HostileKube: {
    start(collection: string, certificate: { cert: string; key: string }): Promise<Hostile>;
  };
}
