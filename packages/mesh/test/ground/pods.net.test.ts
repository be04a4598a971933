import { describeWith } from '@litz/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MeshRequest } from '../../src/index.ts';
import { until, type GroundNode } from './ground-node.ts';
import { Ground, groundRequirements, type GroundOptions } from './ground.ts';
import { ProgrammedMesh } from './programmed-mesh.ts';

const FAMILIES: readonly [string, GroundOptions][] = [
  ['bridge and host-gw', {}],
  ['ptp and host-gw', { cni: 'ptp' }],
  ['bridge and VXLAN', { overlay: 'vxlan' }],
];

describeWith(groundRequirements, 'the ground', () => {
  test.each(FAMILIES)('connects pods by %s in plaintext', async (_, options) => {
    const { wire, a, b } = await createGround(options);

    expect(a.ping(a.pods[0]!, b.pods[0]!.address)).toBe(3);

    const { plaintext, vxlan } = wire.counts();
    expect(options.overlay ? vxlan : plaintext).toBeGreaterThanOrEqual(6);
  });
});

describeWith(groundRequirements, 'pods mode', () => {
  describe.each(FAMILIES)('over %s', (_, family) => {
    test.each([0, 1, 2] as const)(
      'encrypts everything between pods of different nodes, with rp_filter %i',
      async (reversePathFilter) => {
        const { wire, a, b } = await createMesh({ ...family, reversePathFilter });
        const [podA, podB] = [a.pods[0]!, b.pods[0]!];

        expect(a.ping(podA, podB.address)).toBe(3);
        expect(b.ping(podB, podA.address)).toBe(3);
        expect(a.ping(podA, podB.address6)).toBe(3);
        expect(a.pingFromNode(podB.address)).toBe(3);
        expect(a.pingFromNode(podB.address6)).toBe(3);
        expect(a.pingFromNode(podA.address)).toBe(3);

        expect(wire.counts(), wire.leaks()).toMatchObject({ plaintext: 0, vxlan: 0, fragments: 0 });
        expect(wire.counts().wireguard).toBeGreaterThan(20);
      },
    );
  });

  test('leaves traffic of a node to itself', async () => {
    const { wire, a } = await createMesh({ pods: 2 });

    expect(a.ping(a.pods[0]!, a.pods[1]!.address)).toBe(3);

    // A keepalive may be on its way.
    expect(wire.counts().wireguard).toBeLessThan(3);
  });

  test('lets nothing leave to a pod of a node that nobody knows', async () => {
    const { wire, a } = await createMesh();

    expect(a.ping(a.pods[0]!, '10.244.9.5')).toBe(0);
    expect(a.pingFromNode('10.244.9.5')).toBe(0);

    expect(wire.counts(), wire.leaks()).toMatchObject({ plaintext: 0 });
  });

  test('tells a pod in one packet what fits through the tunnel', async () => {
    const { wire, a, b } = await createMesh();

    expect(a.ping(a.pods[0]!, b.pods[0]!.address, { size: 1472, whole: true })).toBe(0);
    expect(a.inPod(a.pods[0]!, 'ip', 'route', 'get', b.pods[0]!.address)).toMatch(/mtu 1440/);
    expect(a.ping(a.pods[0]!, b.pods[0]!.address, { size: 1412, whole: true })).toBe(3);
    // Larger ones without the bit are cut inside of the tunnel.
    expect(a.ping(a.pods[0]!, b.pods[0]!.address, { size: 3000 })).toBe(3);

    expect(wire.counts(), wire.leaks()).toMatchObject({ plaintext: 0, fragments: 0 });
  });

  test('takes a pod by way of NodePort and ClusterIP', async () => {
    const { wire, a, b } = await createMesh();
    layServices(a, b.pods[0]!.address);
    b.startInPod(b.pods[0]!, 'socat', 'TCP-LISTEN:80,reuseaddr,fork', 'SYSTEM:echo hi');
    await until(() => /:80\b/.test(b.inPod(b.pods[0]!, 'ss', '-tln')));

    const ask = (address: string): string[] =>
      `timeout 5 socat -T2 - TCP:${address},connect-timeout=2`.split(' ');
    expect(a.place.run(...(ask('10.96.0.10:80') as [string]))).toBe('hi\n');
    expect(a.inPod(a.pods[0]!, ...(ask('10.96.0.10:80') as [string]))).toBe('hi\n');
    wire.reset();
    // Another node is the client from outside: its way to the NodePort is plaintext, the next one isn't.
    expect(b.place.run(...(ask(`${a.address}:30080`) as [string]))).toBe('hi\n');

    expect(wire.counts(), wire.leaks()).toMatchObject({ plaintext: 0 });
  });

  test('lets a pod speak to another node without NAT, in both enforcements', async () => {
    const { a, b, mesh } = await createMesh();

    expect(a.ping(a.pods[0]!, b.address)).toBe(3);
    await mesh.apply({ enforcement: 'permissive' });
    expect(a.ping(a.pods[0]!, b.address)).toBe(3);
  });

  test('refuses plaintext that claims to be from a pod of another node', async () => {
    const { a, b, mesh } = await createMesh();
    await mesh.hosts[1]!.remove();

    expect(b.ping(b.pods[0]!, a.pods[0]!.address)).toBe(0);
    expect(counter(a, 'ingress')).toBeGreaterThanOrEqual(3);
  });

  test('sends nothing out that is for a pod of this node which is gone', async () => {
    const { wire, a, b } = await createMesh({ cni: 'ptp' });
    const { address } = b.addPod();
    b.removePod(b.pods[1]!);
    b.place.ip(`route add default via ${a.address}`);

    expect(a.ping(a.pods[0]!, address)).toBe(0);

    expect(wire.counts(), wire.leaks()).toMatchObject({ plaintext: 0 });
  });
});

describeWith(groundRequirements, 'fail closed', () => {
  test.each<[string, (mesh: Mesh) => unknown]>([
    ['all rules are flushed', ({ a }) => flushRules(a)],
    ['the rule is deleted', ({ a }) => a.place.ip('rule del pref 900')],
    ['the routes are flushed', ({ a }) => a.place.ip('route flush table 51871')],
    ['the link is deleted', ({ a }) => a.place.ip('link del litz0')],
    ['the daemon is killed', ({ a }) => a.killDaemon()],
    ['the ruleset is flushed', ({ a }) => a.place.run('nft', 'flush', 'ruleset')],
    [
      'the rule is deleted, and nobody is there to repair it',
      ({ a, mesh }) => {
        mesh.hosts[0]!.close();
        a.place.ip('rule del pref 900');
      },
    ],
    [
      'the daemon is killed, and nobody is there',
      ({ a, mesh }) => {
        mesh.hosts[0]!.close();
        return a.killDaemon();
      },
    ],
  ])('sends no plaintext while %s', async (_, damage) => {
    const made = await createMesh();
    const { wire, a, b } = made;
    const pings = ping(a, b, 150);

    await damage(made);
    a.pingFromNode(b.pods[0]!.address, { count: 10 });
    await pings;

    expect(wire.counts(), wire.leaks()).toMatchObject({ plaintext: 0, vxlan: 0 });
  });

  test('goes on when the daemon is back, with another index', async () => {
    const { wire, a, b, mesh } = await createMesh();
    const before = mesh.hosts[0]!.linkIndex;
    await a.killDaemon();
    await a.startDaemon();
    a.addPeer(b);
    await until(() => mesh.hosts[0]!.linkIndex !== undefined);

    expect(mesh.hosts[0]!.linkIndex).not.toBe(before);
    expect(a.ping(a.pods[0]!, b.pods[0]!.address, { count: 20 })).toBeGreaterThan(0);
    expect(wire.counts(), wire.leaks()).toMatchObject({ plaintext: 0 });
  });

  test('sends no plaintext when the rules were laid before the CNI was there', async () => {
    const ground = await createGround({ withCni: false });
    await ProgrammedMesh.create(ground);
    ground.installCni();
    await settle(ground);
    const { wire, a, b } = ground;

    expect(a.ping(a.pods[0]!, b.pods[0]!.address)).toBe(3);

    expect(wire.counts(), wire.leaks()).toMatchObject({ plaintext: 0 });
  });
});

interface Ends {
  readonly a: GroundNode;
  readonly b: GroundNode;
}

type Mesh = Ground & Ends & { readonly mesh: ProgrammedMesh };

async function createGround(options: GroundOptions = {}): Promise<Ground & Ends> {
  const ground = await Ground.create(options);
  onTestFinished(() => ground.close());
  const [a, b] = ground.nodes as [GroundNode, GroundNode];
  return Object.assign(ground, { a, b });
}

async function createMesh(
  options: GroundOptions = {},
  more: Partial<MeshRequest> = {},
): Promise<Mesh> {
  const ground = await createGround(options);
  const mesh = await ProgrammedMesh.create(ground, more);
  await settle(ground);
  ground.wire.reset();
  return Object.assign(ground, { mesh });
}

/** Addresses are no longer tentative, neighbours are known, handshakes are over. */
async function settle({ a, b }: Ends): Promise<void> {
  const [podA, podB] = [a.pods[0]!, b.pods[0]!];
  await until(() => a.ping(podA, podB.address, { count: 1 }) === 1);
  await until(() => a.ping(podA, podB.address6, { count: 1 }) === 1);
  await until(() => b.ping(podB, podA.address, { count: 1 }) === 1);
}

/** Rules of the others stay. */
function flushRules({ place }: GroundNode): void {
  place.input(
    'sh',
    'ip rule flush; ip rule add lookup main pref 32766; ip rule add lookup default pref 32767',
  );
}

/** Both ways, a hundred a second, beside what the test does. */
async function ping(a: GroundNode, b: GroundNode, count: number): Promise<void> {
  const words = `ping -q -c ${count} -i 0.01 -W 1`.split(' ') as [string];
  const pings = [
    a.startInPod(a.pods[0]!, ...words, b.pods[0]!.address),
    b.startInPod(b.pods[0]!, ...words, a.pods[0]!.address),
    a.startInPod(a.pods[0]!, ...words, b.pods[0]!.address6),
  ];
  await Promise.all(pings.map((child) => new Promise((resolve) => child.once('exit', resolve))));
}

/** As kube-proxy lays them: a ClusterIP and a NodePort that lead to one pod. */
function layServices({ place }: GroundNode, backend: string): void {
  place.ip('route add 10.96.0.0/16 dev eth0');
  place.input(
    'nft',
    `table ip kube-proxy {
      chain prerouting {
        type nat hook prerouting priority dstnat
        ip daddr 10.96.0.10 tcp dport 80 dnat to ${backend}:80
        fib daddr type local tcp dport 30080 meta mark set meta mark or 0x4000 dnat to ${backend}:80
      }
      chain output {
        type nat hook output priority -100
        ip daddr 10.96.0.10 tcp dport 80 dnat to ${backend}:80
      }
      chain postrouting {
        type nat hook postrouting priority srcnat
        meta mark & 0x4000 == 0x4000 masquerade
      }
    }`,
  );
}

/** Packets that one of our chains counted. */
function counter({ place }: GroundNode, chain: string): number {
  const text = place.run('nft', 'list', 'chain', 'inet', 'litz', chain);
  return [...text.matchAll(/packets (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
}
