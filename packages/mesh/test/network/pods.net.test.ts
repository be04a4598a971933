import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { UNANSWERED, until, type TestNode } from './test-node.ts';
import { networkRequirements, type TestNetworkOptions } from './test-network.ts';
import { createNetwork, createMesh, settle } from './create-mesh.ts';
import { ProgrammedMesh } from './programmed-mesh.ts';
import { layServices } from './services.ts';

const FAMILIES: readonly [string, TestNetworkOptions][] = [
  ['bridge and host-gw', {}],
  ['ptp and host-gw', { cni: 'ptp' }],
  ['bridge and VXLAN', { overlay: 'vxlan' }],
];

describeWith(networkRequirements, 'the network without a mesh', () => {
  test.each(FAMILIES)('connects pods by %s in plaintext', async (_, options) => {
    const { wire, a, b } = await createNetwork(options);

    expect(a.ping(a.pods[0], b.pods[0].address)).toBe(3);

    const { plaintext, vxlan } = wire.counts();
    expect(options.overlay ? vxlan : plaintext).toBeGreaterThanOrEqual(6);
  });
});

describeWith(networkRequirements, 'pods mode', () => {
  test.each<[string, TestNetworkOptions]>([
    ...FAMILIES,
    ['bridge and host-gw, without a reverse path filter', { reversePathFilter: 0 }],
    ['bridge and host-gw, with a loose filter', { reversePathFilter: 2 }],
    ['bridge and host-gw, in datagrams of IPv6', { outer: 6 }],
  ])('encrypts everything between pods of different nodes by %s', async (_, family) => {
    const { wire, a, b } = await createMesh(family);
    const [podA, podB] = [a.pods[0], b.pods[0]];

    expect(a.ping(podA, podB.address)).toBe(3);
    expect(b.ping(podB, podA.address)).toBe(3);
    expect(a.ping(podA, podB.address6)).toBe(3);
    expect(a.pingFromNode(podB.address)).toBe(3);
    expect(a.pingFromNode(podB.address6)).toBe(3);
    expect(a.pingFromNode(podA.address)).toBe(3);

    expect(wire.counts()).toMatchObject({ plaintext: 0, vxlan: 0, fragments: 0 });
    expect(wire.counts().wireguard).toBeGreaterThan(20);
  });

  test('does not send traffic between pods of one node through the tunnel', async () => {
    const { wire, a } = await createMesh({ pods: 2 });

    expect(a.ping(a.pods[0], a.pods[1].address)).toBe(3);

    // A keepalive may be on its way.
    expect(wire.counts().wireguard).toBeLessThan(3);
  });

  test('sends nothing in plaintext to a pod of an unknown node', async () => {
    const { wire, a } = await createMesh();

    expect(a.ping(a.pods[0], '10.244.9.5', UNANSWERED)).toBe(0);
    expect(a.pingFromNode('10.244.9.5', UNANSWERED)).toBe(0);

    expect(wire.counts()).toMatchObject({ plaintext: 0 });
  });

  test('reports the MTU of the tunnel to a pod that sends larger packets', async () => {
    const { wire, a, b } = await createMesh();

    expect(a.ping(a.pods[0], b.pods[0].address, { ...UNANSWERED, size: 1472, whole: true })).toBe(
      0,
    );
    expect(a.inPod(a.pods[0], 'ip', 'route', 'get', b.pods[0].address)).toMatch(/mtu 1440/);
    expect(a.ping(a.pods[0], b.pods[0].address, { size: 1412, whole: true })).toBe(3);
    // Larger packets without the bit "don't fragment" are fragmented inside the tunnel.
    expect(a.ping(a.pods[0], b.pods[0].address, { size: 3000 })).toBe(3);

    expect(wire.counts()).toMatchObject({ plaintext: 0, fragments: 0 });
  });

  test('lets a pod reach the address of another node, with enforce and with permissive', async () => {
    const { a, b, mesh } = await createMesh();

    await until(() => a.ping(a.pods[0], b.address, { count: 1 }) === 1);
    expect(a.ping(a.pods[0], b.address)).toBe(3);
    await mesh.apply({ enforcement: 'permissive' });
    expect(a.ping(a.pods[0], b.address)).toBeGreaterThan(1);
  });

  test.each(['pods', 'all'] as const)(
    'restores all settings of a node after mode %s',
    async (mode) => {
      const network = await createNetwork();
      const { a, b } = network;
      layServices(a, b.pods[0].address);
      await settle(network);
      await until(() => !/tentative/.test(a.namespace.ip('address')));
      const before = everythingOf(a);

      const mesh = await ProgrammedMesh.create(network, { mode });
      await settle(network);
      for (const host of mesh.hosts) expect((await host.remove()).troubles).toEqual([]);
      for (const node of network.nodes) await node.killDaemon();

      expect(everythingOf(a)).toBe(before);
      expect(a.ping(a.pods[0], b.pods[0].address)).toBeGreaterThan(0);
    },
  );

  test('refuses plaintext from the address of a pod of another node', async () => {
    const { a, b, mesh } = await createMesh();
    await mesh.hosts[1].remove();

    expect(b.ping(b.pods[0], a.pods[0].address, UNANSWERED)).toBe(0);
    expect(counter(a, 'ingress')).toBeGreaterThanOrEqual(3);
  });

  test('does not send packets for a removed pod back into the underlay', async () => {
    const { wire, a, b } = await createMesh({ cni: 'ptp' });
    const { address } = b.addPod();
    b.removePod(b.pods[1]);
    b.namespace.ip(`route add default via ${a.address}`);

    expect(a.ping(a.pods[0], address, UNANSWERED)).toBe(0);

    expect(wire.counts()).toMatchObject({ plaintext: 0 });
  });
});

/** Returns rules, all routes, addresses, all rulesets, and parameters of all links as text. */
function everythingOf({ namespace }: TestNode): string {
  return namespace.input(
    'sh',
    `ip rule; ip -6 rule
    ip route show table all | sort; ip -6 route show table all | sort
    ip -o address | sed 's/valid_lft.*//'
    nft -s list ruleset
    cd /proc/sys/net; grep -r . ipv4/conf ipv6/conf ipv4/ip_forward 2>/dev/null | grep -v -E 'stable_secret|mc_forwarding' | sort`,
  );
}

/** Returns how many packets a chain of the mesh has counted. */
function counter({ namespace }: TestNode, chain: string): number {
  const text = namespace.run('nft', 'list', 'chain', 'inet', 'litz', chain);
  return [...text.matchAll(/packets (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
}
