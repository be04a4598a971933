/**
 * Reads Kubernetes manifests and applies them to a real API server.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import type { RealKube } from './real-kube.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever stands in it
  readonly [field: string]: any;
}

export const CHART: string = join(import.meta.dirname, '../../../../../deploy/chart/litz');

export function readManifests(text: string): Manifest[] {
  return (loadAll(text) as (Manifest | null)[]).filter((manifest) => manifest !== null);
}

/** Applies the CustomResourceDefinition of the chart, and waits until the server knows it. */
export async function applyLitzNodes(kube: RealKube): Promise<void> {
  const [definition] = readManifests(readFileSync(join(CHART, 'crds/litznodes.yaml'), 'utf8'));
  await applyDefinition(kube, definition);
}

export async function applyDefinition(kube: RealKube, definition: Manifest): Promise<void> {
  const { name } = definition.metadata;
  await kube.apply(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`, definition);
  const { group, names, versions } = definition['spec'];
  const path = `/apis/${group}/${versions[0].name}/${names.plural}`;
  for (let tries = 0; tries < 100; tries++) {
    if ((await kube.send('GET', `${path}?limit=1`)).status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${name} was not served`);
}

/** Returns the path of an object on the API server. */
export function pathOf({ apiVersion, kind, metadata }: Manifest): string {
  const plural =
    kind === 'ValidatingAdmissionPolicy' ? 'validatingadmissionpolicies' : `${kind.toLowerCase()}s`;
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace ? `/namespaces/${metadata.namespace}` : '';
  return `${base}${place}/${plural}/${metadata.name}`;
}

/** A definition of `CiliumNode` whose `spec` accepts any fields. */
export const CILIUM_NODES: Manifest = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'ciliumnodes.cilium.io' },
  spec: {
    group: 'cilium.io',
    scope: 'Cluster',
    names: { plural: 'ciliumnodes', singular: 'ciliumnode', kind: 'CiliumNode' },
    versions: [
      {
        name: 'v2',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        },
      },
    ],
  },
};
