import { describeWith, programRequirement } from '@litz/testkit';
import { expect, test } from 'vitest';
import type { EncryptMode } from '../../src/index.ts';
import { until } from './test-node.ts';
import { networkRequirements, type TestNetworkOptions } from './test-network.ts';
import { createMesh } from './create-mesh.ts';
import type { TestNamespace } from './test-namespace.ts';
import { CLUSTER_IP, layServices, NODE_PORT, type ProxyMode } from './services.ts';

const HOST_GW = {} as const;
const VXLAN = { overlay: 'vxlan' } as const;

describeWith(
  [
    ...networkRequirements,
    programRequirement('iptables-nft', ['-V']),
    programRequirement('iptables-legacy', ['-V']),
  ],
  'services of kube-proxy',
  () => {
    test.each<[EncryptMode, ProxyMode, string, TestNetworkOptions]>([
      ['pods', 'nftables', 'host-gw', HOST_GW],
      ['pods', 'iptables-nft', 'host-gw', HOST_GW],
      ['pods', 'iptables-legacy', 'VXLAN', VXLAN],
      ['nodes', 'nftables', 'VXLAN', VXLAN],
      ['nodes', 'iptables-nft', 'host-gw', HOST_GW],
      ['all', 'nftables', 'host-gw', HOST_GW],
      ['all', 'iptables-legacy', 'host-gw', HOST_GW],
    ])(
      'answer nodes, pods and an outside client in mode %s, with rules for %s, in a %s network',
      async (mode, proxy, _, family) => {
        const mesh = await createMesh(family, { mode });
        const { wire, a, b } = mesh;
        const client = await mesh.addClient();
        const [podA, podB] = [a.pods[0], b.pods[0]];
        layServices(a, podB.address, proxy);
        b.startInPod(podB, 'socat', 'TCP-LISTEN:80,reuseaddr,fork', 'SYSTEM:echo hi');
        await until(() => /:80\b/.test(b.inPod(podB, 'ss', '-tln')));

        const clusterIp = `${CLUSTER_IP}:80`;
        const nodePort = `${a.address}:${NODE_PORT}`;
        // The first try only resolves neighbours and makes the session.
        await until(() => a.namespace.tries(...asking(clusterIp)));
        wire.reset();
        expect({ from: 'node', says: a.namespace.run(...asking(clusterIp)) }).toEqual({
          from: 'node',
          says: 'hi\n',
        });
        expect({ from: 'pod', says: a.inPod(podA, ...asking(clusterIp)) }).toEqual({
          from: 'pod',
          says: 'hi\n',
        });
        expect({ from: 'peer', says: b.namespace.run(...asking(nodePort)) }).toEqual({
          from: 'peer',
          says: 'hi\n',
        });
        const { plaintext, vxlan, nodes, leaks } = wire.counts();
        expect({ plaintext, vxlan, leaks }).toEqual({ plaintext: 0, vxlan: 0, leaks: '' });
        // The request from b to the NodePort of a is traffic of a node, which mode pods does not
        // encrypt.
        expect(nodes > 0).toBe(mode === 'pods');

        // The packets of a client outside the mesh are in plaintext up to the first node, and no
        // farther.
        expect({ from: 'client', says: says(client, nodePort) }).toEqual({
          from: 'client',
          says: 'hi\n',
        });
        expect(wire.counts()).toMatchObject({ plaintext: 0, vxlan: 0 });
      },
    );
  },
);

function says(client: TestNamespace, address: string): string {
  return client.run(...asking(address));
}

/** Returns a command that prints the answer of the server. */
function asking(address: string): [string, ...string[]] {
  return ['timeout', '5', 'socat', '-T2', '-', `TCP:${address},connect-timeout=2`];
}
