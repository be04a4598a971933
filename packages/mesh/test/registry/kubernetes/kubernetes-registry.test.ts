import { formatCidr, parseCidr, parsePublicKey } from '@litz/core';
import { describe, expect, test } from 'vitest';
import type { NodeRecord, ReadRecord } from '../../../src/record/node-record.ts';
import { KubeApi } from '../../../src/registry/kubernetes/kube-api.ts';
import {
  KubernetesRegistry,
  type KubernetesRegistryOptions,
} from '../../../src/registry/kubernetes/kubernetes-registry.ts';
import { ManualClock, settle, until } from '../../manual-clock.ts';
import { FakeKubeServer } from './fake-kube-server.ts';

const LITZ = '/apis/litz.dev/v1/litznodes';
const CILIUM = '/apis/cilium.io/v2/ciliumnodes';
const NODES = '/api/v1/nodes';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const KEY = 'y3fctWqJEnWrZ4cUeokIos6xu0ecHHgJOKY0tALubVU=';

describe('KubernetesRegistry', () => {
  test('writes the record as one object, which is owned by the Node of its name', async () => {
    const { server, registry } = setUp();
    server.put(NODES, { metadata: { name: 'n1', uid: 'u1' } });
    await registry.publish(record('n1'));
    expect(server.get(LITZ, 'n1')).toMatchObject({
      apiVersion: 'litz.dev/v1',
      kind: 'LitzNode',
      metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u1' }] },
      spec: {
        version: 1,
        addresses: ['192.0.2.1'],
        port: 51871,
        keys: [{ publicKey: KEY, generation: 1, createdAt: '2026-01-31T12:00:00.000Z' }],
        prefixes: ['10.244.1.0/24'],
        encryptsNode: false,
        sendsPlaintext: false,
        revoked: false,
      },
    });
    expect(server.get(LITZ, 'n1')!.spec).not.toHaveProperty('name');
    expect(writes(server)).toBe(1);
  });

  test('does not write an unchanged record, and writes a changed one', async () => {
    const { server, registry } = setUp();
    server.put(NODES, { metadata: { name: 'n1', uid: 'u1' } });
    await registry.publish(record('n1'));
    await registry.publish(record('n1'));
    expect(writes(server)).toBe(1);
    await registry.publish({ ...record('n1'), encryptsNode: true });
    expect(writes(server)).toBe(2);
    expect(server.get(LITZ, 'n1')!.spec).toMatchObject({ encryptsNode: true });
  });

  test('writes again when the Node was created again, because Kubernetes deletes the record of the old Node', async () => {
    const { server, registry } = setUp();
    server.put(NODES, { metadata: { name: 'n1', uid: 'u1' } });
    await registry.publish(record('n1'));
    server.put(NODES, { metadata: { name: 'n1', uid: 'u2' } });
    await registry.publish(record('n1'));
    expect(writes(server)).toBe(2);
    expect(server.get(LITZ, 'n1')!.metadata['ownerReferences']).toMatchObject([{ uid: 'u2' }]);
  });

  test('leaves no record if it is withdrawn during a write', async () => {
    const { server, registry } = setUp();
    const published = registry.publish(record('n1'));
    await registry.withdraw('n1');
    await published;
    expect(server.get(LITZ, 'n1')).toBeUndefined();
    const refused = registry.publish({ ...record('n1'), name: 'n1/..' });
    await Promise.allSettled([refused]);
    await registry.publish(record('n1'));
    expect(server.get(LITZ, 'n1')).toBeDefined();
  });

  test('writes without an owner if there is no Node', async () => {
    const { server, registry } = setUp();
    await registry.publish(record('n1'));
    expect(server.get(LITZ, 'n1')!.metadata).not.toHaveProperty('ownerReferences');
  });

  test('keeps unknown fields of the record and of its keys', async () => {
    const { server, registry } = setUp();
    await registry.publish(record('n1'));
    const { spec } = server.get(LITZ, 'n1') as { spec: { keys: object[] } };
    const keys = [{ ...spec.keys[0], quantum: true }];
    server.put(LITZ, { metadata: { name: 'n1' }, spec: { ...spec, keys, later: { x: 1 } } });
    await registry.publish({ ...record('n1'), port: 51999 });
    expect(server.get(LITZ, 'n1')!.spec).toMatchObject({
      port: 51999,
      later: { x: 1 },
      keys: [{ publicKey: KEY, quantum: true }],
    });
  });

  test('names an object whose fields are nested too deep to be written again', async () => {
    const { server, registry } = setUp();
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    server.answerNext((_, response) =>
      response.end(`{"metadata":{"name":"n1"},"spec":{"later":${deep}}}`),
    );
    await expect(registry.publish(record('n1'))).rejects.toThrow(
      'litznodes.litz.dev n1 has unknown fields that are nested too deeply: remove them',
    );
  });

  test('reports why it could not write', async () => {
    const { server, registry } = setUp();
    server.failNext(403, 'Forbidden');
    await expect(registry.publish(record('n1'))).rejects.toThrow('verbs: ["get"]');
  });

  test('removes a record, also if it is already gone', async () => {
    const { server, registry } = setUp();
    await registry.publish(record('n1'));
    await registry.withdraw('n1');
    await registry.withdraw('n1');
    expect(server.get(LITZ, 'n1')).toBeUndefined();
  });

  test('reports records, refusals and deletions', async () => {
    const { server, registry, heard } = setUp();
    await registry.publish(record('n1'));
    server.put(LITZ, { metadata: { name: 'bad' }, spec: { version: 1, addresses: ['x'] } });
    server.put(LITZ, { metadata: { name: 'empty' } });
    registry.follow(heard.listener);
    await until(() => server.watching === 1);
    await registry.publish(record('n2'));
    await registry.withdraw('n1');
    await until(() => heard.lines.length === 3);
    expect(heard.lines).toEqual([
      'sync n1: 10.244.1.0/24; bad: addresses[0]; empty: text',
      'n2: 10.244.1.0/24',
      'gone n1 deleted',
    ]);
    await registry.close();
    await until(() => server.watching === 0);
  });

  test('reports `deleted` for a node that an administrator has revoked', async () => {
    const { server, registry, heard } = setUp();
    await registry.publish(record('n1'));
    registry.follow(heard.listener);
    await until(() => server.watching === 1);
    const { spec } = server.get(LITZ, 'n1') as { spec: object };
    server.put(LITZ, { metadata: { name: 'n1' }, spec: { ...spec, revoked: true } });
    await until(() => heard.lines.length === 2);
    expect(heard.lines).toEqual(['sync n1: 10.244.1.0/24', 'gone n1 deleted']);
    await registry.close();
  });

  test('does not undo a revocation of a record that it has written', async () => {
    const { server, registry } = setUp();
    await registry.publish(record('n1'));
    const { spec } = server.get(LITZ, 'n1') as { spec: object };
    server.put(LITZ, { metadata: { name: 'n1' }, spec: { ...spec, revoked: true } });
    const published = registry.publish({ ...record('n1'), port: 51999 });
    await expect(published).rejects.toThrow('LitzNode n1 was revoked meanwhile');
    expect(server.get(LITZ, 'n1')!.spec).toMatchObject({ revoked: true, port: 51871 });
    await registry.withdraw('n1');
    await registry.publish(record('n1'));
    expect(server.get(LITZ, 'n1')!.spec).toMatchObject({ revoked: false });
  });

  test('does not report a change outside the record', async () => {
    const { server, registry, heard } = setUp();
    await registry.publish(record('n1'));
    registry.follow(heard.listener);
    await until(() => server.watching === 1);
    const status = { version: '1', encrypt: 'all', enforcement: 'off', trouble: '' } as const;
    await registry.publishStatus('n1', status);
    await registry.publish(record('n2'));
    await until(() => heard.lines.length === 2);
    expect(heard.lines).toEqual(['sync n1: 10.244.1.0/24', 'n2: 10.244.1.0/24']);
    await registry.close();
  });

  test('reports what is wrong with the connection to the server', async () => {
    const { server, registry, heard } = setUp();
    server.kill();
    registry.follow(heard.listener);
    await until(() => heard.lines.length === 1);
    expect(heard.lines[0]).toContain('ECONNREFUSED');
    await registry.close();
    await settle();
  });

  test('can be followed only once', async () => {
    const { registry, heard } = setUp();
    registry.follow(heard.listener);
    expect(() => registry.follow(heard.listener)).toThrow('follow was already called');
    await registry.close();
  });

  test('returns the addresses of the servers behind the service and of the URL', async () => {
    const { server, registry } = setUp({ lookup: async (host) => [`192.0.2.${host.length}`] });
    server.put(SLICES, {
      metadata: { name: 'kubernetes' },
      ports: [{ name: 'https', port: 6443 }],
      endpoints: [{ addresses: ['192.0.2.11', 'name.test'] }, { addresses: ['192.0.2.12'] }, 7],
    });
    expect(await registry.addresses()).toEqual([
      { address: '192.0.2.9', port: 8001 },
      { address: '192.0.2.11', port: 6443 },
      { address: '192.0.2.12', port: 6443 },
    ]);
    expect(server.requests.at(-1)).toContain(
      'labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes',
    );
  });

  test('writes the status only if there is a record and the status has changed', async () => {
    const { server, registry } = setUp();
    const status = {
      version: '0.1.0',
      encrypt: 'pods',
      enforcement: 'permissive',
      trouble: '',
    } as const;
    await registry.publishStatus('n1', status);
    expect(server.get(LITZ, 'n1')).toBeUndefined();
    await registry.publish(record('n1'));
    await registry.publishStatus('n1', status);
    await registry.publishStatus('n1', status);
    expect(server.get(LITZ, 'n1')!['status']).toEqual(status);
    expect(writes(server)).toBe(2);
  });

  test('has a description', () => {
    expect(setUp().registry.description).toBe(
      'kubernetes (LitzNode at http://fake.test:8001, a fake)',
    );
  });
});

describe('KubernetesRegistry with the format of Cilium', () => {
  test('writes the annotation and the fields that Cilium reads, and nothing else', async () => {
    const { server, registry } = setUp({ format: 'cilium' });
    server.put(CILIUM, {
      metadata: { name: 'n1', annotations: { other: 'stays' } },
      spec: {
        addresses: [{ type: 'CiliumInternalIP', ip: '10.244.1.7' }],
        ipam: { pools: { requested: [] } },
        bootid: 'b',
      },
    });
    await registry.publish(record('n1'));
    await registry.publish(record('n1'));
    expect(writes(server)).toBe(1);
    expect(server.get(CILIUM, 'n1')).toMatchObject({
      metadata: { annotations: { other: 'stays', 'network.cilium.io/wg-pub-key': KEY } },
      spec: {
        addresses: [
          { type: 'InternalIP', ip: '192.0.2.1' },
          { type: 'CiliumInternalIP', ip: '10.244.1.7' },
        ],
        ipam: { pools: { requested: [] }, podCIDRs: ['10.244.1.0/24'] },
        encryption: { key: 0 },
        bootid: 'b',
      },
    });
    // Foreign fields are not sent, because an apply would take over their ownership.
    expect(server.bodies.at(-2)).not.toContain('bootid');
    expect(server.bodies.at(-2)).not.toContain('stays');
  });

  test('reads the output of a Cilium agent', async () => {
    const { server, registry, heard } = setUp({ format: 'cilium' });
    server.put(CILIUM, {
      metadata: { name: 'n2', annotations: { 'network.cilium.io/wg-pub-key': KEY } },
      spec: {
        addresses: [{ type: 'InternalIP', ip: '192.0.2.2' }],
        ipam: { podCIDRs: ['10.244.2.0/24'] },
        encryption: { key: 255 },
      },
    });
    registry.follow(heard.listener);
    await until(() => heard.lines.length === 1);
    expect(heard.lines).toEqual(['sync n2: 10.244.2.0/24']);
    await registry.close();
  });

  test('writes no status', async () => {
    const { server, registry } = setUp({ format: 'cilium' });
    const status = { version: '1', encrypt: 'off', enforcement: 'off', trouble: '' } as const;
    await registry.publishStatus('n1', status);
    expect(server.requests).toEqual([]);
  });
});

function setUp(options: KubernetesRegistryOptions = {}) {
  const server = new FakeKubeServer();
  const clock = new ManualClock();
  const api = new KubeApi(server.access, { agent: server.agent, clock });
  const registry = new KubernetesRegistry(api, { clock, random: () => 0.25, ...options });
  return { server, clock, registry, heard: listening() };
}

function listening() {
  const lines: string[] = [];
  return {
    lines,
    listener: {
      onSync: (records: ReadonlyMap<string, ReadRecord>) =>
        lines.push(`sync ${[...records].map(([name, found]) => lineOf(name, found)).join('; ')}`),
      onRecord: (name: string, found: ReadRecord) => lines.push(lineOf(name, found)),
      onGone: (name: string, why: string) => lines.push(`gone ${name} ${why}`),
      onConnection: (trouble: string | undefined) => lines.push(String(trouble)),
    },
  };
}

function record(name: string): NodeRecord {
  const createdAt = Date.UTC(2026, 0, 31, 12);
  return {
    name,
    addresses: ['192.0.2.1'],
    port: 51871,
    keys: [{ publicKey: parsePublicKey(KEY), generation: 1, createdAt }],
    prefixes: [parseCidr('10.244.1.0/24')],
    encryptsNode: false,
    sendsPlaintext: false,
    revoked: false,
  };
}

function writes(server: FakeKubeServer): number {
  return server.requests.filter((request) => request.startsWith('PATCH')).length;
}

function lineOf(name: string, found: ReadRecord): string {
  return `${name}: ${found instanceof Error ? found.field : found.prefixes.map(formatCidr).join()}`;
}
