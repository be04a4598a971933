import { describeWith, TcpRelay } from '@litz/testkit';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { realInterfaces } from '../../litz-process.ts';
import { applyLitzNodes, kubeRequirements, RealKube, type Kube } from './kube-server.ts';
import { MeshCluster, type MeshNode } from './mesh-cluster.ts';

describeWith([...realInterfaces, ...kubeRequirements], 'litz agent with Kubernetes', () => {
  let kube: Kube;
  let cluster: MeshCluster;
  const relays: TcpRelay[] = [];

  beforeAll(async () => {
    kube = await RealKube.start();
    await applyLitzNodes(kube);
    cluster = await MeshCluster.create(2);
    for (const node of cluster.nodes) {
      // The API server listens on the loopback interface outside the namespaces, so each namespace
      // has a relay to it.
      relays.push(node.host.namespace.run(() => TcpRelay.open(kube.port, kube.port)));
      await kube.apply(`/api/v1/nodes/${node.name}`, {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: node.name, labels: { 'node-role.kubernetes.io/control-plane': '' } },
        spec: {
          podCIDR: node.prefix,
          podCIDRs: [node.prefix],
          taints: [{ key: 'node.litz.dev/agent-not-ready', effect: 'NoSchedule' }],
        },
      });
      await node.daemon();
      node.kubernetesAgent(kube.kubeconfig, ['--start-taint', 'node.litz.dev/agent-not-ready']);
    }
    for (const node of cluster.nodes) await node.untilPeersAnswered(1);
  });

  afterAll(async () => {
    for (const relay of relays) relay.close();
    await cluster?.close();
    await kube?.close();
  });

  it('finds its own prefixes, writes a LitzNode, and encrypts between pods', async () => {
    const [one, two] = cluster.nodes as [MeshNode, MeshNode];
    const capture = cluster.capture();
    expect(await one.pod.ping(two.podAddress)).toBe(3);
    const lines = capture.lines();
    expect(lines.filter((line) => line.includes('10.244.'))).toEqual([]);
    expect(lines.some((line) => line.startsWith('udp 10.9.0.1:51871'))).toBe(true);
    const { body } = await kube.send('GET', `/apis/litz.dev/v1/litznodes/${one.name}`);
    expect(body.spec.prefixes).toEqual([one.prefix]);
    const [key] = (await one.status()).node.keys;
    expect(body.spec.keys[0].publicKey).toBe(key?.publicKey);
  });

  it('removes the start taint of its node when the rules of the agent are in effect', async () => {
    await vi.waitFor(async () => {
      for (const { name } of cluster.nodes) {
        const { body } = await kube.send('GET', `/api/v1/nodes/${name}`);
        // The API server adds the taint `not-ready` itself.
        const keys = body.spec.taints.map(({ key }: { key: string }) => key);
        expect(keys).toEqual(['node.kubernetes.io/not-ready']);
      }
    });
  });

  it('in mode nodes, opts out of node encryption if its node has the label of a control plane', async () => {
    const [one] = cluster.nodes as [MeshNode];
    await one.ask('encrypt', 'nodes');
    expect((await one.status()).node.nodeEncryption).toBe('opted-out');
    await one.ask('encrypt', 'pods');
  });

  it('removes a peer at once when the LitzNode of the peer is deleted', async () => {
    const [one, two] = cluster.nodes as [MeshNode, MeshNode];
    await kube.send('DELETE', `/apis/litz.dev/v1/litznodes/${two.name}`);
    await vi.waitFor(async () => expect((await one.status()).peers).toEqual([]), {
      timeout: 5000,
    });
  });
});
