import { setTimeout as sleep } from 'node:timers/promises';
import { describeWith, type TcpRelay } from '@litz/testkit';
import type { MeshStatus } from '@litz/mesh';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { removeSockets } from '../../host.ts';
import { realInterfaces, type LitzProcess } from '../../litz-process.ts';
import {
  etcdProgram,
  EtcdAdministrator,
  RealEtcd,
  type Administrator,
  type Etcd,
} from './etcd-server.ts';
import { MeshCluster, type MeshNode } from './mesh-cluster.ts';
import { NumberedStream } from './numbered-stream.ts';

/**
 * If `LITZ_LONG=1` is set, only the first test runs. It then takes half an hour, and uses the
 * default lease.
 */
const LONG = process.env['LITZ_LONG'] === '1';
const LEASE_SECONDS = LONG ? 900 : 3;
/**
 * How long only node n1 cannot reach etcd, in ms. This is longer than the time limit of a call to
 * etcd. After that, no node can reach etcd for `TOGETHER_MS`.
 */
const ALONE_MS = LONG ? 1_200_000 : 13_000;
const TOGETHER_MS = LONG ? 600_000 : 5000;
const LONGEST_MS = LONG ? 3_600_000 : 110_000;
const REJECT_AFTER_MS = 180_000;
const WITHIN = { timeout: 15_000, interval: 300 };
const RECORDS = 'litz/nodes/v1/';

describeWith([...realInterfaces, etcdProgram], 'litz agent with etcd', () => {
  let etcd: Etcd;
  let administrator: Administrator;
  let cluster: MeshCluster;
  const relays: TcpRelay[] = [];
  const places: string[] = [];
  const agents: LitzProcess[] = [];
  let streams: NumberedStream[] = [];

  beforeAll(async () => {
    etcd = await RealEtcd.start();
    administrator = new EtcdAdministrator(etcd.administrationPort);
    cluster = await MeshCluster.create(3);
    for (const node of cluster.nodes) {
      await node.daemon({ longestMs: LONGEST_MS });
      const { relay, place } = cluster.relay(etcd.port);
      relays.push(relay);
      places.push(place);
      agents.push(startAgent(node, place));
    }
    for (const node of cluster.nodes) await node.untilPeersAnswered(2);
  });

  afterEach(() => {
    for (const stream of streams.splice(0)) stream.kill();
    for (const relay of relays) relay.unblock();
  });

  afterAll(async () => {
    await cluster?.close();
    await etcd?.close();
    removeSockets();
  });

  it(
    `loses no packet while one node cannot reach etcd for ${ALONE_MS / 1000} s, and then no node can reach etcd for ${TOGETHER_MS / 1000} s`,
    async () => {
      const [one, two, three] = cluster.nodes as [MeshNode, MeshNode, MeshNode];
      const settings = { rate: LONG ? 200 : 1000, longestMs: LONGEST_MS };
      streams = [
        await NumberedStream.start(one.pod, two.pod, two.podAddress, settings),
        await NumberedStream.start(two.pod, one.pod, one.podAddress, settings),
        await NumberedStream.start(three.pod, one.pod, one.podAddress, { ...settings, port: 7001 }),
        await NumberedStream.start(two.pod, three.pod, three.podAddress, settings),
      ];
      const [relay] = relays as [TcpRelay];
      const began = Date.now();
      relay.block();
      for (const node of [two, three]) {
        await untilSaid(
          node,
          /record of node n1 has expired; the peer stays/,
          LEASE_SECONDS * 2 + 30,
        );
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
      // A session carries packets only for Reject-After-Time after its handshake. So when etcd was
      // killed, the last handshake with each peer must have been younger than this time.
      const handshakes = [...alone.peers, ...seen.peers].map((peer) => peer.lastHandshakeAt ?? 0);
      expect(Math.min(...handshakes)).toBeGreaterThan(began + ALONE_MS - REJECT_AFTER_MS);
      await etcd.startServer();
      relay.unblock();
      for (const node of [two, three]) {
        await untilSaid(node, /record of node n1 is in the registry again/, 120);
        expect(statesOf(await node.status())).toContain('n1 connected listed');
      }
      const reports = await Promise.all(streams.map((stream) => stream.end()));
      if (LONG) process.stdout.write(`${JSON.stringify(reports)}\n`);
      expect(reports).toMatchObject([{ lost: 0 }, { lost: 0 }, { lost: 0 }, { lost: 0 }]);
      // The old record was deleted when its lease expired. Version 1 says that the new record was
      // written only once.
      expect(await administrator.read(`${RECORDS}n1`)).toMatchObject({ version: '1' });
    },
    LONGEST_MS,
  );

  it.skipIf(LONG)(
    'renews the lease of its record after it was killed and started again',
    async () => {
      const [one, two] = cluster.nodes as [MeshNode, MeshNode];
      const expiries = async (): Promise<number> =>
        eventsOf(await two.status()).split('record of node n1 has expired').length;
      const before = await expiries();
      const killedAt = Date.now();
      const [agent] = agents as [LitzProcess];
      const [place] = places as [string];
      await agent.end('SIGKILL');
      agents[0] = startAgent(one, place);
      await one.untilPeersAnswered(2);
      // If the start takes longer than the lease, the lease of the old process expires, so the
      // number of expiries is not compared.
      const isInTime = Date.now() - killedAt < LEASE_SECONDS * 1000;
      await sleep(LEASE_SECONDS * 2000);
      expect(await administrator.read(`${RECORDS}n1`)).toBeDefined();
      expect(statesOf(await two.status())).toContain('n1 connected listed');
      expect(isInTime ? await expiries() : before).toBe(before);
    },
  );

  it.skipIf(LONG)(
    'keeps all peers when etcd is killed and starts again without data, and each node writes its record again',
    async () => {
      await etcd.replace();
      for (const { name } of cluster.nodes) {
        await vi.waitFor(async () => {
          expect(await administrator.read(RECORDS + name)).toBeDefined();
        }, WITHIN);
      }
      for (const node of cluster.nodes) {
        await vi.waitFor(async () => {
          const status = await node.status();
          expect(status.registry.trouble).toBeUndefined();
          expect(statesOf(status).map((state) => state.slice(2))).toEqual([
            ' connected listed',
            ' connected listed',
          ]);
        }, WITHIN);
        expect(eventsOf(await node.status())).not.toMatch(/has left/);
      }
    },
  );

  it.skipIf(LONG)(
    'refuses the record of a node that claims a prefix of another node, and keeps the other node',
    async () => {
      const [one, two] = cluster.nodes as [MeshNode, MeshNode];
      const { value } = (await administrator.read(`${RECORDS}n3`))!;
      const claim = JSON.parse(value);
      claim.name = 'n9';
      claim.addresses = ['10.9.0.9'];
      claim.keys = [{ ...claim.keys[0], publicKey: Buffer.alloc(32, 9).toString('base64') }];
      await administrator.put(`${RECORDS}n9`, JSON.stringify(claim));
      for (const node of [one, two]) {
        await untilSaid(node, /record of node n9 is refused: prefixes\[0\]: .* of node n3/, 10);
        expect(statesOf(await node.status())).toContain('n3 connected listed');
      }
      await administrator.delete(`${RECORDS}n9`);
    },
  );

  it.skipIf(LONG)(
    'removes a peer at once when an administrator deletes its record from etcd, and that peer does not write its record again',
    async () => {
      const [one, two, three] = cluster.nodes as [MeshNode, MeshNode, MeshNode];
      await administrator.delete(`${RECORDS}n2`);
      for (const node of [one, three]) {
        await untilSaid(node, /node n2 has left: its record was removed/, 10);
      }
      await sleep(LEASE_SECONDS * 1000);
      expect(await administrator.read(`${RECORDS}n2`)).toBeUndefined();
      expect((await two.status()).troubles.join()).toMatch(/./);
    },
  );
});

function startAgent(node: MeshNode, place: string): LitzProcess {
  const words = ['--etcd-lease', `${LEASE_SECONDS}s`];
  return node.agentOf(`etcd://${place}`, words, { longestMs: LONGEST_MS });
}

/** Waits until an event in the status of the node's agent has a text that matches `what`. */
async function untilSaid(node: MeshNode, what: RegExp, seconds: number): Promise<void> {
  await vi.waitFor(
    async () => {
      const texts = (await node.status()).events.map(({ text }) => text);
      if (!texts.some((text) => what.test(text))) throw new Error(texts.join('\n'));
    },
    { timeout: seconds * 1000, interval: LONG ? 10_000 : 300 },
  );
}

function eventsOf({ events }: MeshStatus): string {
  return events.map(({ text }) => text).join('\n');
}

/**
 * Returns the name of each peer, its state, and whether its record is in the registry, such as 'n1
 * connected expired'.
 */
function statesOf({ peers }: MeshStatus): string[] {
  return peers.map(
    ({ name, state, isListed }) => `${name} ${state} ${isListed ? 'listed' : 'expired'}`,
  );
}

async function until(time: number): Promise<void> {
  await sleep(Math.max(0, time - Date.now()));
}
