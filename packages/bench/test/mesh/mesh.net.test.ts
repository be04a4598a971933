import { existsSync } from 'node:fs';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import type * as Mesh from '../../src/mesh/mesh.ts';
import { litz } from '../../src/peers/implementation.ts';
import { missingNamespaces } from '../../src/peers/namespace-pair.ts';

/** The built file, because child processes cannot load .ts files. */
const BUILT = new URL('../../dist/mesh/mesh.js', import.meta.url);
const requirements = [
  requirement('the built @litz/bench', () => (existsSync(BUILT) ? true : 'run `tsc -b` first')),
  requirement('the right to make network namespaces', () => missingNamespaces() ?? true),
  requirement('the built litz', () => litz().missing() ?? true),
  programRequirement('nft'),
  programRequirement('etcd'),
];

describeWith(requirements, 'measureMesh', () => {
  it('finds at most one request to the daemon per change, and no write to the registry at rest', async () => {
    const { measureMesh, SHORT_MESH_SETTINGS } = (await import(BUILT.href)) as typeof Mesh;
    const said: string[] = [];
    const { measurements, failed } = await measureMesh(SHORT_MESH_SETTINGS, (text) =>
      said.push(text),
    );
    expect({ failed, said }).toEqual({ failed: [], said });
    const of = (figure: string): number | null | undefined =>
      measurements.find((one) => one.figure === figure)?.value;
    expect(of('200 nodes: nft transactions per change')).toBe(0);
    expect(of('200 nodes: full UAPI get per change')).toBe(0);
    expect(of('at rest: registry writes of all')).toBe(0);
    expect(of('registry writes per join')).toBeLessThanOrEqual(2);
    // Changes that come within one round need only one request, so this may be less than 1.
    expect(of('200 nodes: UAPI set per change')).toBeGreaterThan(0);
    expect(of('UAPI set per change and agent')).toBeGreaterThan(0);
  });
});
