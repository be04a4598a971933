/**
 * Functions for tests with a hostile registry and nodes with `--enforcement enforce`. They wait
 * until each node has a certain state, count lost packets, and find packets in plaintext.
 *
 * @module
 */
import { expect, vi } from 'vitest';
import type { MeshCluster, MeshNode } from './mesh-cluster.ts';
import { NumberedStream } from './numbered-stream.ts';

/**
 * Options of `vi.waitFor`. The timeout is longer than 10 s, the longest time until an agent
 * requests the records again.
 */
export const WITHIN = { timeout: 25_000, interval: 100 };

/** Waits until all peers have answered and each node enforces. */
export async function untilEnforced(nodes: readonly MeshNode[]): Promise<void> {
  for (const node of nodes) await node.untilPeersAnswered(nodes.length - 1);
  await vi.waitFor(async () => {
    for (const node of nodes) expect((await node.status()).node.enforcement).toBe('enforce');
  }, WITHIN);
}

/**
 * Runs `during` while packets pass between the pods of the first two nodes in both directions.
 *
 * @returns how many were lost in each direction
 * @throws {Error} (rejects) a packet of a pod was captured in plaintext, or no packet was sent in
 *   one direction
 */
export async function lossesDuring(
  cluster: MeshCluster,
  during: () => Promise<void>,
): Promise<number[]> {
  const [one, two] = cluster.nodes as [MeshNode, MeshNode];
  const capture = cluster.capture();
  const streams = [
    await NumberedStream.start(one.pod, two.pod, two.podAddress, { rate: 200 }),
    await NumberedStream.start(two.pod, one.pod, one.podAddress, { rate: 200 }),
  ];
  try {
    await during();
    const reports = await Promise.all(streams.map((stream) => stream.end()));
    expect(plaintextOf(capture.lines())).toEqual([]);
    for (const { sent } of reports) expect(sent).toBeGreaterThan(0);
    return reports.map(({ lost }) => lost);
  } finally {
    for (const stream of streams) stream.kill();
    capture.close();
  }
}

/** Returns the captured lines that show an address of a pod: packets that were not encrypted. */
export function plaintextOf(lines: readonly string[]): string[] {
  return lines.filter((line) => line.includes('10.244.'));
}

/**
 * Waits until the status of each node names a trouble with the registry that matches `trouble`, and
 * the only peer of the node is connected. If `trouble` is undefined, the status must name no
 * trouble with the registry.
 */
export async function eachSays(
  nodes: readonly MeshNode[],
  trouble: RegExp | undefined,
): Promise<void> {
  for (const node of nodes) {
    await vi.waitFor(async () => {
      const { registry, peers } = await node.status();
      const text = registry.trouble ?? NO_TROUBLE;
      expect(text).toMatch(trouble ?? new RegExp(`^${NO_TROUBLE}$`));
      expect(peers.map(({ state }) => state)).toEqual(['connected']);
    }, WITHIN);
  }
}

/**
 * Waits until the status of each node shows `count` refused records and one connected peer.
 */
export async function eachRefuses(nodes: readonly MeshNode[], count: number): Promise<void> {
  for (const node of nodes) {
    await vi.waitFor(async () => {
      const states = (await node.status()).peers.map(({ state }) => state);
      expect(states.filter((state) => state === 'refused')).toHaveLength(count);
      expect(states.filter((state) => state === 'connected')).toHaveLength(1);
    }, WITHIN);
  }
}

const NO_TROUBLE = 'no trouble';
