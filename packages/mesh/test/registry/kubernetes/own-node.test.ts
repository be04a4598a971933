import { describe, expect, test } from 'vitest';
import { KubeApi } from '../../../src/registry/kubernetes/kube-api.ts';
import {
  followOwnNode,
  readOwnNode,
  type KubeNode,
} from '../../../src/registry/kubernetes/own-node.ts';
import { ManualClock, settle, until } from '../../manual-clock.ts';
import { FakeKubeServer } from './fake-kube-server.ts';

const NODES = '/api/v1/nodes';

describe('followOwnNode', () => {
  test('reports labels, prefixes and addresses, and no changes of other fields', async () => {
    const { server, told, following } = setUp();
    server.put(NODES, node({ podCIDRs: ['10.244.1.0/24'] }, { a: '1' }));
    following.start();
    await until(() => server.watching === 1);
    server.put(NODES, { ...node({ podCIDRs: ['10.244.1.0/24'] }, { a: '1' }), heartbeat: 7 });
    server.put(NODES, node({ podCIDRs: ['10.244.1.0/24'] }, { a: '2' }));
    server.put(NODES, { metadata: { name: 'other' } });
    server.delete(NODES, 'node-1');
    await until(() => told.length === 3);
    await settle();
    expect(told.map((own) => own && [own.labels['a'], ...own.podCidrs])).toEqual([
      ['1', '10.244.1.0/24'],
      ['2', '10.244.1.0/24'],
      undefined,
    ]);
    expect(server.requests[0]).toContain('fieldSelector=metadata.name%3Dnode-1');
    expect(server.requests[1]).toContain('fieldSelector=metadata.name%3Dnode-1');
    await following.stop();
  });

  test('reports that there is no such Node', async () => {
    const { told, following } = setUp();
    following.start();
    await until(() => told.length === 1);
    expect(told).toEqual([undefined]);
    await following.stop();
  });
});

describe('readOwnNode', () => {
  test('uses podCIDR if podCIDRs is missing, and only internal addresses', () => {
    const own = readOwnNode({
      metadata: { name: 'n', uid: 'u' },
      spec: { podCIDR: '10.244.1.0/24' },
      status: {
        addresses: [
          { type: 'Hostname', address: 'n' },
          { type: 'InternalIP', address: '192.0.2.1' },
          { type: 'ExternalIP', address: '198.51.100.1' },
          { type: 'InternalIP', address: '2001:db8::1' },
          { type: 'InternalIP', address: 7 },
          null,
        ],
      },
    });
    expect(own).toEqual({
      name: 'n',
      uid: 'u',
      labels: {},
      podCidrs: ['10.244.1.0/24'],
      addresses: ['192.0.2.1', '2001:db8::1'],
    });
  });

  test('reads a Node that has only a name', () => {
    expect(readOwnNode({ metadata: { name: 'n' } })).toEqual({
      name: 'n',
      uid: '',
      labels: {},
      podCidrs: [],
      addresses: [],
    });
  });
});

function setUp() {
  const server = new FakeKubeServer();
  const clock = new ManualClock();
  const api = new KubeApi(server.access, { agent: server.agent, clock });
  const told: (KubeNode | undefined)[] = [];
  const listener = { onNode: (own: KubeNode | undefined) => told.push(own), onTrouble: () => {} };
  let following: { stop(): Promise<void> } | undefined;
  return {
    server,
    told,
    following: {
      start: () => (following = followOwnNode(api, 'node-1', listener, { clock })),
      stop: async () => following?.stop(),
    },
  };
}

function node(spec: object, labels: Record<string, string>) {
  return { metadata: { name: 'node-1', uid: 'u1', labels }, spec, status: { addresses: [] } };
}
