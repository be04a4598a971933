import { describe, expect, test } from 'vitest';
import {
  calicoRefusal,
  followCalicoBlocks,
  followCiliumPrefixes,
} from '../../../src/registry/kubernetes/cni-prefixes.ts';
import { KubeApi } from '../../../src/registry/kubernetes/kube-api.ts';
import { ManualClock, settle, until } from '../../manual-clock.ts';
import { FakeKubeServer } from './fake-kube-server.ts';

const BLOCKS = '/apis/crd.projectcalico.org/v1/blockaffinities';
const CILIUM = '/apis/cilium.io/v2/ciliumnodes';

describe('followCalicoBlocks', () => {
  test('reports the confirmed blocks of this node', async () => {
    const { server, api, clock, told, listener } = setUp();
    server.put(BLOCKS, block('a', { cidr: '10.0.1.0/26' }));
    server.put(BLOCKS, block('b', { cidr: '10.0.2.0/26', node: 'node-2' }));
    server.put(BLOCKS, block('c', { cidr: '10.0.3.0/26', state: 'pending' }));
    server.put(BLOCKS, block('d', { cidr: '10.0.4.0/26', deleted: 'true' }));
    server.put(BLOCKS, block('e', { cidr: '10.0.5.0/26', type: 'virtual' }));
    server.put(BLOCKS, block('f', { cidr: 7 }));
    const following = followCalicoBlocks(api, 'node-1', listener, { clock });
    await until(() => server.watching === 1);
    server.put(BLOCKS, block('c', { cidr: '10.0.3.0/26', state: 'confirmed' }));
    await until(() => told.length === 2);
    server.put(BLOCKS, block('g', { cidr: '10.0.9.0/26', node: 'node-2' }));
    server.put(BLOCKS, block('a', { cidr: '10.0.1.0/26', state: 'pendingDeletion' }));
    await until(() => told.length === 3);
    server.delete(BLOCKS, 'c');
    server.delete(BLOCKS, 'b');
    await until(() => told.length === 4);
    await settle();
    expect(told).toEqual([['10.0.1.0/26'], ['10.0.1.0/26', '10.0.3.0/26'], ['10.0.3.0/26'], []]);
    await following.stop();
  });

  test('forgets blocks that are missing from a new list', async () => {
    const { server, api, clock, told, listener } = setUp();
    server.put(BLOCKS, block('a', { cidr: '10.0.1.0/26' }));
    const following = followCalicoBlocks(api, 'node-1', listener, { clock });
    await until(() => server.watching === 1);
    server.kill();
    server.delete(BLOCKS, 'a');
    server.compact();
    server.start();
    for (let i = 0; i < 20 && told.length < 2; i++) {
      clock.advance(10_000);
      await settle();
    }
    expect(told).toEqual([['10.0.1.0/26'], []]);
    await following.stop();
  });
});

describe('followCiliumPrefixes', () => {
  test('reports the prefixes of this node, and none when its object is deleted', async () => {
    const { server, api, clock, told, listener } = setUp();
    const following = followCiliumPrefixes(api, 'node-1', listener, { clock });
    await until(() => server.watching === 1);
    const spec = { ipam: { podCIDRs: ['fd00::/64', '10.0.1.0/24'] } };
    server.put(CILIUM, { metadata: { name: 'node-1' }, spec });
    server.put(CILIUM, { metadata: { name: 'node-1' }, spec, status: {} });
    server.put(CILIUM, {
      metadata: { name: 'node-2' },
      spec: { ipam: { podCIDRs: ['10.9.0.0/24'] } },
    });
    await until(() => told.length === 2);
    server.delete(CILIUM, 'node-1');
    await until(() => told.length === 3);
    expect(told).toEqual([[], ['10.0.1.0/24', 'fd00::/64'], []]);
    expect(server.requests[0]).toContain('fieldSelector=metadata.name%3Dnode-1');
    await following.stop();
  });

  test('reports a problem if Cilium is not installed', async () => {
    const { server, api, clock, troubles, listener } = setUp();
    server.failNext(404, 'NotFound');
    const following = followCiliumPrefixes(api, 'node-1', listener, { clock });
    await until(() => troubles.length === 1);
    expect(troubles[0]).toContain(
      'ciliumnodes.cilium.io is not known to the API server: it comes with Cilium',
    );
    await following.stop();
  });
});

describe('calicoRefusal', () => {
  const CONFIGS = '/apis/crd.projectcalico.org/v1/ipamconfigs';

  test('accepts strict affinity', async () => {
    const { server, api } = setUp();
    server.put(CONFIGS, { metadata: { name: 'default' }, spec: { strictAffinity: true } });
    expect(await calicoRefusal(api)).toBeUndefined();
  });

  test('names the setting if the affinity is not strict, or if there is no setting', async () => {
    const { server, api } = setUp();
    expect(await calicoRefusal(api)).toContain('calicoctl ipam configure --strictaffinity=true');
    server.put(CONFIGS, { metadata: { name: 'default' }, spec: { strictAffinity: false } });
    expect(await calicoRefusal(api)).toContain('calicoctl ipam configure --strictaffinity=true');
  });

  test('reports why the setting is unknown', async () => {
    const { server, api } = setUp();
    server.failNext(403, 'Forbidden');
    expect(await calicoRefusal(api)).toContain('resources: ["ipamconfigs"], verbs: ["get"]');
  });
});

function setUp() {
  const server = new FakeKubeServer();
  const clock = new ManualClock();
  const api = new KubeApi(server.access, { agent: server.agent, clock });
  const told: (readonly string[])[] = [];
  const troubles: (string | undefined)[] = [];
  const listener = {
    onPrefixes: (prefixes: readonly string[]) => told.push(prefixes),
    onTrouble: (trouble: string | undefined) => troubles.push(trouble),
  };
  return { server, api, clock, told, troubles, listener };
}

function block(name: string, spec: object) {
  return {
    metadata: { name },
    spec: { node: 'node-1', state: 'confirmed', deleted: 'false', ...spec },
  };
}
