import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { describeWith, requirement } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import type { EncryptMode, Enforcement, Judgement, MeshStatus } from '../../src/index.ts';
import type { TestNode } from '../network/test-node.ts';
import {
  TestNetwork,
  networkRequirements,
  type TestNetworkOptions,
} from '../network/test-network.ts';
import { ProgrammedMesh } from '../network/programmed-mesh.ts';
import { exampleStatus } from '../page/example-status.ts';

const BUILT = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
const built = requirement('the built @litz/mesh', () =>
  existsSync(BUILT) ? true : 'run `tsc -b` first',
);

describeWith([...networkRequirements, built], 'verifyMesh', () => {
  test('passes encrypted traffic of both families: echo, datagram and connection', async () => {
    const { a, b } = await createMesh();

    const judgement = await verify(a, [b]);

    expect(judgement).toMatchObject({ verdict: 'PASS' });
    expect(judgement.peers[0]?.reasons[0]).toMatch(
      // One answer may be missing, because the kernel limits its ICMP errors for closed ports.
      /^[56] answers between 10\.244\.1\.0 and 10\.244\.2\.0, fd44:0:0:1:: and fd44:0:0:2::; \d+ enc/,
    );
  });

  test('finds the leak after the rule for IPv4 was removed', async () => {
    const { a, b } = await createMesh({ enforcement: 'permissive' });
    // The hosts are closed first, because they would restore the rule.
    a.mesh.closeHosts();
    a.node.namespace.ip('rule del priority 900');

    const judgement = await verify(a, [b]);

    expect(judgement.verdict).toBe('LEAK');
    const flows = judgement.peers[0]?.leaks.map(
      ({ protocol, flow, link, direction }) =>
        `${protocol} ${flow.source} ${flow.destination} ${link} ${direction}`,
    );
    expect(flows).toEqual(
      expect.arrayContaining(
        ['icmp', 'udp', 'tcp'].map((protocol) => `${protocol} 10.244.1.0 10.244.2.0 eth0 out`),
      ),
    );
    expect(flows).not.toContain(expect.stringContaining('fd44'));
  });

  test('finds the leak of the other end, which answers in plaintext', async () => {
    const { a, b } = await createMesh({ enforcement: 'permissive' });
    b.mesh.closeHosts();
    b.node.namespace.ip('-6 rule del priority 900');

    const judgement = await verify(a, [b]);

    expect(judgement.verdict).toBe('LEAK');
    const [first] = judgement.peers[0]?.leaks ?? [];
    expect(first).toMatchObject({
      flow: { source: 'fd44:0:0:2::', destination: 'fd44:0:0:1::' },
      link: 'eth0',
      direction: 'in',
    });
  });

  test('finds a leak inside an overlay', async () => {
    const { a, b } = await createMesh({ enforcement: 'permissive' }, { overlay: 'vxlan' });
    a.mesh.closeHosts();
    a.node.namespace.ip('rule del priority 900');

    const judgement = await verify(a, [b]);

    expect(judgement.verdict).toBe('LEAK');
    expect(judgement.peers[0]?.leaks.map(({ link }) => link)).toContain('flannel.1');
    expect(judgement.peers[0]?.reasons.join('\n')).toMatch(
      /in plaintext on eth0, inside another packet/,
    );
  });

  test('is inconclusive for a silent peer, and leaks nothing to it', async () => {
    const { a, b } = await createMesh();
    await b.node.killDaemon();

    const judgement = await verify(a, [b], { timeoutMs: 1500 });

    expect(judgement).toMatchObject({
      verdict: 'INCONCLUSIVE',
      peers: [{ leaks: [], reasons: ['no answer from 10.244.2.0', 'no answer from fd44:0:0:2::'] }],
    });
  });

  test('is inconclusive without the own daemon, because nothing can be sent', async () => {
    const { a, b } = await createMesh();
    await a.node.killDaemon();

    const judgement = await verify(a, [b], { timeoutMs: 1500 });

    expect(judgement).toMatchObject({ verdict: 'INCONCLUSIVE', peers: [{ leaks: [] }] });
    expect(judgement.peers[0]?.reasons[0]).toMatch(/^cannot send to 10\.244\.2\.0: E/);
  });

  test('ignores pings of other programs', async () => {
    const { a, b } = await createMesh({ enforcement: 'permissive' });
    const others = a.node.namespace.start('ping', '-i', '0.01', '-w', '5', b.node.address);
    onTestFinished(() => void others.kill());

    expect(await verify(a, [b])).toMatchObject({ verdict: 'PASS' });
  });

  test('also probes the addresses of the nodes if the mode encrypts packets between nodes', async () => {
    const { a, b } = await createMesh({ mode: 'all' }, { reversePathFilter: 2 });

    const judgement = await verify(a, [b], { mode: 'all' });

    expect(judgement).toMatchObject({ verdict: 'PASS' });
    expect(judgement.peers[0]?.reasons[0]).toMatch(
      /^1[0-2] answers .*192\.168\.50\.11 and 192\.168\.50\.12, fd50::11 and fd50::12;/,
    );
    // In the mode `pods`, the same traffic is plaintext, so there is a leak.
    await a.mesh.apply({ mode: 'pods' });
    const other = await verify(a, [b], { mode: 'all' });
    expect(other.verdict).toBe('LEAK');
    expect(other.peers[0]?.reasons.join('\n')).toMatch(
      /icmp 192\.168\.50\.11 -> 192\.168\.50\.12 leaves/,
    );
  });
});

interface Side {
  readonly node: TestNode;
  readonly mesh: { closeHosts(): void; apply: ProgrammedMesh['apply'] };
}

async function createMesh(
  more: { mode?: EncryptMode; enforcement?: Enforcement } = {},
  options: TestNetworkOptions = {},
): Promise<{ a: Side; b: Side }> {
  const network = await TestNetwork.create({ pods: 0, ...options });
  onTestFinished(() => network.close());
  const programmed = await ProgrammedMesh.create(network, more);
  const mesh = {
    closeHosts: () => programmed.hosts.forEach((host) => host.close()),
    apply: programmed.apply.bind(programmed),
  };
  const [a, b] = network.nodes.map((node) => ({ node, mesh }));
  return { a: a, b: b };
}

/** Runs `verifyMesh` in a process on the node, as the command does. */
async function verify(
  from: Side,
  peers: readonly Side[],
  options: { timeoutMs?: number; mode?: EncryptMode } = {},
): Promise<Judgement> {
  const { timeoutMs = 3000, mode = 'pods' } = options;
  const script = `
    import { verifyMesh } from ${JSON.stringify(BUILT)};
    const status = JSON.parse(process.argv[1]);
    console.log(JSON.stringify(await verifyMesh(status, { timeoutMs: ${timeoutMs} })));
  `;
  const status = JSON.stringify(statusOf(from, peers, mode));
  const child = from.node.namespace.start(
    process.execPath,
    '--input-type=module',
    '-e',
    script,
    status,
  );
  const [answer, trouble] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'exit'),
  ]);
  if (answer === '') throw new Error(trouble);
  return JSON.parse(answer) as Judgement;
}

function prefixesOf(number: number): string[] {
  return [`10.244.${number}.0/24`, `fd44:0:0:${number}::/64`];
}

function statusOf({ node }: Side, peers: readonly Side[], mode: EncryptMode): MeshStatus {
  const example = exampleStatus({ count: peers.length });
  return {
    ...example,
    node: {
      ...example.node,
      addresses: [node.address, node.address6],
      prefixes: prefixesOf(node.number),
      mode,
      nodeEncryption: mode === 'pods' ? 'disabled' : 'enabled',
    },
    interface: {
      ...example.interface,
      addresses: [`10.244.${node.number}.0/32`, `fd44:0:0:${node.number}::/128`],
    },
    peers: peers.map(({ node: { number, address, address6 } }, index) => ({
      ...example.peers[index],
      name: `node-${number}`,
      state: 'connected',
      endpoint: `${address}:51871`,
      addresses: [address, address6],
      prefixes: prefixesOf(number),
      encryptsNode: true,
    })),
  };
}
