import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { removeSockets } from '../../host.ts';
import { realInterfaces, type LitzProcess, type ProcessOptions } from '../../litz-process.ts';
import { MeshCluster, type MeshNode } from './mesh-cluster.ts';
import { NumberedStream } from './numbered-stream.ts';

let cluster: MeshCluster;
const agents = new Map<MeshNode, LitzProcess>();
const daemons = new Map<MeshNode, LitzProcess>();

describeWith(realInterfaces, 'a node that comes back', () => {
  beforeEach(async () => {
    cluster = await MeshCluster.create(3);
    await startAll();
  });

  afterEach(async () => {
    await cluster.close();
    removeSockets();
  });

  it('gives the key from a restored file a new generation if another key had replaced this key after the backup', async () => {
    const [one, two] = nodes();
    const kept = keep(one);
    const { publicKey } = await ownKey(one);
    await rotate(one, 2);

    await agents.get(one)?.end('SIGKILL');
    restore(one, kept);
    agents.set(one, one.agent());

    await until(async () => {
      const { keys } = (await peerOf(two, one)) ?? {};
      expect(keys).toMatchObject([{ publicKey, generation: 3 }]);
    });
    await reaches(one, two);
    await reaches(two, one);
    await one.untilPeersAnswered(2);
  });

  it('is reached by peers that have packets for it, although it runs from a snapshot and its clock is behind', async () => {
    const [one, two] = nodes();
    const kept = keep(one);
    await rotate(one, 2);
    await stop(one);
    restore(one, kept);

    const startedAt = performance.now();
    await start(one, shiftedClock(-HOUR_MS));
    await reaches(two, one);
    await one.untilPeersAnswered(2);

    expect(performance.now() - startedAt).toBeLessThan(LONGEST_MS);
  });

  it('connects when its clock, which was set back, is right again', async () => {
    const [one] = nodes();
    await stop(one);
    const clock = shiftedClock(-HOUR_MS);
    await start(one, clock);
    await one.knows(2);
    // The peers refuse its initiations as possible replays, because their timestamps are too old.
    await new Promise((resolve) => setTimeout(resolve, REFUSED_MS));
    const { peers } = await one.status();
    expect(peers.map(({ state }) => state)).toEqual(['waiting', 'waiting']);

    setClock(clock, 0);
    const startedAt = performance.now();
    await one.untilPeersAnswered(2);
    // The node initiates again after Rekey-Timeout.
    expect(performance.now() - startedAt).toBeLessThan(LONGEST_MS);
  });

  it('is reached by a peer that has packets for it, although the clock of the node is set back', async () => {
    const [one, two] = nodes();
    await stop(one);
    const startedAt = performance.now();
    await start(one, shiftedClock(-HOUR_MS));
    await reaches(two, one);
    await one.untilPeersAnswered(1);
    // After 15 s, the peer notices that its session is dead, and initiates.
    expect(performance.now() - startedAt).toBeLessThan(LONGEST_MS);
  });

  it('connects to two nodes that replaced their keys at the same time while it was away; these two lost no packet between each other', async () => {
    const [one, two, three] = nodes();
    await stop(three);
    const streams = [
      await NumberedStream.start(one.pod, two.pod, two.podAddress),
      await NumberedStream.start(two.pod, one.pod, one.podAddress),
    ];
    // The new agents wait only 5 s for a missing node in a rotation.
    for (const node of [one, two]) {
      await agents.get(node)?.end('SIGKILL');
      agents.set(node, node.agent(['--rotate-timeout', '5s']));
      await node.untilPeersAnswered(1);
    }
    await Promise.all([rotate(one, 2), rotate(two, 2)]);
    const reports = await Promise.all(streams.map((stream) => stream.end()));
    expect(reports).toMatchObject([{ lost: 0 }, { lost: 0 }]);

    await start(three);
    await three.untilPeersAnswered(2);
    for (const node of [one, two]) await reaches(three, node);
  });

  it('starts without its state, as on a new machine, and a peer ends the rotation that waited for this node', async () => {
    const [one, two, three] = nodes();
    await stop(three);
    await one.ask('rotate-key');
    await until(async () => expect((await one.status()).node.keys).toHaveLength(2));
    rmSync(three.stateFolder, { recursive: true });

    await start(three);
    await untilGeneration(one, 2);
    await three.untilPeersAnswered(2);
    for (const node of [one, two]) await reaches(three, node);
  });
});

function nodes(): readonly [MeshNode, MeshNode, MeshNode] {
  return cluster.nodes as [MeshNode, MeshNode, MeshNode];
}

/** Starts daemons and agents on all nodes, and waits until all peers have answered. */
async function startAll(): Promise<void> {
  for (const node of nodes()) await start(node);
  for (const node of nodes()) await node.untilPeersAnswered(2);
}

async function start(node: MeshNode, options: ProcessOptions = {}): Promise<void> {
  daemons.set(node, await node.daemon(options));
  agents.set(node, node.agent([], options));
}

async function stop(node: MeshNode): Promise<void> {
  await agents.get(node)?.end('SIGKILL');
  await daemons.get(node)?.end('SIGKILL');
}

/** Copies the state of the node, as a backup or a snapshot does. Returns the folder of the copy. */
function keep({ stateFolder }: MeshNode): string {
  const kept = `${stateFolder}-kept`;
  cpSync(stateFolder, kept, { recursive: true });
  return kept;
}

function restore({ stateFolder }: MeshNode, kept: string): void {
  rmSync(stateFolder, { recursive: true });
  cpSync(kept, stateFolder, { recursive: true });
}

async function rotate(node: MeshNode, generation: number): Promise<void> {
  await node.ask('rotate-key');
  await untilGeneration(node, generation);
}

async function untilGeneration(node: MeshNode, generation: number): Promise<void> {
  await until(async () => {
    const { keys } = (await node.status()).node;
    expect(keys).toMatchObject([{ generation }]);
  });
}

async function ownKey(node: MeshNode): Promise<{ readonly publicKey: string }> {
  const [key] = (await node.status()).node.keys;
  if (!key) throw new Error(`${node.name} has no key`);
  return key;
}

/** Returns options that shift the clock of a daemon and its agent by `ms`. */
function shiftedClock(ms: number): ProcessOptions & { readonly env: { CLOCK_FILE: string } } {
  const options = {
    env: { CLOCK_FILE: join(cluster.folder, 'clock'), LOG_LEVEL: 'verbose' },
    nodeOptions: ['--require', join(import.meta.dirname, '../../shifted-clock.cjs')],
  };
  setClock(options, ms);
  return options;
}

function setClock({ env }: { readonly env: { CLOCK_FILE: string } }, ms: number): void {
  writeFileSync(env.CLOCK_FILE, String(ms));
}

async function peerOf(
  node: MeshNode,
  { name }: MeshNode,
): Promise<Awaited<ReturnType<MeshNode['status']>>['peers'][number] | undefined> {
  const { peers } = await node.status();
  return peers.find((peer) => peer.name === name);
}

async function reaches(from: MeshNode, to: MeshNode): Promise<void> {
  await until(async () => expect(await from.pod.ping(to.podAddress)).toBe(3));
}

async function until(holds: () => Promise<void>): Promise<void> {
  await vi.waitFor(holds, { timeout: LONGEST_MS, interval: 200 });
}

const HOUR_MS = 3_600_000;
/**
 * How long the test waits while the peers refuse the node, in ms: more than two times
 * Rekey-Timeout.
 */
const REFUSED_MS = 12_000;
/**
 * The longest time until a node is connected, in ms: Keepalive-Timeout, Rekey-Timeout, and time for
 * a busy machine.
 */
const LONGEST_MS = 40_000;
