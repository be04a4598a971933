import { join } from 'node:path';
import { describeWith, programRequirement } from '@litz/testkit';
import { expect, test } from 'vitest';
import { startAgents, type TestAgent } from './test-agent.ts';
import { LITZ, until, type TestNode } from './test-node.ts';
import { networkRequirements, type TestNetworkOptions } from './test-network.ts';
import { createNetwork } from './create-mesh.ts';
import { ProgrammedMesh } from './programmed-mesh.ts';

const UNDERLAYS = [9001, 3900, 1500, 1400, 1280] as const;
/**
 * The MTUs for tests with one family inside the tunnel. With `LITZ_LONG=1`, these tests use all of
 * `UNDERLAYS`.
 */
const FEW_UNDERLAYS = [3900, 1400, 1280] as const;
const SMALLEST_IPV6 = 1280;
const TRANSFERRED = 2 ** 21;

interface Families {
  readonly inner: NonNullable<TestNetworkOptions['inner']>;
  readonly outer: 4 | 6 | 'dual';
}

describeWith([...networkRequirements, programRequirement('iperf3', ['-v'])], 'MTU', () => {
  test.each<Families>([
    { inner: 4, outer: 4 },
    { inner: 6, outer: 4 },
    { inner: 4, outer: 6 },
    { inner: 6, outer: 6 },
    { inner: 'dual', outer: 'dual' },
  ])(
    'of the tunnel follows the MTU of the underlay, with IP version $inner inside and $outer outside',
    async (families) => {
      const { a, b, wire, agents } = await meshOf(families);
      const isShort = families.inner !== 'dual' && process.env['LITZ_LONG'] !== '1';
      for (const underlay of isShort ? FEW_UNDERLAYS : UNDERLAYS) {
        const inside = tunnelMtu(underlay, families);
        for (const node of [a, b]) node.namespace.ip(`link set eth0 mtu ${underlay}`);
        for (const { node } of agents) await untilMtu(node, inside);
        wire.reset();

        for (const address of podAddresses(b, families)) {
          const said = { underlay, address };
          const headers = address.includes(':') ? 48 : 28;
          // First the largest packet that fits, then a packet that must be fragmented, and then
          // TCP. A pod learns the new MTU from a packet that is lost, so the first pings may fail.
          const whole = { size: largest(underlay, address, families) - headers, whole: true };
          for (const one of [whole, { size: 12_000 }]) {
            const answers = (): number => a.ping(a.pods[0], address, one);
            await until(() => answers() === 3).catch(() => {
              throw new Error(`${JSON.stringify({ ...said, ...one })}: ${answers()} of 3 answers`);
            });
          }
          expect(await transfer(a, b, address)).toBeGreaterThanOrEqual(TRANSFERRED);
          if (address.includes(':')) continue;
          // Datagrams with IPv4 packets are never fragmented, even if IPv6 needs an MTU of 1280.
          expect({ underlay, ...wire.counts() }).toMatchObject({ underlay, fragments: 0 });
        }

        const { plaintext, fragments, wireguard } = wire.counts();
        expect({ underlay, plaintext }).toEqual({ underlay, plaintext: 0 });
        expect(wireguard).toBeGreaterThan(20);
        // The MTU for IPv6 is at least 1280. If the datagrams of such packets do not fit the
        // underlay, the kernel fragments the datagrams.
        const fits = inside + overheadOf(families) <= underlay;
        expect({ underlay, isCut: fragments > 0 }).toEqual({ underlay, isCut: !fits });
      }
    },
  );
});

describeWith(networkRequirements, 'an overlay inside of the tunnel', () => {
  test('needs fragments only if its MTU is larger than the MTU that `litz agent check` names', async () => {
    const network = await createNetwork({ overlay: 'vxlan', inner: 4 });
    const { a, b, wire } = network;
    const mesh = await ProgrammedMesh.create(network, { enforcement: 'off' });
    for (const [node, other] of [
      [a, b],
      [b, a],
    ] as const) {
      // No prefixes, as with a CNI whose pods never use the routes of the host: the overlay sends
      // its packets to the addresses of the nodes.
      const peers = [{ ...other.peer, prefixes: [] }];
      const common = { mode: 'nodes', enforcement: 'permissive', clusterPrefixes: [] } as const;
      await mesh.apply({ ...common, peers }, node);
    }
    const check = a.namespace.run(
      'sh',
      '-c',
      `${process.execPath} ${LITZ} agent check --encrypt nodes --node-ip ${a.address}; true`,
    );
    const named = Number(/set its MTU in the CNI to (\d+) at most/.exec(check)?.[1]);
    expect({ check, named }).toEqual({ check, named: 1370 });

    expect(await cutWith(named)).toBe(0);
    // Each of three echoes has at least two fragments.
    expect(await cutWith(1450)).toBeGreaterThanOrEqual(6);

    /** @returns how many fragments the node has made */
    async function cutWith(mtu: number): Promise<number> {
      for (const node of [a, b]) node.namespace.ip(`link set flannel.1 mtu ${mtu}`);
      const full = { size: mtu - 28, whole: true };
      await until(() => a.ping(a.pods[0], b.pods[0].address, full) === 3);
      wire.reset();
      const before = piecesOf(a);
      expect(a.ping(a.pods[0], b.pods[0].address, full)).toBe(3);
      const { plaintext, vxlan, fragments } = wire.counts();
      expect({ plaintext, vxlan, fragments }).toEqual({ plaintext: 0, vxlan: 0, fragments: 0 });
      return piecesOf(a) - before;
    }
  });
});

/** Returns how many fragments the node has made: FragCreates of /proc/net/snmp. */
function piecesOf({ namespace }: TestNode): number {
  const text = namespace.run('cat', '/proc/net/snmp');
  const [names, values] = text.split('\n').filter((line) => line.startsWith('Ip:'));
  return Number(values?.split(' ')[names?.split(' ').indexOf('FragCreates') ?? -1]);
}

/** Makes two nodes with real agents. The underlay and the pods have an MTU of 9001. */
async function meshOf({
  inner,
  outer,
}: Families): Promise<
  Awaited<ReturnType<typeof createNetwork>> & { readonly agents: readonly TestAgent[] }
> {
  const family = outer === 'dual' ? 4 : outer;
  const network = await createNetwork({ inner, outer: family, mtu: 9001, podMtu: 9001 });
  await Promise.all(network.nodes.map((node) => node.startDaemon()));
  const agents = await startAgents(network.nodes, {
    registryFolder: join(network.folder, 'registry'),
    words: ['--enforcement', 'permissive'],
    isDual: outer === 'dual',
  });
  for (const agent of agents) {
    await agent.ask({ command: 'enforcement', enforcement: 'enforce', force: false });
  }
  return Object.assign(network, { agents });
}

function tunnelMtu(underlay: number, families: Families): number {
  const largest = underlay - overheadOf(families);
  return families.inner === 4 ? largest : Math.max(largest, SMALLEST_IPV6);
}

/** Returns the length of the largest packet to that address that fits into the tunnel. */
function largest(underlay: number, address: string, families: Families): number {
  const inside = tunnelMtu(underlay, families);
  const fitting = underlay - overheadOf(families);
  // IPv6 needs an MTU of at least 1280, which may be more than the underlay can carry. An IPv4
  // packet that just fits would then be padded to a multiple of 16 bytes, and would not fit.
  const isLimited = families.inner === 'dual' && fitting < SMALLEST_IPV6 && !address.includes(':');
  return isLimited ? fitting - (fitting % 16) : inside;
}

/**
 * Returns how many bytes the tunnel adds to a packet. Nodes with addresses of both families use
 * IPv4, because the IPv4 address comes first in their records.
 */
function overheadOf({ outer }: Families): number {
  return outer === 6 ? 80 : 60;
}

async function untilMtu({ namespace }: TestNode, wanted: number): Promise<void> {
  const mtu = (): string =>
    /mtu (\d+)/.exec(namespace.run('ip', 'link', 'show', 'litz0'))?.[1] ?? '';
  await until(() => mtu() === String(wanted), 20_000).catch(() => {
    throw new Error(`litz0 has an MTU of ${mtu()}, expected ${wanted}`);
  });
}

function podAddresses({ pods: [pod] }: TestNode, { inner }: Families): string[] {
  if (!pod) throw new Error('no pod');
  return [pod.address, pod.address6].slice(inner === 6 ? 1 : 0, inner === 4 ? 1 : 2);
}

/** Sends `TRANSFERRED` bytes over TCP. @returns how many bytes were sent, as iperf3 reports it */
async function transfer(a: TestNode, b: TestNode, address: string): Promise<number> {
  const server = b.startInPod(b.pods[0], 'iperf3', '-s', '-1', '-B', address, '--forceflush');
  let said = '';
  server.stdout?.setEncoding('utf8').on('data', (more: string) => (said += more));
  await until(() => said.includes('listening'));
  const words = ['-J', '-c', address, '-n', String(TRANSFERRED), '--connect-timeout', '3000'];
  const report = JSON.parse(a.inPod(a.pods[0], 'iperf3', ...words)) as IperfReport;
  return report.end.sum_sent.bytes;
}

interface IperfReport {
  readonly end: { readonly sum_sent: { readonly bytes: number } };
}
