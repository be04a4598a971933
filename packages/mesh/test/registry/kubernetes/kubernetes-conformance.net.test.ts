import { describeWith } from '@litz/testkit';
import { afterAll, beforeAll } from 'vitest';
import { KubeApi } from '../../../src/registry/kubernetes/kube-api.ts';
import { KubernetesRegistry } from '../../../src/registry/kubernetes/kubernetes-registry.ts';
import { describeRegistry, type RegistryFixture } from '../conformance.ts';
import { CILIUM_NODES, applyDefinition, applyLitzNodes } from './manifests.ts';
import { kubeRequirements, RealKube } from './real-kube.ts';

describeWith(kubeRequirements, 'a real API server', () => {
  let kube: RealKube;

  beforeAll(async () => {
    kube = await RealKube.start();
    await applyLitzNodes(kube);
    await applyDefinition(kube, CILIUM_NODES);
  });

  afterAll(() => kube?.close());

  describeRegistry('kubernetes with LitzNode objects', async () => ({
    ...fixture('/apis/litz.dev/v1/litznodes', 'litz'),
    // The schema accepts the prefix 0.0.0.0/0, but the reader of records refuses it.
    writeBadRecord: async (name) => {
      const key = { publicKey: KEY, generation: 1, createdAt: '2026-01-31T12:00:00.000Z' };
      const record = { version: 1, addresses: ['192.0.2.1'], port: 51871, keys: [key] };
      const spec = { ...record, prefixes: ['0.0.0.0/0'] };
      const object = { apiVersion: 'litz.dev/v1', kind: 'LitzNode', metadata: { name }, spec };
      await kube.apply(`/apis/litz.dev/v1/litznodes/${name}`, object);
    },
  }));

  describeRegistry('kubernetes with CiliumNode objects', async () => ({
    ...fixture('/apis/cilium.io/v2/ciliumnodes', 'cilium'),
    writeBadRecord: async (name) => {
      const annotations = { 'network.cilium.io/wg-pub-key': 'AAAA' };
      const metadata = { name, annotations };
      const object = { apiVersion: 'cilium.io/v2', kind: 'CiliumNode', metadata, spec: {} };
      await kube.apply(`/apis/cilium.io/v2/ciliumnodes/${name}`, object);
    },
  }));

  function fixture(
    path: string,
    format: 'litz' | 'cilium',
  ): Omit<RegistryFixture, 'writeBadRecord'> {
    const objectOf = async (name: string) => (await kube.send('GET', `${path}/${name}`)).body;
    return {
      open: async () => new KubernetesRegistry(new KubeApi(kube.access), { format }),
      version: async (name) => (await objectOf(name)).metadata.resourceVersion,
      addUnknownField: async (name) => {
        const merge = { contentType: 'application/merge-patch+json' };
        await kube.send('PATCH', `${path}/${name}`, { spec: { later: { x: 1 } } }, merge);
      },
      hasUnknownField: async (name) => (await objectOf(name)).spec.later?.x === 1,
      deleteByHand: async (name) => void (await kube.send('DELETE', `${path}/${name}`)),
      breakOff: () => kube.killServer(),
      mend: () => kube.startServer(),
      clear: async () => void (await kube.send('DELETE', path)),
      close: async () => {},
    };
  }
});

const KEY = 'y3fctWqJEnWrZ4cUeokIos6xu0ecHHgJOKY0tALubVU=';
