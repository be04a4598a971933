/**
 * What tests on the ground begin with.
 *
 * @module
 */
import { onTestFinished } from 'vitest';
import type { MeshRequest } from '../../src/index.ts';
import { until, type GroundNode } from './ground-node.ts';
import { Ground, type GroundOptions } from './ground.ts';
import { ProgrammedMesh } from './programmed-mesh.ts';

/** The first two nodes. */
export interface Ends {
  readonly a: GroundNode;
  readonly b: GroundNode;
}

export type Mesh = Ground & Ends & { readonly mesh: ProgrammedMesh };

/** Closed when the test ends. */
export async function createGround(options: GroundOptions = {}): Promise<Ground & Ends> {
  const ground = await Ground.create(options);
  onTestFinished(() => ground.close());
  const [a, b] = ground.nodes as [GroundNode, GroundNode];
  return Object.assign(ground, { a, b });
}

/** The same with daemons, programmed, and settled; what crossed the wire until then doesn't count. */
export async function createMesh(
  options: GroundOptions = {},
  more: Partial<MeshRequest> = {},
): Promise<Mesh> {
  const ground = await createGround(options);
  const mesh = await ProgrammedMesh.create(ground, more);
  await settle(ground);
  ground.wire.reset();
  return Object.assign(ground, { mesh });
}

/** Addresses are no longer tentative, neighbours are known, handshakes are over. */
export async function settle({ a, b }: Ends): Promise<void> {
  const [podA, podB] = [a.pods[0], b.pods[0]];
  await until(() => a.ping(podA, podB.address, { count: 1 }) === 1);
  await until(() => a.ping(podA, podB.address6, { count: 1 }) === 1);
  await until(() => b.ping(podB, podA.address, { count: 1 }) === 1);
}
