import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { UNANSWERED, until, type TestNode } from './test-node.ts';
import { networkRequirements } from './test-network.ts';
import { createNetwork, createMesh, settle, type Mesh } from './create-mesh.ts';
import { ProgrammedMesh } from './programmed-mesh.ts';

describeWith(networkRequirements, 'a node that enforces', () => {
  test.each<[string, (mesh: Mesh) => unknown]>([
    ['all rules are flushed', ({ a }) => flushRules(a)],
    ['the rule is deleted', ({ a }) => a.namespace.ip('rule del pref 900')],
    ['the routes are flushed', ({ a }) => a.namespace.ip('route flush table 51871')],
    ['the link is deleted', ({ a }) => a.namespace.ip('link del litz0')],
    ['the daemon is killed', ({ a }) => a.killDaemon()],
    ['the ruleset is flushed', ({ a }) => a.namespace.run('nft', 'flush', 'ruleset')],
    [
      'the rule is deleted while no agent runs',
      ({ a, mesh }) => {
        mesh.hosts[0].close();
        a.namespace.ip('rule del pref 900');
      },
    ],
    [
      'the daemon is killed while no agent runs',
      ({ a, mesh }) => {
        mesh.hosts[0].close();
        return a.killDaemon();
      },
    ],
  ])('sends no plaintext when %s', async (_, damage) => {
    const made = await createMesh();
    const { wire, a, b } = made;
    const pings = ping(a, b, 150);

    await damage(made);
    a.pingFromNode(b.pods[0].address, { ...UNANSWERED, count: 10 });
    await pings;

    expect(wire.counts()).toMatchObject({ plaintext: 0, vxlan: 0 });
  });

  test('continues when the daemon is back and its interface has another index', async () => {
    const { wire, a, b, mesh } = await createMesh();
    const before = mesh.hosts[0].linkIndex;
    await a.killDaemon();
    await a.startDaemon();
    a.addPeer(b);
    await until(() => (mesh.hosts[0].linkIndex ?? before) !== before);

    expect(mesh.hosts[0].linkIndex).not.toBe(before);
    // `LinuxHost` runs in this process, so it needs turns of this event loop.
    await until(() => a.ping(a.pods[0], b.pods[0].address, { count: 1 }) === 1);
    expect(wire.counts()).toMatchObject({ plaintext: 0 });
  });

  test('sends no plaintext if the rules were set before the CNI was installed', async () => {
    const network = await createNetwork({ withCni: false });
    await ProgrammedMesh.create(network);
    network.installCni();
    await settle(network);
    const { wire, a, b } = network;

    expect(a.ping(a.pods[0], b.pods[0].address)).toBe(3);

    expect(wire.counts()).toMatchObject({ plaintext: 0 });
  });
});

/** Removes the rules of the mesh, and keeps the default rules of the kernel. */
function flushRules({ namespace }: TestNode): void {
  namespace.input(
    'sh',
    'ip rule flush; ip rule add lookup main pref 32766; ip rule add lookup default pref 32767',
  );
}

/**
 * Sends `count` IPv4 pings in each direction and `count` IPv6 pings from `a`. Each of these three
 * series has a hundred pings per second. Resolves when they are over.
 */
async function ping(a: TestNode, b: TestNode, count: number): Promise<void> {
  const words = `ping -q -c ${count} -i 0.01 -W 1`.split(' ') as [string];
  const pings = [
    a.startInPod(a.pods[0], ...words, b.pods[0].address),
    b.startInPod(b.pods[0], ...words, a.pods[0].address),
    a.startInPod(a.pods[0], ...words, b.pods[0].address6),
  ];
  await Promise.all(pings.map((child) => new Promise((resolve) => child.once('exit', resolve))));
}
