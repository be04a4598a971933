import { KubeApi } from '@litz/mesh';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FakeKubeServer } from '../../../../mesh/test/registry/kubernetes/fake-kube-server.ts';
import { until } from '../../../../mesh/test/manual-clock.ts';
import { readAgentFlags, type AgentFlags } from '../../../src/commands/agent/agent-flags.ts';
import {
  kubernetesDefaults,
  type KubernetesDefaults,
} from '../../../src/commands/agent/kubernetes-defaults.ts';
import { DEFAULT_FLAGS } from './default-flags.ts';

const CONTROL_PLANE = { 'node-role.kubernetes.io/control-plane': '' };
const FLAGS: AgentFlags = { ...DEFAULT_FLAGS, registry: 'kubernetes' };

describe('kubernetesDefaults', () => {
  it('fills in the name, the addresses and the prefixes, and reports where the prefixes come from', async () => {
    const { server, defaults } = setUp();
    server.put('/api/v1/namespaces/kube-system/configmaps', KUBEADM);
    const { flags, findings } = await defaults({}, { NODE_NAME: 'n1' });
    expect(flags).toMatchObject({
      node: 'n1',
      nodeIp: ['192.0.2.1', '2001:db8::1'],
      clusterPrefix: ['10.244.0.0/16'],
      servicePrefix: ['10.96.0.0/12'],
    });
    expect(findings).toEqual([
      'pods of the cluster: 10.244.0.0/16, from podSubnet of kubeadm-config',
      'services: 10.96.0.0/12, from serviceSubnet of kubeadm-config',
    ]);
    expect(readAgentFlags(flags).settings.clusterPrefixes).toHaveLength(1);
  });

  it('keeps the given flags, and does not request their values', async () => {
    const { server, defaults } = setUp();
    server.put('/api/v1/nodes', node('other'));
    const given = {
      node: 'other',
      nodeIp: ['198.51.100.1'],
      clusterPrefix: ['10.9.0.0/16'],
      servicePrefix: ['10.8.0.0/16'],
    };
    const { flags, findings } = await defaults(given, { NODE_NAME: 'n1' });
    expect(flags).toMatchObject(given);
    expect(findings).toEqual([]);
    expect(server.requests.every((request) => request.includes('/nodes?'))).toBe(true);
  });

  it('opts a control plane out, unless the mode is all or other labels are given', async () => {
    const { server, defaults } = setUp();
    server.put('/api/v1/nodes', node('n1', CONTROL_PLANE));
    const optOut = async (flags: Partial<AgentFlags>) => (await defaults(flags)).flags.optOut;
    expect(await optOut({ encrypt: 'nodes' })).toBe(true);
    expect(await optOut({ encrypt: 'all' })).toBeUndefined();
    expect(await optOut({ encrypt: 'nodes', optOut: 'gpu=true' })).toBeUndefined();
    expect(await optOut({ encrypt: 'nodes', optOut: true })).toBe(true);
  });

  it('refuses enforce if the cluster prefixes are unknown, and names the flag', async () => {
    const { defaults, server } = setUp();
    const refused = defaults({ enforcement: 'enforce' });
    await expect(refused).rejects.toThrow(/needs --cluster-prefix.*kubeadm-config: does not exist/);
    await expect(refused).rejects.toThrow(expect.objectContaining({ exitCode: 2 }));
    server.put('/api/v1/namespaces/kube-system/configmaps', KUBEADM);
    const { flags } = await defaults({ enforcement: 'enforce' });
    expect(readAgentFlags(flags).settings.enforcement).toBe('enforce');
  });

  it('continues without cluster prefixes if nothing is enforced, and reports that', async () => {
    const { defaults, closes } = setUp();
    const { flags, findings } = await defaults({});
    expect(flags.clusterPrefix).toEqual([]);
    expect(closes).toEqual([0]);
    expect(findings[0]).toMatch(/^pods of the cluster: not known, .*kube-proxy: does not exist/);
  });

  it('does not use cluster prefixes that do not contain the given prefixes of this node', async () => {
    const { server, defaults } = setUp();
    server.put('/api/v1/namespaces/kube-system/configmaps', KUBEADM);
    const { findings } = await defaults({ prefixes: 'static:10.99.1.0/24' });
    expect(findings[0]).toMatch(/not known.*does not cover this node's pods 10\.99\.1\.0\/24/);
  });

  it('when it is aborted, names the node that Kubernetes does not know, and closes its connection', async () => {
    const { defaults, closes, server, end } = setUp();
    const refused = defaults({ node: 'stranger' });
    await until(() => server.watching === 1);
    end.abort();
    await expect(refused).rejects.toThrow(/no Node stranger: give --node NAME/);
    expect(closes).toEqual([1]);
  });

  it('reports that a node has no addresses', async () => {
    const { defaults, server } = setUp();
    server.put('/api/v1/nodes', { metadata: { name: 'n1' }, status: { addresses: [] } });
    await expect(defaults({})).rejects.toThrow('Node n1 has no InternalIP: give --node-ip');
  });

  it('refuses wrong labels before any request', async () => {
    const { defaults, server } = setUp();
    await expect(defaults({ optOut: 'a=b=c' })).rejects.toThrow('a=b=c');
    expect(server.requests).toEqual([]);
  });
});

const KUBEADM = {
  metadata: { name: 'kubeadm-config' },
  data: {
    ClusterConfiguration:
      'networking:\n  podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/12\n',
  },
};

function node(name: string, labels = {}) {
  const addresses = ['192.0.2.1', '2001:db8::1', '192.0.2.9'].map((address) => ({
    type: 'InternalIP',
    address,
  }));
  return {
    metadata: { name, labels },
    spec: { podCIDRs: ['10.244.1.0/24'] },
    status: { addresses },
  };
}

function setUp() {
  const server = new FakeKubeServer();
  server.put('/api/v1/nodes', node('n1'));
  /** How often each `KubeApi` was closed, in the order in which the APIs were opened. */
  const closes: number[] = [];
  const end = new AbortController();
  const defaults = (
    flags: Partial<AgentFlags>,
    env: NodeJS.ProcessEnv = { NODE_NAME: 'n1' },
  ): Promise<KubernetesDefaults> =>
    kubernetesDefaults({ ...FLAGS, ...flags }, env, end.signal, () => {
      const api = new KubeApi(server.access, { agent: server.agent });
      const at = closes.push(0) - 1;
      const close = api.close.bind(api);
      api.close = () => {
        closes[at] = (closes[at] ?? 0) + 1;
        close();
      };
      onTestFinished(close);
      return api;
    });
  return { server, defaults, closes, end };
}
