/**
 * What tests on the network begin with.
 *
 * @module
 */
import { onTestFinished } from 'vitest';
import type { MeshRequest } from '../../src/index.ts';
import { until, type TestNode } from './test-node.ts';
import { TestNetwork, type TestNetworkOptions } from './test-network.ts';
import { ProgrammedMesh } from './programmed-mesh.ts';

/** The first two nodes. */
export interface Ends {
  readonly a: TestNode;
  readonly b: TestNode;
}

export type Mesh = TestNetwork & Ends & { readonly mesh: ProgrammedMesh };

/** Closed when the test ends. */
export async function createNetwork(options: TestNetworkOptions = {}): Promise<TestNetwork & Ends> {
  const network = await TestNetwork.create(options);
  onTestFinished(() => network.close());
  const [a, b] = network.nodes as [TestNode, TestNode];
  return Object.assign(network, { a, b });
}

/** The same with daemons, programmed, and settled; what crossed the wire until then doesn't count. */
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

/** Addresses are no longer tentative, neighbours are known, handshakes are over. */
export async function settle({ a, b }: Ends): Promise<void> {
  const [podA, podB] = [a.pods[0], b.pods[0]];
  await until(() => a.ping(podA, podB.address, { count: 1 }) === 1);
  await until(() => a.ping(podA, podB.address6, { count: 1 }) === 1);
  await until(() => b.ping(podB, podA.address, { count: 1 }) === 1);
}
