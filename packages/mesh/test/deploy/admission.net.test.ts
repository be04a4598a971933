import { describeWith } from '@litz/testkit';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { inlineCredential } from '../../src/registry/kubernetes/credential.ts';
import type { KubeAccess } from '../../src/registry/kubernetes/kube-access.ts';
import { findClusterPrefixes } from '../../src/registry/kubernetes/cluster-prefixes.ts';
import { KubeApi } from '../../src/registry/kubernetes/kube-api.ts';
import { KubernetesRegistry } from '../../src/registry/kubernetes/kubernetes-registry.ts';
import { followOwnNode } from '../../src/registry/kubernetes/own-node.ts';
import { removeStartTaint, START_TAINT } from '../../src/registry/kubernetes/start-taint.ts';
import { recordOf } from '../records.ts';
import { RecordingListener } from '../registry/recording-listener.ts';
import { applyLitzNodes, pathOf } from '../registry/kubernetes/manifests.ts';
import { kubeRequirements, RealKube } from '../registry/kubernetes/real-kube.ts';
import { helmRequirement, NAMESPACE, renderChart } from './helm.ts';

const RECORDS = '/apis/litz.dev/v1/litznodes';
const ACCOUNT = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/litz`;

/**
 * The tests apply the objects of the chart to a real API server. They get tokens as a kubelet does:
 * by TokenRequest, for a pod on a node. The pods exist only as objects and do not run.
 */
describeWith([...kubeRequirements, helmRequirement], 'admission policy of the chart', () => {
  let kube: RealKube;
  const apis: KubeApi[] = [];

  beforeAll(async () => {
    kube = await RealKube.start();
    await applyLitzNodes(kube);
    await kube.apply(`/api/v1/namespaces/${NAMESPACE}`, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: NAMESPACE },
    });
    for (const manifest of renderChart({ 'startTaint.enabled': true })) {
      await kube.apply(pathOf(manifest), manifest);
    }
    for (const name of ['n1', 'n2']) await makeNode(name);
    await untilEffective();
  });

  afterAll(() => kube?.close());

  afterEach(() => {
    for (const api of apis.splice(0)) api.close();
  });

  test('gives the agent all rights that it needs', async () => {
    const registry = await agentOn('n1');
    const listener = new RecordingListener();
    registry.follow(listener);
    await listener.until(({ syncs }) => syncs === 1);
    await registry.publish(recordOf(1));
    await listener.until(({ records }) => records.has('n1'));
    await registry.publishStatus('n1', STATUS);
    expect(await registry.addresses()).toContainEqual({ address: '192.0.2.1', port: kube.port });
    const told = await new Promise((resolve, reject) => {
      const following = followOwnNode(registry.api, 'n1', {
        onNode: (node) => void following.stop().then(() => resolve(node)),
        onTrouble: (trouble) => trouble && reject(new Error(trouble)),
      });
    });
    expect(told).toMatchObject({ name: 'n1' });
    await registry.withdraw('n1');
    await listener.until(({ records }) => !records.has('n1'));
    expect(listener.trouble).toBeUndefined();
    await registry.close();
  });

  test('lets the agent write only the record of its own node', async () => {
    const [first, second] = [await agentOn('n1'), await agentOn('n2')];
    await second.publish(recordOf(2));
    const stolen = recordOf(2, { keys: recordOf(1).keys });
    const refusal =
      'the agent of node n1 may write only the record of its own node, not the record of n2';
    await expect(first.publish(stolen)).rejects.toThrow(refusal);
    await expect(first.publishStatus('n2', STATUS)).rejects.toThrow(refusal);
    await expect(first.withdraw('n2')).rejects.toThrow(refusal);
    await expect(first.publish(recordOf(3))).rejects.toThrow('not the record of n3');
    await first.publish(recordOf(1));
    const { body } = await kube.send('GET', `${RECORDS}/n2`);
    expect(body.spec.keys[0].publicKey).toBe(recordOf(2).keys[0].publicKey.toBase64());
  });

  test('refuses a token that is not bound to a pod', async () => {
    const { body } = await kube.send('POST', `${ACCOUNT}/token`, tokenRequest());
    const registry = connect(accessBy(body.status.token));
    await expect(registry.publish(recordOf(1, { port: 1 }))).rejects.toThrow(
      'an agent must use the token of its pod, because the token names its node',
    );
  });

  test('refuses a certificate, even one with the name of the service account', async () => {
    const registry = connect({
      ...kube.access,
      certificate: inlineCredential(kube.read('agent.crt'), 'agent.crt'),
      key: inlineCredential(kube.read('agent.key'), 'agent.key'),
    });
    await expect(registry.publish(recordOf(1, { port: 1 }))).rejects.toThrow(
      'an agent must use the token of its pod, because the token names its node',
    );
  });

  test('does not allow the agent of a revoked node to undo the revocation', async () => {
    const registry = await agentOn('n2');
    await registry.publish(recordOf(2));
    const merge = { contentType: 'application/merge-patch+json' };
    await kube.send('PATCH', `${RECORDS}/n2`, { spec: { revoked: true } }, merge);
    await expect(registry.publish(recordOf(2))).rejects.toThrow('n2 was revoked meanwhile');
    // An agent that has just started has not seen the revocation. The API server refuses its
    // record.
    await expect((await agentOn('n2')).publish(recordOf(2))).rejects.toThrow(
      'this node is revoked (spec.revoked); only an administrator may undo that',
    );
    await expect(registry.withdraw('n2')).rejects.toThrow('this node is revoked');
    await kube.send('PATCH', `${RECORDS}/n2`, { spec: { revoked: false } }, merge);
    await registry.publish(recordOf(2));
    await expect(kube.send('GET', `${RECORDS}/n2`)).resolves.toMatchObject({ status: 200 });
  });

  test('does not restrict administrators', async () => {
    await (await agentOn('n1')).publish(recordOf(1));
    expect((await kube.send('DELETE', `${RECORDS}/n1`)).status).toBe(200);
  });

  test.each([
    ['kube-system', 'kubeadm-config', { ClusterConfiguration: 'podSubnet: 10.5.0.0/16' }],
    ['kube-flannel', 'kube-flannel-cfg', { 'net-conf.json': '{"Network": "10.6.0.0/16"}' }],
  ])('lets the agent read the prefixes of the cluster in %s', async (namespace, name, data) => {
    await kube.apply(`/api/v1/namespaces/${namespace}`, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace },
    });
    const path = `/api/v1/namespaces/${namespace}/configmaps/${name}`;
    const metadata = { name, namespace };
    await kube.apply(path, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
    const { api } = await agentOn('n1');
    const found = await findClusterPrefixes(api, 'node', { podPrefixes: [], addresses: [] });
    await kube.send('DELETE', path);
    expect(found.source).toContain(name);
    expect(found.prefixes).toHaveLength(1);
  });

  test('allows an agent to remove the start taint of its own Node', async () => {
    const taints = [
      { key: 'other', effect: 'NoSchedule' },
      { key: START_TAINT, effect: 'NoSchedule' },
    ];
    for (const name of ['n1', 'n2']) {
      const merge = { contentType: 'application/merge-patch+json' };
      await kube.send('PATCH', `/api/v1/nodes/${name}`, { spec: { taints } }, merge);
    }
    const { api } = await agentOn('n1');
    expect(await removeStartTaint(api, 'n1')).toBe(true);
    expect(await removeStartTaint(api, 'n1')).toBe(false);
    expect((await kube.send('GET', '/api/v1/nodes/n1')).body.spec.taints).toEqual([taints[0]]);
    await expect(removeStartTaint(api, 'n2')).rejects.toThrow(
      'an agent may change its own Node only',
    );
  });

  test.each<[what: string, patch: object, subresource?: string]>([
    ['a label', { metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } } }],
    ['an annotation', { metadata: { annotations: { a: 'b' } } }],
    ['another taint', { spec: { taints: [] } }],
    ['unschedulable', { spec: { unschedulable: true } }],
  ])('does not let the agent change %s of its Node', async (_, patch) => {
    const token = await tokenOn('n1');
    const contentType = 'application/merge-patch+json';
    const reply = await kube.send('PATCH', '/api/v1/nodes/n1', patch, { token, contentType });
    expect(reply.status).toBe(422);
    expect(reply.body.message).toContain('may not change anything else of a Node');
  });

  test.each<[method: string, path: string]>([
    ['GET', '/api/v1/secrets'],
    ['GET', '/api/v1/pods'],
    ['GET', `/api/v1/namespaces/${NAMESPACE}/configmaps`],
    ['GET', `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices`],
    ['DELETE', '/api/v1/nodes/n1'],
    ['DELETE', RECORDS],
    ['PATCH', '/api/v1/nodes/n1/status'],
    ['POST', `${ACCOUNT}/token`],
    ['GET', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'],
  ])('gives the agent no right to %s %s', async (method, path) => {
    const token = await tokenOn('n1');
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const body = ['GET', 'DELETE'].includes(method) ? undefined : {};
    const reply = await kube.send(method, path, body, { token, contentType });
    expect(reply.status).toBe(403);
  });

  /** Returns a registry with the token of the agent's pod on that node. */
  async function agentOn(node: string): Promise<KubernetesRegistry> {
    return connect(accessBy(await tokenOn(node)));
  }

  async function tokenOn(node: string): Promise<string> {
    const path = `/api/v1/namespaces/${NAMESPACE}/pods/litz-agent-${node}`;
    const pod = (await kube.send('GET', path)).body.metadata;
    const reference = { kind: 'Pod', apiVersion: 'v1', name: pod.name, uid: pod.uid };
    const { body } = await kube.send('POST', `${ACCOUNT}/token`, tokenRequest(reference));
    return body.status.token;
  }

  function accessBy(token: string): KubeAccess {
    const { server, authority } = kube.access;
    return {
      description: 'an agent',
      server,
      authority: authority!,
      token: inlineCredential(token, 'a token'),
    };
  }

  function connect(access: KubeAccess): KubernetesRegistry {
    const api = new KubeApi(access);
    apis.push(api);
    return new KubernetesRegistry(api);
  }

  async function makeNode(name: string): Promise<void> {
    await kube.apply(`/api/v1/nodes/${name}`, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
    });
    const pod = `litz-agent-${name}`;
    await kube.apply(`/api/v1/namespaces/${NAMESPACE}/pods/${pod}`, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: pod },
      spec: {
        nodeName: name,
        serviceAccountName: 'litz',
        containers: [{ name: 'agent', image: 'litz' }],
      },
    });
  }

  /** Waits until both policies are in effect. Each policy needs some time after its creation. */
  async function untilEffective(): Promise<void> {
    const registry = await agentOn('n1');
    await untilRefused(async () => {
      const foreign = recordOf(99);
      const isRefused = await registry.publish(foreign).then(
        () => false,
        () => true,
      );
      if (!isRefused) await kube.send('DELETE', `${RECORDS}/${foreign.name}`);
      return isRefused;
    });
    const [token, contentType] = [await tokenOn('n1'), 'application/merge-patch+json'];
    const label = { metadata: { labels: { a: 'b' } } };
    await untilRefused(async () => {
      const path = '/api/v1/nodes/n1?dryRun=All';
      return (await kube.send('PATCH', path, label, { token, contentType })).status === 422;
    });
  }
});

async function untilRefused(isRefused: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await isRefused()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('an admission policy does not take effect');
}

const STATUS = {
  version: '0.1.0',
  encrypt: 'pods',
  enforcement: 'permissive',
  trouble: '',
} as const;

function tokenRequest(boundObjectRef?: object): object {
  return {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 600, ...(boundObjectRef && { boundObjectRef }) },
  };
}
