/**
 * Three nodes whose agents enforce. Pods send all the time while agents die, nodes come, change and
 * leave, and while the registry has garbage. Nothing may leave a node in plaintext.
 *
 * @module
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith } from '@litz/testkit';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { TestAgent, type TestAgentOptions } from './test-agent.ts';
import { networkRequirements, TestNetwork } from './test-network.ts';
import { UNANSWERED, until, type TestNode } from './test-node.ts';

let network: TestNetwork;
let folder: string;
let a: TestNode;
let b: TestNode;
let c: TestNode;
let agents: TestAgent[];

describeWith(networkRequirements, 'nodes whose agents enforce send no plaintext', () => {
  beforeAll(async () => {
    network = await TestNetwork.create({ nodes: 3 });
    [a, b, c] = network.nodes as [TestNode, TestNode, TestNode];
    folder = join(network.folder, 'registry');
    await until(() => a.ping(a.pods[0], b.pods[0].address) === 3);
    const { plaintext } = network.wire.counts();
    if (plaintext < 6) throw new Error(`the wire counts only ${plaintext} readable packets`);
    await Promise.all([a, b].map((node) => node.startDaemon()));
    agents = [a, b].map((node) => new TestAgent(node, agentOptions()));
    for (const agent of agents) await agent.untilPeersAnswered(1);
    await until(() => a.ping(a.pods[0], b.pods[0].address) === 3);
    network.wire.reset();
    return () => network.close();
  });

  test('while an agent is killed and starts again', async () => {
    const [agent] = agents as [TestAgent];
    const counts = await countsDuring(pairs(), async () => {
      await agent.kill();
      await seconds(1);
      agent.restart();
      await agent.untilPeersAnswered(1);
    });
    expect(counts).toEqual(ONLY_TUNNEL);
  });

  test('while a node joins', async () => {
    const counts = await countsDuring(pairs(), async () => {
      await c.startDaemon();
      agents.push(new TestAgent(c, agentOptions()));
      for (const agent of agents) await agent.untilPeersAnswered(2);
    });
    expect(counts).toEqual(ONLY_TUNNEL);
    expect(b.ping(b.pods[0], c.pods[0].address)).toBe(3);
  });

  test('while the registry has garbage', async () => {
    const path = join(folder, 'node-3.json');
    const good = readFileSync(path);
    const counts = await countsDuring([...pairs(), [c, a]], async () => {
      // A running agent would write its record again, perhaps before the other agents have
      // read the garbage.
      await agents[2].kill();
      writeFileSync(join(folder, 'other.json'), '{"version":1,"name":"other","keys":"garbage"}');
      writeFileSync(path, Buffer.alloc(5000, 0xff));
      for (const agent of agents.slice(0, 2)) {
        await agent.shows(({ events }) =>
          ['other', 'node-3'].every((name) =>
            events.some(({ text }) => text.startsWith(`the record of node ${name} is refused`)),
          ),
        );
      }
      writeFileSync(path, good);
      rmSync(join(folder, 'other.json'));
      agents[2].restart();
      for (const agent of agents) {
        await agent.shows(({ peers }) => peers.every(({ state }) => state === 'connected'));
      }
    });
    expect(counts).toEqual(ONLY_TUNNEL);
  });

  test('while a node replaces its key', async () => {
    const [, agent] = agents as [TestAgent, TestAgent];
    const counts = await countsDuring([...pairs(), [c, a], [c, b]], async () => {
      await agent.ask({ command: 'rotate-key', revoke: false });
      await agent.shows(({ node: { keys } }) => keys.length === 1 && keys[0].generation === 2);
      await agents[0].untilPeersAnswered(2);
    });
    expect(counts).toEqual(ONLY_TUNNEL);
  });

  test('while a node is replaced by a new machine with the same name', async () => {
    const before = (await agents[2].status()).node.keys[0].publicKey;
    const counts = await countsDuring(pairs(), async () => {
      await agents.pop()!.kill();
      await c.killDaemon();
      rmSync(join(folder, 'node-3.json'));
      for (const agent of agents) await agent.shows(({ peers }) => peers.length === 1);
      // A new machine has no key yet.
      c.namespace.run('sh', '-c', 'rm /var/lib/litz/litz0.*');
      await c.startDaemon();
      agents.push(new TestAgent(c, agentOptions()));
      for (const agent of agents) await agent.untilPeersAnswered(2);
    });
    expect(counts).toEqual(ONLY_TUNNEL);
    expect((await agents[2].status()).node.keys[0].publicKey).not.toBe(before);
    expect(a.ping(a.pods[0], c.pods[0].address)).toBe(3);
  });

  test('to a node that leaves, and that sends plaintext itself from then on', async () => {
    const { wire } = network;
    wire.reset();
    await whilePinging(pairs(), async () => {
      await agents.pop()!.ask({ command: 'down' });
      for (const agent of agents) await agent.shows(({ peers }) => peers.length === 1);
      // The node that leaves may answer in plaintext, but the other nodes must not send plaintext.
      const sources = [...wire.counts().leaks.matchAll(/(\S+) \. \S+ \. /g)].map((leak) => leak[1]);
      const others = [...a.pods, ...b.pods].flatMap(({ address, address6 }) => [address, address6]);
      expect(sources.filter((source) => others.includes(source))).toEqual([]);
      wire.reset();
      await seconds(1);
    });
    expect(wire.counts()).toMatchObject({ plaintext: 0, vxlan: 0, leaks: '' });
    expect(a.ping(a.pods[0], b.pods[0].address)).toBe(3);
    expect(a.ping(a.pods[0], c.pods[0].address, UNANSWERED)).toBe(0);
  });
});

/** Without `--force`, a node that starts would be permissive until all peers have answered. */
function agentOptions(): TestAgentOptions {
  mkdirSync(folder, { recursive: true });
  return {
    registryFolder: folder,
    isDual: true,
    words: ['--enforcement', 'enforce', '--force'],
  };
}

type Pair = readonly [from: TestNode, to: TestNode];

/** Pairs of nodes whose sender enforces all the time. */
function pairs(): Pair[] {
  return [
    [a, b],
    [b, a],
    [a, c],
    [b, c],
  ];
}

/** Returns what the wire carried during `change`. */
async function countsDuring(from: readonly Pair[], change: () => Promise<void>): Promise<unknown> {
  network.wire.reset();
  await whilePinging(from, change);
  const { plaintext, vxlan, leaks, wireguard } = network.wire.counts();
  return { plaintext, vxlan, leaks, hasTunnel: wireguard > 0 };
}

/** Runs `change` while the pods of the pairs send a hundred packets per second in both families. */
async function whilePinging(from: readonly Pair[], change: () => Promise<void>): Promise<void> {
  const pings = from.flatMap(([sender, { pods }]) => [
    startPing(sender, pods[0].address),
    startPing(sender, pods[0].address6),
  ]);
  onTestFinished(() => pings.forEach((ping) => void ping.kill('SIGKILL')));
  await change();
  for (const ping of pings) {
    expect(ping.exitCode).toBeNull();
    const ended = once(ping, 'exit');
    ping.kill('SIGKILL');
    await ended;
  }
}

const ONLY_TUNNEL = { plaintext: 0, vxlan: 0, leaks: '', hasTunnel: true };

function startPing(from: TestNode, address: string): ChildProcess {
  return from.startInPod(from.pods[0], 'ping', '-q', '-i', '0.01', address);
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}
