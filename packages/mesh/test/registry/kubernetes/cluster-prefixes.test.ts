import { formatCidr } from '@litz/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  findClusterPrefixes,
  findServicePrefixes,
  type FoundPrefixes,
} from '../../../src/registry/kubernetes/cluster-prefixes.ts';
import { KubeApi } from '../../../src/registry/kubernetes/kube-api.ts';
import { FakeKubeServer } from './fake-kube-server.ts';

const SYSTEM = '/api/v1/namespaces/kube-system/configmaps';
const NODE = { podPrefixes: ['10.244.1.0/24'], addresses: ['192.0.2.1'] };
const KUBEADM = `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
networking:
  dnsDomain: cluster.local
  podSubnet: 10.244.0.0/16,fd44::/48
  serviceSubnet: "10.96.0.0/12"
`;

describe('findClusterPrefixes', () => {
  test.each<[string, (server: FakeKubeServer) => void, string]>([
    [
      'kubeadm, for both families',
      (server) => server.put(SYSTEM, map('kubeadm-config', { ClusterConfiguration: KUBEADM })),
      '10.244.0.0/16 fd44::/48 from podSubnet of kubeadm-config',
    ],
    [
      'flannel',
      (server) =>
        server.put(
          '/api/v1/namespaces/kube-flannel/configmaps',
          map('kube-flannel-cfg', { 'net-conf.json': '{"Network": "10.244.0.0/16"}' }),
        ),
      '10.244.0.0/16 from kube-flannel-cfg',
    ],
    [
      'kube-proxy, if kubeadm has none',
      (server) => {
        const none = { ClusterConfiguration: 'networking:\n  serviceSubnet: 10.96.0.0/12\n' };
        server.put(SYSTEM, map('kubeadm-config', none));
        server.put(SYSTEM, map('kube-proxy', { 'config.conf': 'clusterCIDR: 10.244.0.0/16\n' }));
      },
      '10.244.0.0/16 from clusterCIDR of kube-proxy',
    ],
    [
      'kube-proxy, if the prefixes of kubeadm do not contain the pods of this node',
      (server) => {
        const other = { ClusterConfiguration: 'podSubnet: 10.0.0.0/16' };
        server.put(SYSTEM, map('kubeadm-config', other));
        server.put(SYSTEM, map('kube-proxy', { 'config.conf': "clusterCIDR: '10.244.0.0/16'" }));
      },
      '10.244.0.0/16 from clusterCIDR of kube-proxy',
    ],
    [
      'kube-controller-manager',
      (server) =>
        server.put('/api/v1/namespaces/kube-system/pods', {
          metadata: { name: 'kube-controller-manager-n1' },
          spec: { containers: [{ command: ['kcm', '--cluster-cidr=10.244.0.0/16', '--v=2'] }] },
        }),
      '10.244.0.0/16 from --cluster-cidr of kube-controller-manager',
    ],
  ])('finds the prefixes in %s', async (_, prepare, expected) => {
    expect(text(await findClusterPrefixes(open(prepare), 'node', NODE))).toBe(expected);
  });

  test('finds the prefixes of Calico in its pools, except the pools that only tunnels use', async () => {
    const api = open((server) => {
      const pools = '/apis/crd.projectcalico.org/v1/ippools';
      server.put(pools, pool('a', { cidr: '10.1.0.0/16', disabled: true }));
      server.put(pools, pool('b', { cidr: '10.2.0.0/16', allowedUses: ['Workload', 'Tunnel'] }));
      server.put(pools, pool('c', { cidr: '10.3.0.0/16', allowedUses: ['Tunnel'] }));
      server.put(SYSTEM, map('kubeadm-config', { ClusterConfiguration: KUBEADM }));
    });
    const node = { ...NODE, podPrefixes: [] };
    expect(text(await findClusterPrefixes(api, 'calico', node))).toBe(
      "10.1.0.0/16 10.2.0.0/16 from Calico's IPPools",
    );
  });

  test('finds the prefixes of Cilium in its configuration', async () => {
    const api = open((server) =>
      server.put(
        SYSTEM,
        map('cilium-config', {
          'cluster-pool-ipv4-cidr': '10.0.0.0/9 10.128.0.0/9',
          'cluster-pool-ipv6-cidr': 'fd00::/104',
        }),
      ),
    );
    const node = { ...NODE, podPrefixes: [] };
    expect(text(await findClusterPrefixes(api, 'cilium', node))).toBe(
      '10.0.0.0/9 10.128.0.0/9 fd00::/104 from cilium-config',
    );
  });

  test('refuses a prefix that contains an address of the node, and reports it', async () => {
    const api = open((server) =>
      server.put(SYSTEM, map('kube-proxy', { 'config.conf': 'clusterCIDR: 0.0.0.0/0' })),
    );
    const { prefixes, source } = await findClusterPrefixes(api, 'node', NODE);
    expect(prefixes).toEqual([]);
    expect(source).toContain(
      "clusterCIDR of kube-proxy: names 0.0.0.0/0, which covers this node's own",
    );
  });

  test('reports where it has looked, and what it may not read', async () => {
    const api = open((server) => {
      server.failNext(403, 'Forbidden');
      server.put(SYSTEM, map('kube-proxy', { 'config.conf': 'clusterCIDR: pods' }));
    });
    const { prefixes, source } = await findClusterPrefixes(api, 'node', NODE);
    expect(prefixes).toEqual([]);
    expect(source).toMatch(/podSubnet of kubeadm-config: .*resources: \["configmaps"\]/);
    expect(source).toMatch(/clusterCIDR of kube-proxy: .*pods/);
    expect(source).toContain('kube-flannel-cfg: does not exist');
    expect(source).toContain('kube-controller-manager: does not exist');
  });
});

describe('findServicePrefixes', () => {
  test('finds the prefixes in ServiceCIDR objects, else in the configuration of kubeadm', async () => {
    const kubeadm = map('kubeadm-config', { ClusterConfiguration: KUBEADM });
    const older = open((server) => server.put(SYSTEM, kubeadm));
    expect(text(await findServicePrefixes(older, NODE))).toBe(
      '10.96.0.0/12 from serviceSubnet of kubeadm-config',
    );
    const newer = open((server) => {
      server.put(SYSTEM, kubeadm);
      server.put('/apis/networking.k8s.io/v1/servicecidrs', {
        metadata: { name: 'kubernetes' },
        spec: { cidrs: ['10.32.0.0/16', 'fd32::/112'] },
      });
    });
    expect(text(await findServicePrefixes(newer, NODE))).toBe(
      '10.32.0.0/16 fd32::/112 from ServiceCIDR objects',
    );
  });
});

function pool(name: string, spec: object) {
  return { metadata: { name }, spec };
}

function map(name: string, data: Readonly<Record<string, string>>) {
  return { metadata: { name }, data };
}

function open(prepare: (server: FakeKubeServer) => void): KubeApi {
  const server = new FakeKubeServer();
  prepare(server);
  const api = new KubeApi(server.access, { agent: server.agent });
  onTestFinished(() => api.close());
  return api;
}

function text({ prefixes, source }: FoundPrefixes): string {
  return `${prefixes.map(formatCidr).join(' ')} from ${source}`;
}
