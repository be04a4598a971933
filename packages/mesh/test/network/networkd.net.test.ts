/**
 * The real systemd-networkd on a node of the mesh. It runs without systemd and udev. The test
 * writes the files with which udev would report that all links are ready.
 *
 * @module
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { formatCidr } from '@litz/core';
import { onReadable, RoutingMonitor, type RoutingChange } from '@litz/sys';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { createNetwork } from './create-mesh.ts';
import { startAgents } from './test-agent.ts';
import type { TestNamespace } from './test-namespace.ts';
import { networkRequirements } from './test-network.ts';
import { until, type TestNode } from './test-node.ts';

const NETWORKD = '/lib/systemd/systemd-networkd';
const requirements = [
  ...networkRequirements,
  programRequirement('dbus-daemon'),
  programRequirement('networkctl'),
  requirement(NETWORKD, () => existsSync(NETWORKD) || 'install the package systemd'),
];

describeWith(requirements, 'systemd-networkd on a node', () => {
  test('keeps all of the mesh each time it starts, although it deletes the rule and the route of another program', async () => {
    const { wire, a, b } = await createEnforcedMesh();
    const before = stateOf(a);
    const repairs = followRepairs(a);
    const pings = ping(a, b);

    for (let i = 0; i < 3; i++) {
      await runNetworkd(a, { manages: ['eth0'] });
      expect(stateOf(a)).toEqual(before);
    }
    // No part of the mesh was ever gone: networkd does not delete routes and rules that are marked
    // `protocol kernel`, and those of the mesh are.
    expect(repairs).toEqual([]);

    expect(await pings).toContain(' 0% packet loss');
    expect(wire.counts()).toMatchObject({ plaintext: 0 });
  });

  test('keeps all of the mesh when it reads a changed configuration while it runs', async () => {
    const { wire, a, b } = await createEnforcedMesh();
    const before = stateOf(a);
    const repairs = followRepairs(a);
    const pings = ping(a, b);

    await runNetworkd(a, { manages: ['eth0'], reloads: 3 });

    expect(stateOf(a)).toBe(before);
    expect(repairs).toEqual([]);
    expect(await pings).toContain(' 0% packet loss');
    expect(wire.counts()).toMatchObject({ plaintext: 0 });
  });

  test('removes the addresses of litz0 if it manages litz0 too, and the agent restores them within 50 ms', async () => {
    const { wire, a, b } = await createEnforcedMesh();
    const before = stateOf(a);
    const repairs = followRepairs(a);

    await runNetworkd(a, { manages: ['eth0', 'litz0'] });
    await until(() => stateOf(a) === before);

    expect(repairs.length).toBeGreaterThan(0);
    expect(Math.max(...repairs.map(({ ms }) => ms))).toBeLessThan(50);
    expect(a.ping(a.pods[0], b.pods[0].address)).toBe(3);
    expect(wire.counts()).toMatchObject({ plaintext: 0 });
  });
});

/** Makes two nodes with daemons and agents that enforce, and resets the counters of the wire. */
async function createEnforcedMesh(): Promise<Awaited<ReturnType<typeof createNetwork>>> {
  const network = await createNetwork({ inner: 4 });
  await Promise.all(network.nodes.map((node) => node.startDaemon()));
  const agents = await startAgents(network.nodes, {
    registryFolder: join(network.folder, 'registry'),
  });
  for (const agent of agents) {
    await agent.ask({ command: 'enforcement', enforcement: 'enforce', force: false });
  }
  const { a, b } = network;
  await until(() => a.ping(a.pods[0], b.pods[0].address) === 3);
  network.wire.reset();
  return network;
}

/**
 * Runs networkd until it has configured its links. Before that, adds a rule and a route of another
 * program, which networkd deletes.
 *
 * @param options.reloads how many times its configuration is changed and read again with
 *   `networkctl reload`
 */
async function runNetworkd(
  { namespace }: TestNode,
  { manages, reloads = 0 }: { readonly manages: readonly string[]; readonly reloads?: number },
): Promise<void> {
  namespace.ip(`rule add pref ${FOREIGN_PRIORITY} to 10.1.0.0/16 lookup 77`);
  addForeignRoute(namespace);
  const networkd = namespace.start('unshare', '--mount', 'sh', '-ec', SCRIPT, ...manages);
  const ended = once(networkd, 'exit');
  const log = outputOf(networkd);
  await until(() => {
    if (networkd.exitCode !== null) throw new Error(`networkd ended: ${log()}`);
    const isForeignGone =
      !namespace.ip('rule').includes(`${FOREIGN_PRIORITY}:`) && !hasForeignRoute(namespace);
    return (
      isForeignGone &&
      manages.every((name) => log().includes(`${name}: State changed: configuring -> configured`))
    );
  });
  onTestFinished(() => endBus(log()));
  for (let i = 1; i <= reloads; i++) {
    addForeignRoute(namespace);
    const enter = ['nsenter', '--mount', `--target=${networkd.pid}`, 'sh', '-ec'] as const;
    namespace.run(...enter, RELOAD, String(i));
    await until(() => configurations(log(), 'eth0') > i && !hasForeignRoute(namespace));
  }
  networkd.kill('SIGTERM');
  await ended;
}

function addForeignRoute(namespace: TestNamespace): void {
  namespace.ip('route add 10.2.0.0/16 via 192.168.50.12 dev eth0 table 77');
}

function hasForeignRoute(namespace: TestNamespace): boolean {
  return namespace.tries('sh', '-c', 'ip route show table 77 | grep -q .');
}

/** Ends the message bus, which is a process of its own. */
function endBus(log: string): void {
  const pid = Number(/^bus (\d+)$/m.exec(log)?.[1]);
  if (pid > 1) process.kill(pid, 'SIGKILL');
}

/** Returns how often networkd has configured a link. */
function configurations(log: string, name: string): number {
  return log.split(`${name}: State changed: configuring -> configured`).length - 1;
}

/** Returns the rules, the routes of the mesh and the addresses of litz0 and eth0 as one text. */
function stateOf({ namespace }: TestNode): string {
  return [
    namespace.ip('rule'),
    namespace.ip('route show table 51871'),
    namespace.ip('-o -4 address show dev litz0 primary'),
    namespace.ip('-o -4 address show dev eth0 primary'),
  ].join('\n');
}

interface Repair {
  readonly what: string;
  readonly ms: number;
}

/**
 * Returns a list that grows while the test runs: how long each rule, route or address of the mesh
 * was gone.
 */
function followRepairs({ namespace }: TestNode): readonly Repair[] {
  const repairs: Repair[] = [];
  const gone = new Map<string, number>();
  const entered = namespace.openNamespace();
  const monitor = entered.run(() => new RoutingMonitor(MESH_TABLE));
  const end = onReadable(monitor.fd, () => {
    const now = performance.now();
    for (const change of monitor.read() ?? []) {
      const what = nameOf(change);
      if (what === undefined) continue;
      if (change.gone) gone.set(what, now);
      else if (gone.has(what)) repairs.push({ what, ms: now - gone.get(what)! });
    }
  });
  onTestFinished(() => {
    end();
    monitor.close();
    entered.close();
  });
  return repairs;
}

function nameOf(change: RoutingChange): string | undefined {
  if (change.type === 'route') {
    const { destination: address, prefixLength } = change.route;
    return `route ${formatCidr({ address, prefixLength })}`;
  }
  if (change.type === 'rule' && change.rule.priority === MESH_PRIORITY) return 'rule';
  if (change.type !== 'address') return undefined;
  return `address ${formatCidr(change.address)} ${change.address.interfaceIndex}`;
}

/** Sends a hundred pings per second for seven seconds. @returns the report of `ping` */
async function ping(a: TestNode, b: TestNode): Promise<string> {
  const words = ['-q', '-c', '700', '-i', '0.01', '-W', '2', b.pods[0].address] as const;
  const child = a.startInPod(a.pods[0], 'ping', ...words);
  const report = outputOf(child);
  await once(child, 'exit');
  return report();
}

/** Returns a function that returns the output so far, of both streams. */
function outputOf(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (more: string) => (text += more));
  }
  return () => text;
}

/** Starts networkd. The arguments of the script are the interfaces that networkd manages. */
const SCRIPT = `
mount --make-rprivate /
address=$(ip -o -4 address show dev eth0 primary | awk '{print $4}')
mount -t tmpfs tmpfs /run
mount -t sysfs sysfs /sys
mkdir -p /run/udev/data /run/systemd/network /run/systemd/netif/links
chown -R systemd-network /run/systemd/netif
for name in "$0" "$@"; do
  printf '[Match]\\nName=%s\\n[Network]\\nLinkLocalAddressing=no\\nIPv6AcceptRA=no\\n' $name
  [ $name != eth0 ] || echo "Address=$address"
done | awk '/Match/{n++} {print > "/run/systemd/network/" n ".network"}'
mkdir /run/dbus
echo "bus $(dbus-daemon --system --fork --nopidfile --print-pid)"
for index in /sys/class/net/*/ifindex; do echo I:1 > /run/udev/data/n$(cat $index); done
export SYSTEMD_LOG_LEVEL=debug
exec ${NETWORKD}
`;
/**
 * Changes the configuration of the first link. Each value of the argument gives another
 * configuration.
 */
const RELOAD = `
printf '[Link]\\nGroup=%d\\n' "$0" >> /run/systemd/network/1.network
networkctl reload
`;
const FOREIGN_PRIORITY = 12_345;
const MESH_TABLE = 51_871;
const MESH_PRIORITY = 900;
