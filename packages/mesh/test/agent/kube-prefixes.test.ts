import { formatCidr } from '@litz/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { KubePrefixes, type KubePrefixKind } from '../../src/agent/kube-prefixes.ts';
import { KubeApi } from '../../src/registry/kubernetes/kube-api.ts';
import { ManualClock, settle, until } from '../manual-clock.ts';
import { FakeKubeServer } from '../registry/kubernetes/fake-kube-server.ts';

const NODES = '/api/v1/nodes';
const CILIUM = '/apis/cilium.io/v2/ciliumnodes';
const BLOCKS = '/apis/crd.projectcalico.org/v1/blockaffinities';
const CONFIGS = '/apis/crd.projectcalico.org/v1/ipamconfigs';
const node = (...podCIDRs: string[]) => ({ metadata: { name: 'n1' }, spec: { podCIDRs } });
const block = (cidr: string) => ({
  metadata: { name: cidr.replaceAll(/\W/g, '-') },
  spec: { node: 'n1', state: 'confirmed', deleted: 'false', cidr },
});
const ipam = (strictAffinity: boolean) => ({
  metadata: { name: 'default' },
  spec: { strictAffinity },
});

describe('KubePrefixes', () => {
  test('reports the prefixes of the Node when the Node gets some', async () => {
    const { server, heard } = follow('node', (fake) => fake.put(NODES, node()));
    await until(() => server.watching === 1);
    server.put(NODES, node('10.244.1.0/24', 'fd00:1::/64'));
    await until(() => heard.length === 3);
    expect(heard).toEqual(['podCIDRs of the Node: none yet', '10.244.1.0/24 fd00:1::/64', 'well']);
  });

  test('keeps the previous prefixes when the Node is deleted', async () => {
    const { server, heard } = follow('node', (fake) => fake.put(NODES, node('10.244.1.0/24')));
    await until(() => server.watching === 1);
    server.delete(NODES, 'n1');
    await until(() => heard.length === 2);
    expect(heard).toEqual(['10.244.1.0/24', 'podCIDRs of the Node: none yet']);
  });

  test('reports a text that is not a prefix, and does not report the valid prefixes of this Node', async () => {
    const { heard } = follow('node', (fake) => fake.put(NODES, node('10.244.1.0/24', 'x/24')));
    await until(() => heard.length > 0);
    expect(heard).toEqual([expect.stringMatching(/^podCIDRs of the Node: .*x/)]);
  });

  test('reports the prefixes of the CiliumNode', async () => {
    const object = {
      metadata: { name: 'n1' },
      spec: { ipam: { podCIDRs: ['10.0.1.0/24'] } },
    };
    const { heard } = follow('cilium', (fake) => fake.put(CILIUM, object));
    await until(() => heard.length > 0);
    expect(heard).toEqual(['10.0.1.0/24']);
  });

  test("reports Calico's blocks, and does not end the trouble about a wrong setting when a watch ends", async () => {
    const { server, heard, says } = follow('calico', (fake) => {
      fake.put(BLOCKS, block('10.0.1.0/26'));
      fake.put(CONFIGS, ipam(false));
    });
    await says('strictaffinity');
    await until(() => server.watching === 1);
    server.endWatches();
    await until(() => server.watching === 1);
    await settle();
    expect(heard.filter((line) => line === 'well')).toEqual([]);
    expect(heard).toContain('10.0.1.0/26');
  });

  test('reads Calico’s settings again when the API server is back', async () => {
    const { server, heard, clock, says } = follow('calico', (fake) => {
      fake.put(BLOCKS, block('10.0.1.0/26'));
      fake.put(CONFIGS, ipam(false));
    });
    await says('strictaffinity');
    await until(() => server.watching === 1);
    const { length } = heard;
    server.kill();
    for (let i = 0; i < 20 && heard.length === length; i++) {
      clock.advance(10_000);
      await settle();
    }
    server.put(CONFIGS, ipam(true));
    server.start();
    for (let i = 0; i < 20 && heard.at(-1) !== 'well'; i++) {
      clock.advance(10_000);
      await settle();
    }
    expect(heard[length]).toContain('API server');
    expect(heard.at(-1)).toBe('well');
  });

  test('reports nothing after it was closed', async () => {
    const { server, heard, source } = follow('node', (fake) => fake.put(NODES, node()));
    await until(() => server.watching === 1);
    source.close();
    server.put(NODES, node('10.244.1.0/24'));
    await settle();
    expect(heard).toEqual(['podCIDRs of the Node: none yet']);
  });
});

function follow(kind: KubePrefixKind, prepare: (server: FakeKubeServer) => void) {
  const server = new FakeKubeServer();
  prepare(server);
  const clock = new ManualClock();
  const api = new KubeApi(server.access, { agent: server.agent, clock });
  const source = new KubePrefixes(api, 'n1', kind, { clock });
  const heard: string[] = [];
  source.follow({
    onPrefixes: (prefixes) => heard.push(prefixes.map(formatCidr).join(' ')),
    onTrouble: (trouble) => heard.push(trouble ?? 'well'),
  });
  onTestFinished(() => {
    source.close();
    api.close();
  });
  const says = (text: string): Promise<void> =>
    until(() => heard.some((line) => new RegExp(text).test(line)), text);
  return { server, heard, source, clock, says };
}
