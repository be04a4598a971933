/**
 * A real API server, from the tests of the package mesh. The files of those tests are not a part of
 * this package. So they are imported when a test runs, and their types are repeated here.
 *
 * @module
 */
import { join } from 'node:path';
import type { Requirement } from '@litz/testkit';

/** The folder of the mesh's tests with Kubernetes. */
export const KUBE_TESTS: string = join(
  import.meta.dirname,
  '../../../../mesh/test/registry/kubernetes',
);

/** A real API server. */
export interface Kube {
  readonly port: number;
  readonly kubeconfig: string;
  apply(path: string, object: unknown): Promise<unknown>;
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the API server answers
  send(method: string, path: string): Promise<{ body: any }>;
  /** Reads a file of the server, such as `server.crt`. */
  read(name: string): string;
  freezeServer(): void;
  thawServer(): void;
  close(): Promise<void>;
}

export const { kubeRequirements, RealKube } = (await import(
  join(KUBE_TESTS, 'real-kube.ts')
)) as KubeModule;
export const { applyLitzNodes } = (await import(
  join(KUBE_TESTS, 'manifests.ts')
)) as ManifestModule;

interface KubeModule {
  readonly kubeRequirements: readonly Requirement[];
  readonly RealKube: { start(): Promise<Kube> };
}

interface ManifestModule {
  readonly applyLitzNodes: (kube: Kube) => Promise<void>;
}
