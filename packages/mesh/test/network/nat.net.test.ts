import { join } from 'node:path';
import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { TestAgent } from './test-agent.ts';
import { UNANSWERED, until, type TestNode } from './test-node.ts';
import { networkRequirements } from './test-network.ts';
import { createNetwork } from './create-mesh.ts';
import type { TestNamespace } from './test-namespace.ts';

/** In ms: longer than the NAT keeps a mapping. */
const IDLE_MS = 6000;
const INSIDE = '10.99.0.2';

describeWith(networkRequirements, 'a node behind a NAT', () => {
  test('can be reached at any time with --persistent-keepalive', async () => {
    const { a, b, agents } = await meshWithNat(['--persistent-keepalive', '1']);
    await idle();
    // On a busy machine, one of three pings may be late. Without a mapping, all would be lost.
    await until(() => a.ping(a.pods[0], b.pods[0].address) === 3);

    // The new agent finds a peer whose endpoint differs from the address in its record.
    await agents[0].kill();
    agents[0].restart();
    await agents[0].untilPeersAnswered(1);
    await idle();
    expect(a.wg('show', 'litz0', 'endpoints')).toMatch(/\t192\.168\.50\.201:\d+$/m);
    await until(() => a.ping(a.pods[0], b.pods[0].address) === 3);
  });

  test('cannot be reached without keepalives after the NAT mapping expired, until it sends a packet', async () => {
    const { a, b } = await meshWithNat([]);
    expect(a.ping(a.pods[0], b.pods[0].address)).toBe(3);
    await idle();
    expect(a.ping(a.pods[0], b.pods[0].address, UNANSWERED)).toBe(0);
    await until(() => b.ping(b.pods[0], a.pods[0].address) === 3);
    expect(a.ping(a.pods[0], b.pods[0].address)).toBe(3);
  });
});

/** @param words more arguments for the agent behind the NAT */
async function meshWithNat(words: readonly string[]): Promise<
  Awaited<ReturnType<typeof createNetwork>> & {
    readonly agents: readonly [TestAgent, TestAgent];
  }
> {
  const network = await createNetwork({ inner: 4 });
  const { a, b } = network;
  hide(b, await network.addClient());
  await Promise.all([a, b].map((node) => node.startDaemon()));
  const common = { registryFolder: join(network.folder, 'registry') };
  const agents = [
    new TestAgent(a, common),
    new TestAgent(b, { ...common, addresses: [INSIDE], words }),
  ] as const;
  for (const agent of agents) await agent.untilPeersAnswered(1);
  for (const agent of agents) {
    await agent.ask({ command: 'enforcement', enforcement: 'enforce', force: false });
  }
  await until(() => b.ping(b.pods[0], a.pods[0].address) === 3);
  return Object.assign(network, { agents });
}

/**
 * Routes all packets of the node through `nat`, which keeps a mapping for two seconds, or for three
 * seconds after an answer.
 */
function hide({ namespace }: TestNode, nat: TestNamespace): void {
  namespace.ip(`link add lan0 type veth peer name lan1 netns ${nat.pid}`);
  namespace.ip(`address add ${INSIDE}/24 dev lan0`);
  nat.ip('address add 10.99.0.1/24 dev lan1');
  nat.ip('link set lan1 up');
  namespace.ip('link set lan0 up');
  namespace.ip('link set eth0 down');
  namespace.ip('route add default via 10.99.0.1');
  nat.input(
    'nft',
    'table ip nat { chain out { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }; }',
  );
  const timeout = 'net.netfilter.nf_conntrack_udp_timeout';
  nat.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', `${timeout}=2`, `${timeout}_stream=3`);
}

async function idle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
}
