import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatCidr, parseCidr, parsePublicKey } from '@litz/core';
import { describeWith } from '@litz/testkit';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { NodeRecord, ReadRecord } from '../../../src/record/node-record.ts';
import { systemClock } from '../../../src/registry/clock.ts';
import { FileCredential, inlineCredential } from '../../../src/registry/kubernetes/credential.ts';
import { findKubeAccess } from '../../../src/registry/kubernetes/find-access.ts';
import type { KubeAccess } from '../../../src/registry/kubernetes/kube-access.ts';
import { KubeApi, type KubeApiOptions } from '../../../src/registry/kubernetes/kube-api.ts';
import { LITZ_NODES } from '../../../src/registry/kubernetes/kube-resources.ts';
import { KubernetesRegistry } from '../../../src/registry/kubernetes/kubernetes-registry.ts';
import { followOwnNode, type KubeNode } from '../../../src/registry/kubernetes/own-node.ts';
import { applyDefinition, applyLitzNodes, CILIUM_NODES } from './manifests.ts';
import { kubeRequirements, RealKube } from './real-kube.ts';

const RECORDS = '/apis/litz.dev/v1/litznodes';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

describeWith(kubeRequirements, 'KubernetesRegistry on a real API server', () => {
  let kube: RealKube;
  const open: KubernetesRegistry[] = [];

  beforeAll(async () => {
    kube = await RealKube.start();
    await applyLitzNodes(kube);
  });

  afterAll(() => kube?.close());

  afterEach(async () => {
    for (const registry of open.splice(0)) await registry.close();
  });

  test('writes a record once, owned by its Node, and others receive it and its deletion', async () => {
    const reply = await kube.apply('/api/v1/nodes/node-1', nodeObject('node-1', '10.244.1.0/24'));
    const [writer, reader] = [connect(), connect()];
    const heard = follow(reader);
    await heard.until((lines) => lines.length === 1);
    await writer.publish(record(1));
    await heard.until((lines) => lines.includes('node-1 10.244.1.0/24'));
    const written = (await kube.send('GET', `${RECORDS}/node-1`)).body;
    expect(written.metadata.ownerReferences).toEqual([
      { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: reply.body.metadata.uid },
    ]);
    await writer.publish(record(1));
    const again = (await kube.send('GET', `${RECORDS}/node-1`)).body;
    expect(again.metadata.resourceVersion).toBe(written.metadata.resourceVersion);
    await writer.withdraw('node-1');
    await heard.until((lines) => lines.includes('gone node-1 deleted'));
    expect(heard.lines[0]).toBe('sync ');
  });

  test('does not create a record again if it was deleted during the write', async () => {
    const registry = connect();
    await registry.publish(record(4));
    const { api } = registry;
    const read = api.read.bind(api);
    api.read = async (resource, name) => {
      const found = await read(resource, name);
      if (resource === LITZ_NODES) await kube.send('DELETE', `${RECORDS}/${name}`);
      return found;
    };
    await expect(registry.publish({ ...record(4), port: 51999 })).rejects.toThrow('uid mismatch');
    expect((await kube.send('GET', `${RECORDS}/node-4`)).status).toBe(404);
  });

  test('keeps fields that this version does not know', async () => {
    const registry = connect();
    await registry.publish(record(2));
    const { spec } = (await kube.send('GET', `${RECORDS}/node-2`)).body;
    spec.later = { x: [1] };
    spec.keys[0].quantum = true;
    const merge = { contentType: 'application/merge-patch+json' };
    await kube.send('PATCH', `${RECORDS}/node-2`, { spec }, merge);
    await registry.publish({ ...record(2), port: 51999 });
    const after = (await kube.send('GET', `${RECORDS}/node-2`)).body.spec;
    expect(after).toMatchObject({ port: 51999, later: { x: [1] }, keys: [{ quantum: true }] });
  });

  test('keeps the status as a subresource, and `kubectl get` shows record and status', async () => {
    const registry = connect();
    await registry.publish(record(3));
    const status = { version: '1', encrypt: 'pods', enforcement: 'enforce', trouble: '' } as const;
    await registry.publishStatus('node-3', status);
    await registry.publish(record(3));
    const { body } = await kube.send('GET', `${RECORDS}/node-3`);
    expect(body.status).toEqual(status);
    const table = await tableOf(kube, `${RECORDS}/node-3`);
    expect(table.columns).toEqual([
      'Name',
      'Endpoint',
      'Port',
      'Keys',
      'Prefixes',
      'Encrypt',
      'Enforcement',
      'Revoked',
      'Trouble',
      'Age',
    ]);
    expect(table.cells.slice(0, 7)).toEqual([
      'node-3',
      '192.0.2.3',
      51871,
      keyOf(3),
      '["10.244.3.0/24"]',
      'pods',
      'enforce',
    ]);
    const short = await kube.send('GET', '/apis/litz.dev/v1');
    expect(short.body.resources[0]).toMatchObject({ shortNames: ['ln'], namespaced: false });
  });

  test.each<[what: string, spec: object, field: string]>([
    ['a host name as an address', { addresses: ['name.test'] }, 'spec.addresses[0]'],
    ['three addresses', { addresses: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] }, 'spec.addresses'],
    ['port 0', { port: 0 }, 'spec.port'],
    ['no key', { keys: [] }, 'spec.keys'],
    ['a short key', { keys: [{ publicKey: 'AAAA' }] }, 'spec.keys[0].publicKey'],
    [
      'a key of zeros',
      { keys: [{ publicKey: `${'A'.repeat(43)}=` }] },
      'a key must not be all zeros',
    ],
    [
      'a key with bits behind its end',
      { keys: [{ publicKey: `${'A'.repeat(42)}B=` }] },
      'spec.keys[0].publicKey',
    ],
    ['a generation below zero', { keys: [{ generation: -1 }] }, 'spec.keys[0].generation'],
    ['a text that is not a time', { keys: [{ createdAt: 'today' }] }, 'spec.keys[0].createdAt'],
    ['a prefix without length', { prefixes: ['10.0.0.0'] }, 'spec.prefixes[0]'],
    ['a prefix of 33 bits', { prefixes: ['10.0.0.0/33'] }, 'spec.prefixes[0]'],
  ])('is protected by the schema in the server, which refuses %s', async (_, change, field) => {
    const key = { publicKey: keyOf(4), generation: 1, createdAt: '2026-01-31T12:00:00Z' };
    const good = { version: 1, addresses: ['192.0.2.4'], port: 51871, keys: [key], prefixes: [] };
    const keys = (change as { keys?: object[] }).keys?.map((part) => ({ ...key, ...part }));
    const spec = { ...good, ...change, ...(keys && { keys }) };
    const object = { apiVersion: 'litz.dev/v1', kind: 'LitzNode', metadata: { name: 'bad' }, spec };
    const reply = await kube.send('POST', RECORDS, object);
    expect(reply.status).toBe(422);
    expect(reply.body.message).toContain(field);
  });

  test('returns the address of the URL and the address that the server advertises', async () => {
    expect(await connect().addresses()).toEqual([
      { address: '127.0.0.1', port: kube.port },
      { address: '192.0.2.1', port: kube.port },
    ]);
  });

  test('follows the labels and prefixes of a Node, with a kubeconfig', async () => {
    const node = nodeObject('node-7', '10.244.7.0/24');
    await kube.apply('/api/v1/nodes/node-7', node);
    const api = new KubeApi(findKubeAccess({ kubeconfig: kube.kubeconfig }));
    const told: (KubeNode | undefined)[] = [];
    const listener = {
      onNode: (own: KubeNode | undefined) => told.push(own),
      onTrouble: () => {},
    };
    const following = followOwnNode(api, 'node-7', listener);
    await soon(() => told.length === 1);
    const labels = { 'node-role.kubernetes.io/control-plane': '' };
    await kube.apply('/api/v1/nodes/node-7', { ...node, metadata: { name: 'node-7', labels } });
    await soon(() => told.length === 2);
    await following.stop();
    api.close();
    expect(told[0]).toMatchObject({ podCidrs: ['10.244.7.0/24'] });
    expect(told[0]!.labels).not.toHaveProperty('node-role.kubernetes.io/control-plane');
    expect(told[1]!.labels).toMatchObject(labels);
  });

  test('writes and reads the annotation of a CiliumNode', async () => {
    await applyDefinition(kube, CILIUM_NODES);
    const path = '/apis/cilium.io/v2/ciliumnodes/node-8';
    // This is an object as Cilium's own agent writes it.
    await kube.apply(path, {
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumNode',
      metadata: { name: 'node-8', annotations: { other: 'stays' } },
      spec: { addresses: [{ type: 'CiliumInternalIP', ip: '10.244.8.7' }], bootid: 'b' },
    });
    const registry = connect({ format: 'cilium' });
    const heard = follow(registry);
    await registry.publish(record(8));
    await heard.until((lines) => lines.includes('node-8 10.244.8.0/24'));
    expect((await kube.send('GET', path)).body).toMatchObject({
      metadata: { annotations: { other: 'stays', 'network.cilium.io/wg-pub-key': keyOf(8) } },
      spec: {
        addresses: [
          { type: 'InternalIP', ip: '192.0.2.8' },
          { type: 'CiliumInternalIP', ip: '10.244.8.7' },
        ],
        ipam: { podCIDRs: ['10.244.8.0/24'] },
        bootid: 'b',
      },
    });
  });

  test('names the missing rule of RBAC', async () => {
    const account = await serviceAccount('without-rights');
    const token = inlineCredential(kube.signToken(account.claims(600)), 'a token');
    const registry = connect({ access: { ...kube.access, token, ...NO_CERTIFICATE } });
    await expect(registry.publish(record(9))).rejects.toThrow(
      /"system:serviceaccount:default:without-rights" cannot get resource "litznodes".*this RBAC rule grants it: apiGroups: \["litz.dev"\], resources: \["litznodes"\], verbs: \["get"\]/,
    );
    const heard = follow(registry);
    await heard.until((lines) => lines.some((line) => line.includes('verbs: ["list"]')));
  });

  test('survives an expired token: names its file, and continues with the next token', async () => {
    const account = await serviceAccount('agent');
    await allow('agent');
    const file = join(kube.folder, 'token');
    writeFileSync(file, kube.signToken(account.claims(-300)));
    const token = new FileCredential(file, systemClock);
    const registry = connect({ access: { ...kube.access, token, ...NO_CERTIFICATE } });
    const heard = follow(registry);
    await heard.until((lines) => lines.some((line) => line.includes(`not accepted (${file})`)));
    writeFileSync(file, `${kube.signToken(account.claims(600))}\n`);
    await heard.until((lines) => lines.some((line) => line.startsWith('sync')));
    expect(heard.lines).toContain('works');
    await registry.publish(record(10));
    await heard.until((lines) => lines.includes('node-10 10.244.10.0/24'));
  });

  test('reports that the version of a watch is too old', async () => {
    const api = new KubeApi(kube.access);
    const watching = (async () => {
      const options = { resourceVersion: '1', timeoutSeconds: 60 };
      for await (const event of await api.watch(LITZ_NODES, options)) return event;
      return undefined;
    })();
    await expect(watching).rejects.toMatchObject({ isExpired: true });
    api.close();
  });

  test('notices a frozen connection, and continues when the server answers again', async () => {
    const registry = connect({ api: { silence: 2000, timeout: 2000 } });
    const heard = follow(registry);
    await heard.until((lines) => lines.some((line) => line.startsWith('sync')));
    const frozenAt = performance.now();
    kube.freezeServer();
    try {
      await heard.until((lines) => lines.some((line) => line.includes('silent for 2 s')));
      expect(performance.now() - frozenAt).toBeLessThan(10_000);
    } finally {
      kube.thawServer();
    }
    await connect().publish(record(11));
    await heard.until((lines) => lines.includes('node-11 10.244.11.0/24'));
  });

  test('reports kill -9 of the server, and continues after its restart', async () => {
    const heard = follow(connect());
    await heard.until((lines) => lines.length === 1);
    await kube.killServer();
    await heard.until((lines) => lines.some((line) => line.startsWith('trouble')));
    await kube.startServer();
    const registry = connect();
    await registry.publish(record(12));
    await heard.until((lines) => lines.some((line) => line.includes('node-12')));
    await soon(() => heard.lines.lastIndexOf('works') > 0);
    await registry.withdraw('node-12');
    await heard.until((lines) => lines.includes('gone node-12 deleted'));
    expect(heard.lines.filter((line) => line === 'works')).toHaveLength(1);
  });

  test('holds 5,000 records in 110 MB', async () => {
    const creating = Array.from({ length: 24 }, async (_, worker) => {
      for (let i = 1000 + worker; i < 6000; i += 24) {
        const reply = await kube.send('POST', RECORDS, litzNode(i));
        expect(reply.status).toBe(201);
      }
    });
    await Promise.all(creating);
    const { records, rss, listed, cpu } = await follower(kube.kubeconfig);
    expect(records).toBeGreaterThanOrEqual(5000);
    expect(rss).toBeLessThan(110);
    process.stdout.write(
      `5,000 LitzNodes: listed in ${listed} ms, ${cpu} ms of CPU, RSS ${rss} MB of a process alone\n`,
    );
  });

  interface ConnectOptions {
    format?: 'litz' | 'cilium';
    access?: KubeAccess;
    api?: KubeApiOptions;
  }

  function connect({ format, access = kube.access, api }: ConnectOptions = {}): KubernetesRegistry {
    const registry = new KubernetesRegistry(new KubeApi(access, api), {
      ...(format && { format }),
    });
    open.push(registry);
    return registry;
  }

  /** Creates an account. @returns `claims`, which makes the claims of a token of the account */
  async function serviceAccount(name: string) {
    const path = `/api/v1/namespaces/default/serviceaccounts/${name}`;
    const object = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } };
    const { uid } = (await kube.apply(path, object)).body.metadata;
    return {
      claims: (seconds: number) => ({
        sub: `system:serviceaccount:default:${name}`,
        exp: Math.floor(Date.now() / 1000) + seconds,
        'kubernetes.io': { namespace: 'default', serviceaccount: { name, uid } },
      }),
    };
  }

  async function allow(name: string): Promise<void> {
    const verbs = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
    const rules = [
      { apiGroups: ['litz.dev'], resources: ['litznodes'], verbs },
      { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
    ];
    const api = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name } };
    await kube.apply(`${RBAC}/clusterroles/${name}`, { ...api, kind: 'ClusterRole', rules });
    await kube.apply(`${RBAC}/clusterrolebindings/${name}`, {
      ...api,
      kind: 'ClusterRoleBinding',
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: 'default' }],
    });
  }
});

/** Overrides the client certificate of an access, so that only the token identifies a client. */
const NO_CERTIFICATE = { certificate: undefined, key: undefined } as unknown as object;

function follow(registry: KubernetesRegistry) {
  const lines: string[] = [];
  registry.follow({
    onSync: (records) => lines.push(`sync ${[...records.keys()].join(' ')}`),
    onRecord: (name, found: ReadRecord) =>
      lines.push(
        `${name} ${found instanceof Error ? found.message : found.prefixes.map(formatCidr).join()}`,
      ),
    onGone: (name, why) => lines.push(`gone ${name} ${why}`),
    onConnection: (trouble) => lines.push(trouble === undefined ? 'works' : `trouble ${trouble}`),
  });
  return {
    lines,
    until: (condition: (lines: string[]) => boolean) => soon(() => condition(lines), lines),
  };
}

async function soon(condition: () => boolean, seen: unknown = ''): Promise<void> {
  const deadline = Date.now() + 40_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`it did not happen: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function record(i: number): NodeRecord {
  const publicKey = parsePublicKey(keyOf(i));
  return {
    name: `node-${i}`,
    addresses: [`192.0.2.${i}`],
    port: 51871,
    keys: [{ publicKey, generation: 1, createdAt: Date.UTC(2026, 0, 31) }],
    prefixes: [parseCidr(`10.244.${i}.0/24`)],
    encryptsNode: false,
    sendsPlaintext: false,
    revoked: false,
  };
}

/** Returns a key. Equal numbers give equal keys. */
function keyOf(i: number): string {
  const bytes = Buffer.alloc(32, 9);
  bytes.writeUInt32BE(i);
  return bytes.toString('base64');
}

function litzNode(i: number): object {
  const { publicKey } = generateKeyPairSync('x25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const key = {
    publicKey: raw.toString('base64'),
    generation: 1,
    createdAt: '2026-01-31T12:00:00.000Z',
  };
  return {
    apiVersion: 'litz.dev/v1',
    kind: 'LitzNode',
    metadata: { name: `node-${i}`, labels: { 'kubernetes.io/hostname': `node-${i}` } },
    spec: {
      version: 1,
      addresses: [`10.${i >> 8}.${i & 255}.10`, `fd00::${i.toString(16)}`],
      port: 51871,
      keys: [key],
      prefixes: [`10.${128 + (i >> 8)}.${i & 255}.0/24`, `fd01:${i.toString(16)}::/64`],
      encryptsNode: true,
      revoked: false,
    },
  };
}

function nodeObject(name: string, podCidr: string) {
  const spec = { podCIDR: podCidr, podCIDRs: [podCidr] };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec };
}

/** Requests an object as a table, as `kubectl get` does. */
async function tableOf(
  kube: RealKube,
  path: string,
): Promise<{ columns: string[]; cells: unknown[] }> {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const { body } = await kube.send('GET', path, undefined, { accept });
  return {
    columns: body.columnDefinitions.map(({ name }: { name: string }) => name),
    cells: body.rows[0].cells,
  };
}

/** Runs a process that only follows the records, so no other memory of an agent is measured. */
async function follower(kubeconfig: string) {
  const program = `
    import { findKubeAccess, KubeApi, KubernetesRegistry } from ${JSON.stringify(BUILT)};
    const api = new KubeApi(findKubeAccess({ kubeconfig: process.argv[1] }));
    const registry = new KubernetesRegistry(api);
    const start = performance.now();
    let held;
    registry.follow({
      onSync(records) {
        held = records;
        const listed = Math.round(performance.now() - start);
        setTimeout(async () => {
          const { user, system } = process.cpuUsage();
          const rss = Math.round(process.memoryUsage().rss / 1e6);
          const cpu = Math.round((user + system) / 1000);
          console.log(JSON.stringify({ records: held.size, rss, listed, cpu }));
          await registry.close();
        }, 2000);
      },
      onRecord() {}, onGone() {}, onConnection(trouble) { if (trouble) console.error(trouble); },
    });`;
  const args = ['--input-type=module', '-e', program, kubeconfig];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
  return JSON.parse(text) as { records: number; rss: number; listed: number; cpu: number };
}

const BUILT = join(import.meta.dirname, '../../../dist/index.js');
