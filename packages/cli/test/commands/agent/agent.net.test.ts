import { describeWith } from '@litz/testkit';
import { beforeAll, expect, it, vi } from 'vitest';
import { removeSockets } from '../../host.ts';
import { realInterfaces, type LitzProcess } from '../../litz-process.ts';
import { MeshCluster, type MeshNode } from './mesh-cluster.ts';
import { NumberedStream } from './numbered-stream.ts';

let cluster: MeshCluster;
let one: MeshNode;
let two: MeshNode;
const agents = new Map<MeshNode, LitzProcess>();
const daemons = new Map<MeshNode, LitzProcess>();

describeWith(realInterfaces, 'litz agent', () => {
  // Every test leaves both nodes permissive, in mode pods, and connected.
  beforeAll(() => startMesh());

  it('encrypts the packets between pods of two nodes', async () => {
    const capture = cluster.capture();
    expect(await one.pod.ping(two.podAddress)).toBe(3);
    const lines = capture.lines();
    capture.close();
    expect(lines.filter((line) => line.startsWith('icmp'))).toEqual([]);
    expect(lines.filter((line) => line.includes(':51871')).length).toBeGreaterThanOrEqual(6);
    expect(await one.ask('status')).toContain('Encryption:   Wireguard [NodeEncryption: Disabled');
  });

  it('loses no packet when the agent is killed and started again, ten times', async () => {
    const stream = await NumberedStream.start(one.pod, two.pod, two.podAddress);
    for (let i = 0; i < 10; i++) {
      await agents.get(one)?.end('SIGKILL');
      agents.set(one, one.agent());
      await one.untilPeersAnswered(1);
    }
    const report = await stream.end();
    expect(report).toMatchObject({ lost: 0 });
    expect(report.sent).toBeGreaterThan(3000);
  });

  it('loses no packet while mode and enforcement change, and encrypts what the mode covers', async () => {
    const streams = [
      await NumberedStream.start(one.pod, two.pod, two.podAddress),
      await NumberedStream.start(two.pod, one.pod, one.podAddress),
    ];
    expect(await readableBetween()).toEqual({ nodes: true, pods: false });
    for (const mode of ['nodes', 'all'] as const) {
      await askAll('encrypt', mode);
      expect([mode, await readableBetween()]).toEqual([mode, { nodes: false, pods: false }]);
    }
    await askAll('enforcement', 'enforce');
    expect(await readableBetween()).toEqual({ nodes: false, pods: false });
    await askAll('enforcement', 'permissive');
    await askAll('encrypt', 'pods');
    expect(await readableBetween()).toEqual({ nodes: true, pods: false });
    await askAll('enforcement', 'off');
    expect(await readableBetween()).toEqual({ nodes: true, pods: true });
    await askAll('enforcement', 'permissive');
    expect(await readableBetween()).toEqual({ nodes: true, pods: false });
    const reports = await Promise.all(streams.map((stream) => stream.end()));
    expect(reports).toMatchObject([{ lost: 0 }, { lost: 0 }]);
  });

  it('refuses enforce while the enforcement of a peer is off, and drops the plaintext of a peer that switches its enforcement off later', async () => {
    await switchOff(two);
    expect(await one.pod.ping(two.podAddress)).toBe(3);
    await expect(one.ask('enforcement', 'enforce')).rejects.toThrow('enforcement is off on n2.');
    expect(await one.ask('status')).toContain('Plaintext:    from n2: enforcement is off there');

    await two.ask('enforcement', 'permissive');
    await vi.waitFor(() => one.ask('enforcement', 'enforce'), { timeout: 10_000 });
    expect(await one.pod.ping(two.podAddress)).toBe(3);

    await switchOff(two);
    expect(await one.pod.ping(two.podAddress, { timeoutMs: 300 })).toBe(0);
    const warnings = (await one.status()).events.filter(({ level }) => level === 'warning');
    expect(warnings.at(-1)?.text).toMatch(/^plaintext: enforcement is off on n2, .* drops them/);

    await two.ask('enforcement', 'permissive');
    await vi.waitFor(async () => expect((await one.status()).troubles).toEqual([]), {
      timeout: 10_000,
    });
    expect(await one.pod.ping(two.podAddress)).toBe(3);
    await one.ask('enforcement', 'permissive');
  });

  it('rotates the key of a node without a lost packet', async () => {
    const streams = [
      await NumberedStream.start(one.pod, two.pod, two.podAddress),
      await NumberedStream.start(two.pod, one.pod, one.podAddress),
    ];
    const before = await one.status();
    const generation = before.node.keys[0].generation + 1;
    expect(await one.ask('rotate-key')).toContain(`generation ${generation}`);
    await vi.waitFor(
      async () => {
        const { node, events } = await one.status();
        const { keys } = node;
        if (keys.length === 1 && keys[0]?.generation === generation) return;
        throw new Error(events.map(({ text }) => text).join('\n'));
      },
      { timeout: 20_000, interval: 200 },
    );
    const reports = await Promise.all(streams.map((stream) => stream.end()));
    expect(reports).toMatchObject([{ lost: 0 }, { lost: 0 }]);
    const after = await one.status();
    expect(after.node.keys[0]?.publicKey).not.toBe(before.node.keys[0]?.publicKey);
    await vi.waitFor(
      async () => {
        const { peers } = await two.status();
        expect(peers[0]?.keys).toEqual(after.node.keys);
      },
      { timeout: 20_000, interval: 200 },
    );
  });
});

describeWith(realInterfaces, 'litz agent --table --priority', () => {
  beforeAll(() => startMesh(['--table', '100', '--priority', '800']));

  it('configures a daemon that was killed and started again, and sets routes in the given table and rules of the given priority', async () => {
    await daemons.get(one)?.end('SIGKILL');
    const stream = await NumberedStream.start(two.pod, one.pod, one.podAddress);
    await one.daemon();
    await vi.waitFor(async () => expect(await one.pod.ping(two.podAddress)).toBe(3), {
      timeout: 5000,
    });
    await stream.end();
    await one.untilPeersAnswered(1);
    expect(one.host.rules()).toContain('IPv4 800 all lookup 100');
    expect(one.host.netlink.tableRoutes(100).map(({ type }) => type)).toContain('throw');
    expect(one.host.netlink.tableRoutes(51871)).toEqual([]);
  });
});

/** Gives the same command to the agents of all nodes, one after the other. */
async function askAll(...words: string[]): Promise<void> {
  for (const node of cluster.nodes) await node.ask(...words);
}

/**
 * Pings between the nodes and between their pods. Returns which pings a capture shows in plaintext.
 */
async function readableBetween(): Promise<{ nodes: boolean; pods: boolean }> {
  const capture = cluster.capture();
  expect(await one.host.ping(two.address)).toBe(3);
  expect(await one.pod.ping(two.podAddress)).toBe(3);
  const lines = capture.lines();
  capture.close();
  const isReadable = (from: string, to: string): boolean => lines.includes(`icmp ${from} > ${to}`);
  return {
    nodes: isReadable(one.address, two.address),
    pods: isReadable(one.podAddress, two.podAddress),
  };
}

/** Switches the enforcement of `node` off, and waits until node `one` knows that. */
async function switchOff(node: MeshNode): Promise<void> {
  await node.ask('enforcement', 'off');
  await vi.waitFor(
    async () => expect((await one.status()).peers).toMatchObject([{ sendsPlaintext: true }]),
    { timeout: 10_000 },
  );
}

/**
 * Starts daemons and agents on two nodes, and waits until the nodes have answered each other.
 *
 * @param words more arguments of the agents
 * @returns a function that closes everything
 */
async function startMesh(words: readonly string[] = []): Promise<() => Promise<void>> {
  cluster = await MeshCluster.create(2);
  [one, two] = cluster.nodes as [MeshNode, MeshNode];
  const answers = await one.pod.ping(two.podAddress);
  if (answers !== 3) throw new Error(`only ${answers} of 3 answers without a mesh`);
  await Promise.all(
    cluster.nodes.map(async (node) => {
      daemons.set(node, await node.daemon());
      agents.set(node, node.agent(words));
    }),
  );
  await Promise.all(cluster.nodes.map((node) => node.untilPeersAnswered(1)));
  return async () => {
    await cluster.close();
    removeSockets();
  };
}
