/**
 * Makes networks of nodes for tests: `createNetwork` without daemons, `createMesh` with daemons
 * that encrypt.
 *
 * @module
 */
import { onTestFinished } from 'vitest';
import type { MeshRequest } from '../../src/index.ts';
import { until, type TestNode } from './test-node.ts';
import { TestNetwork, type TestNetworkOptions } from './test-network.ts';
import { ProgrammedMesh } from './programmed-mesh.ts';

/** The first two nodes of a network. */
export interface Ends {
  readonly a: TestNode;
  readonly b: TestNode;
}

export type Mesh = TestNetwork & Ends & { readonly mesh: ProgrammedMesh };

/** Makes a network. It is closed when the test ends. */
export async function createNetwork(options: TestNetworkOptions = {}): Promise<TestNetwork & Ends> {
  const network = await TestNetwork.create(options);
  onTestFinished(() => network.close());
  const [a, b] = network.nodes as [TestNode, TestNode];
  return Object.assign(network, { a, b });
}

/**
 * Makes a network with daemons, programs it, waits until pods answer, and resets the counters of
 * the wire.
 */
export async function createMesh(
  options: TestNetworkOptions = {},
  more: Partial<MeshRequest> = {},
): Promise<Mesh> {
  const network = await createNetwork(options);
  const mesh = await ProgrammedMesh.create(network, more);
  await settle(network);
  network.wire.reset();
  return Object.assign(network, { mesh });
}

/** Waits until addresses are no longer tentative, neighbours are known, and handshakes are over. */
export async function settle({ a, b }: Ends): Promise<void> {
  const [podA, podB] = [a.pods[0], b.pods[0]];
  await until(() => a.ping(podA, podB.address, { count: 1 }) === 1);
  await until(() => a.ping(podA, podB.address6, { count: 1 }) === 1);
  await until(() => b.ping(podB, podA.address, { count: 1 }) === 1);
}
