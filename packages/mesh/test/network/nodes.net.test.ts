import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { UNANSWERED, until, type TestNode } from './test-node.ts';
import { networkRequirements, type TestNetworkOptions } from './test-network.ts';
import { createMesh } from './create-mesh.ts';

describeWith(networkRequirements, 'nodes mode', () => {
  test.each<[string, TestNetworkOptions]>([
    ['no reverse path filter', { reversePathFilter: 0 }],
    ['a strict reverse path filter', { reversePathFilter: 1 }],
    ['a loose reverse path filter', { reversePathFilter: 2 }],
    ['a strict reverse path filter and datagrams of IPv6', { outer: 6 }],
  ])('encrypts packets of nodes and pods to nodes, with %s', async (_, options) => {
    const { wire, a, b } = await createMesh(options, { mode: 'nodes' });
    await until(() => a.pingFromNode(b.address, { count: 1 }) === 1);
    await until(() => a.pingFromNode(b.address6, { count: 1 }) === 1);
    await until(() => b.pingFromNode(a.address, { count: 1 }) === 1);
    wire.reset();

    expect(a.pingFromNode(b.address)).toBe(3);
    expect(b.pingFromNode(a.address)).toBe(3);
    expect(a.pingFromNode(b.address6)).toBe(3);
    expect(a.ping(a.pods[0], b.address)).toBe(3);
    expect(a.ping(a.pods[0], b.pods[0].address)).toBe(3);
    expect(a.pingFromNode(b.pods[0].address)).toBe(3);

    expect(wire.counts()).toMatchObject({ plaintext: 0, nodes: 0 });
  });

  test('sends plaintext to a node that opted out, but encrypts packets to its pods', async () => {
    const { wire, a, b, mesh } = await createMesh();
    const [peerA, peerB] = [a.peer, b.peer];
    // Node b has opted out, both as a peer of node a and in its own settings.
    await mesh.apply({ mode: 'nodes', peers: [{ ...peerB, encryptsNode: false }] }, a);
    const own = { ...b.own, encryptsNode: false };
    await mesh.apply({ mode: 'nodes', own, peers: [peerA] }, b);
    wire.reset();

    expect(a.pingFromNode(b.address)).toBe(3);
    expect(wire.counts().nodes).toBeGreaterThanOrEqual(6);
    expect(a.ping(a.pods[0], b.pods[0].address)).toBe(3);
    expect(a.pingFromNode(b.pods[0].address)).toBe(3);

    expect(wire.counts()).toMatchObject({ plaintext: 0 });
  });

  test('sends nothing in plaintext in mode all after the daemon was killed, except to the registry', async () => {
    const registryAddresses = [{ address: '192.168.50.12', port: 6443 }];
    const { wire, a, b } = await createMesh({ nodes: 3 }, { mode: 'all', registryAddresses });
    b.namespace.start('socat', 'TCP-LISTEN:6443,reuseaddr,fork', 'SYSTEM:echo hi');
    b.namespace.start('socat', 'TCP-LISTEN:6444,reuseaddr,fork', 'SYSTEM:echo hi');
    await until(() => /:6444\b/.test(b.namespace.run('ss', '-tln')));
    const ask = (port: number): string =>
      a.namespace.run(
        'sh',
        '-c',
        `timeout 3 socat -T2 - TCP:${b.address}:${port},connect-timeout=2; true`,
      );
    expect(ask(6443)).toBe('hi\n');
    expect(wire.counts().nodes).toBeGreaterThan(3);
    await until(() => ask(6444) === 'hi\n');

    await a.killDaemon();
    await until(() => !/litz0/.test(a.namespace.run('ip', 'route', 'show', 'table', '51871')));
    wire.reset();
    const other = '192.168.50.13';

    expect(a.pingFromNode(other, UNANSWERED)).toBe(0);
    expect(a.pingFromNode(b.address, UNANSWERED)).toBe(0);
    expect(ask(6444)).toBe('');
    expect(wire.counts()).toMatchObject({ plaintext: 0, nodes: 0 });
    expect(ask(6443)).toBe('hi\n');
  });

  test('refuses plaintext from a node if the answers would go into the tunnel', async () => {
    const { a, b, mesh } = await createMesh({}, { mode: 'nodes' });
    await until(() => a.pingFromNode(b.address, { count: 1 }) === 1);
    await mesh.hosts[1].remove();

    expect(b.pingFromNode(a.address, UNANSWERED)).toBe(0);
    const ingress = a.namespace.run('nft', 'list', 'chain', 'inet', 'litz', 'ingress');
    expect(ingress).toMatch(/fib saddr oifname "litz0" counter packets [1-9]/);
  });
});

describeWith(networkRequirements, 'a mesh whose settings change', () => {
  test.each([
    ['host-gw', {}],
    ['VXLAN', { overlay: 'vxlan' }],
  ] as const)(
    'loses no packet if one node after the other changes its enforcement, with %s',
    async (_, family) => {
      const { a, b, mesh } = await createMesh(family, { enforcement: 'off' });
      const stream = startStream(a, b);
      const nobody = { enforcement: 'permissive', answered: new Set<string>() } as const;

      for (const node of [a, b]) await mesh.apply(nobody, node);
      for (const node of [a, b]) await mesh.apply({ enforcement: 'permissive' }, node);
      for (const node of [a, b]) await mesh.apply({ enforcement: 'enforce' }, node);
      for (const node of [a, b]) await mesh.apply({ enforcement: 'permissive' }, node);
      for (const node of [a, b]) await mesh.apply(nobody, node);
      for (const node of [a, b]) await mesh.apply({ enforcement: 'off' }, node);

      expect(await stream).toEqual({ sent: STREAM, received: STREAM });
    },
  );

  test('sends plaintext to a peer that has not answered if the enforcement is permissive', async () => {
    const { wire, a, b, mesh } = await createMesh();
    await mesh.apply({ enforcement: 'permissive', answered: new Set() });
    wire.reset();

    expect(a.ping(a.pods[0], b.pods[0].address)).toBe(3);

    expect(wire.counts().plaintext).toBeGreaterThanOrEqual(6);
  });

  test('adapts the MTU of litz0 when the MTU of the underlay changes', async () => {
    const { wire, a, b, mesh } = await createMesh({ mtu: 9001 });
    for (const mtu of [1280, 1400, 1500, 3900, 9001]) {
      for (const node of [a, b]) node.namespace.ip(`link set eth0 mtu ${mtu}`);
      await mesh.apply({}, a);
      await mesh.apply({}, b);
      // IPv6 inside the tunnel needs an MTU of 1280.
      const inside = Math.max(mtu - 60, 1280);
      expect(a.namespace.run('cat', '/proc/sys/net/ipv6/conf/litz0/mtu').trim()).toBe(
        String(inside),
      );
    }
    wire.reset();
    expect(a.ping(a.pods[0], b.pods[0].address, { size: 8000 })).toBe(3);
    expect(wire.counts()).toMatchObject({ plaintext: 0, fragments: 0 });
  });
});

/** Sends a ping every 5 ms. Returns how many were sent, and how many were answered. */
async function startStream(a: TestNode, b: TestNode): Promise<{ sent: number; received: number }> {
  const words = `ping -q -c ${STREAM} -i 0.005 -W 2 ${b.pods[0].address}`.split(' ');
  const child = a.startInPod(a.pods[0], ...(words as [string]));
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (more: string) => (text += more));
  await new Promise((resolve) => child.once('exit', resolve));
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(text) ?? [];
  return { sent: Number(sent), received: Number(received) };
}

const STREAM = 1000;
