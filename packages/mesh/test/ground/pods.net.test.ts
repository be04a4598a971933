import { parseCidr } from '@litz/core';
import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { desireHost, type LinuxHost, type MeshRequest } from '../../src/index.ts';
import type { GroundNode } from './ground-node.ts';
import { Ground, groundRequirements, type GroundOptions } from './ground.ts';
import { PODS4, PODS6 } from './wire.ts';

describeWith(groundRequirements, 'the ground', () => {
  test.each<[string, GroundOptions]>([
    ['bridge and host-gw', {}],
    ['ptp and host-gw', { cni: 'ptp' }],
    ['bridge and VXLAN', { overlay: 'vxlan' }],
  ])('connects pods of different nodes by %s, in plaintext', async (_, options) => {
    const { nodes, wire } = await createGround(options);
    const [a, b] = nodes as [GroundNode, GroundNode];

    expect(a.ping(a.pods[0]!, b.pods[0]!.address)).toBe(3);

    const { plaintext, vxlan } = wire.counts();
    expect(options.overlay ? vxlan : plaintext).toBeGreaterThanOrEqual(6);
  });
});

async function createGround(options: GroundOptions = {}): Promise<Ground> {
  const ground = await Ground.create(options);
  onTestFinished(() => ground.close());
  return ground;
}
