import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Netlink, NetworkNamespace, writeSysctl } from '@litz/sys';
import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { LinuxHost, type LinuxHostOptions } from '../../src/host/linux-host.ts';
import { desireHost, type MeshRequest, type Step } from '../../src/index.ts';
import { request } from '../requests.ts';
import { ipProgram, namespaces, nftProgram } from '../requirements.ts';

describeWith([namespaces, ipProgram, nftProgram], 'LinuxHost', () => {
  test('sets addresses, routes, rules and the ruleset', async () => {
    const machine = await createMachine();

    const { troubles } = await machine.apply();

    expect(troubles).toEqual([]);
    expect(machine.ip('-d', 'rule', 'show', 'pref', '900')).toBe(
      '900:\tfrom all to 10.244.0.0/16 lookup 51871 proto kernel',
    );
    expect(machine.ip('-d', '-6', 'rule', 'show', 'pref', '900')).toBe(
      '900:\tfrom all to fd44::/48 lookup 51871 proto kernel',
    );
    expect(lines(machine.ip('route', 'show', 'table', '51871'))).toEqual(
      [
        'throw 10.244.1.0/24 proto kernel',
        '10.244.2.0/24 dev litz0 proto kernel scope link src 10.244.1.0',
        '10.244.3.0/24 dev litz0 proto kernel scope link src 10.244.1.0',
        'unreachable 10.244.0.0/16 proto kernel metric 4278198272',
      ].toSorted(),
    );
    expect(lines(machine.ip('-6', 'route', 'show', 'table', '51871'))).toEqual([
      'fd44:0:0:2::/64 dev litz0 proto kernel src fd44:0:0:1:: metric 1024 pref medium',
      'fd44:0:0:3::/64 dev litz0 proto kernel src fd44:0:0:1:: metric 1024 pref medium',
      'throw fd44:0:0:1::/64 dev lo proto kernel metric 1024 pref medium',
      'unreachable fd44::/48 dev lo proto kernel metric 4278198272 pref medium',
    ]);
    expect(machine.ip('-o', 'address', 'show', 'dev', 'litz0')).toMatch(/inet 10\.244\.1\.0\/32/);
    expect(machine.ip('-o', 'address', 'show', 'dev', 'litz0')).toMatch(/inet6 fd44:0:0:1::\/128/);
    expect(machine.ip('link', 'show', 'litz0')).toMatch(/mtu 1440/);
    expect(machine.run('nft', 'list', 'table', 'inet', 'litz')).toMatch(/chain ingress/);
  });

  test('does nothing if everything is as desired', async () => {
    const machine = await createMachine();
    await machine.apply();

    expect(await machine.apply()).toEqual({ steps: [], troubles: [] });
  });

  test('finds the settings of an earlier agent', async () => {
    const machine = await createMachine();
    await machine.apply();
    machine.host.close();

    const again = await machine.open();
    const { steps } = await again.apply(desireHost(request()));

    // The new host cannot know whether the ruleset of the earlier agent is the desired one, so it
    // loads the ruleset again.
    expect(steps.map(({ type }) => type)).toEqual(['load-ruleset']);
  });

  test.each<[string, (machine: Machine) => void]>([
    ['deletes the rule of IPv4', (machine) => machine.ip('rule', 'del', 'pref', '900')],
    ['deletes the rule of IPv6', (machine) => machine.ip('-6', 'rule', 'del', 'pref', '900')],
    [
      'flushes all rules',
      (machine) => {
        machine.ip('rule', 'flush');
        machine.ip(...'rule add lookup main pref 32766'.split(' '));
        machine.ip(...'rule add lookup default pref 32767'.split(' '));
      },
    ],
    ['flushes the routes of IPv4', (machine) => machine.ip('route', 'flush', 'table', '51871')],
    [
      'flushes the routes of IPv6',
      (machine) => machine.ip('-6', 'route', 'flush', 'table', '51871'),
    ],
    ['removes the addresses', (machine) => machine.ip('address', 'flush', 'dev', 'litz0')],
    ['sets the link down', (machine) => machine.ip('link', 'set', 'litz0', 'down')],
    ['changes the MTU', (machine) => machine.ip('link', 'set', 'litz0', 'mtu', '1300')],
    ['flushes the ruleset', (machine) => machine.run('nft', 'flush', 'ruleset')],
    [
      'flushes a chain',
      (machine) => machine.run('nft', 'flush', 'chain', 'inet', 'litz', 'leaving'),
    ],
    [
      'adds a route in front of ours',
      (machine) =>
        machine.ip(...'route prepend 10.244.2.0/24 via 192.168.50.12 table 51871'.split(' ')),
    ],
    [
      'adds a route to a part of a prefix',
      (machine) =>
        machine.ip(...'route add 10.244.2.128/25 via 192.168.50.12 table 51871'.split(' ')),
    ],
  ])('repairs the machine after another program %s', async (_, damage) => {
    const machine = await createMachine();
    await machine.apply();
    const before = machine.everything();
    const repaired = machine.repaired();

    damage(machine);
    const steps = await repaired;

    expect(steps).not.toEqual([]);
    expect(machine.everything()).toEqual(before);
  });

  test.each(['eth0', 'litz0'])(
    'makes the reverse path filter of %s loose again after another program made it strict',
    async (link) => {
      const machine = await createMachine();
      await machine.apply();
      const repaired = machine.repaired();

      machine.run('sysctl', '-qw', `net.ipv4.conf.${link}.rp_filter=1`);
      await repaired;

      expect(machine.run('sysctl', '-n', `net.ipv4.conf.${link}.rp_filter`).trim()).toBe('2');
      await machine.apply({ enforcement: 'off' });
      expect(machine.run('sysctl', '-n', 'net.ipv4.conf.eth0.rp_filter').trim()).toBe('1');
    },
  );

  test('repairs a deleted rule within 50 ms', async () => {
    const machine = await createMachine();
    await machine.apply();
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      const repaired = machine.repaired();
      machine.namespace.run(() => withNetlink((netlink) => netlink.deleteRule(RULE)));
      const from = performance.now();
      await repaired;
      times.push(performance.now() - from);
    }

    expect(Math.max(...times)).toBeLessThan(50);
  });

  test('repairs within 50 ms (median of ten) after rules, routes and addresses are removed', async () => {
    const machine = await createMachine();
    await machine.apply();
    const before = machine.everything();
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      const repaired = machine.repaired();
      machine.namespace.run(() => withNetlink((netlink) => dropForeign(netlink, 1500 - (i % 2))));
      const from = performance.now();
      await repaired;
      times.push(performance.now() - from);
      await machine.until(() => isDeepStrictEqual(machine.everything(), before));
    }

    expect(times.toSorted((a, b) => a - b)[5]).toBeLessThan(50);
  });

  test('sets everything again for an interface that comes back with another index', async () => {
    const machine = await createMachine();
    await machine.apply();
    const before = machine.everything();
    const links: (number | undefined)[] = [];
    machine.onLink = (index) => links.push(index);

    machine.ip('link', 'del', 'litz0');
    await machine.until(() => links.includes(undefined));
    expect(machine.ip('route', 'show', 'table', '51871')).toMatch(/unreachable 10\.244\.0\.0\/16/);
    const repaired = machine.repaired();
    machine.ip('tuntap', 'add', 'litz0', 'mode', 'tun');
    await repaired;
    await machine.until(() => links.length === 2);

    expect(links[1]).toBe(machine.linkIndex());
    expect(machine.everything()).toEqual(before);
  });

  test('changes no settings of other programs except the reverse path filters, and restores these at the end', async () => {
    const machine = await createMachine();
    machine.run('nft', 'add', 'table', 'inet', 'other');
    machine.run(
      'nft',
      'add',
      'chain',
      'inet',
      'other',
      'everything',
      '{ type filter hook input priority 0; }',
    );
    machine.run(
      'nft',
      'add',
      'rule',
      'inet',
      'other',
      'everything',
      'tcp',
      'dport',
      '9',
      'counter',
      'drop',
    );
    machine.ip(...'rule add from 10.9.9.0/24 lookup 77 pref 880'.split(' '));
    machine.ip(...'route add 10.9.8.0/24 via 192.168.50.12 table 77'.split(' '));
    machine.ip(...'route add 10.244.2.0/24 via 192.168.50.12'.split(' '));
    const before = machine.foreign();

    for (const mode of ['pods', 'nodes', 'all'] as const) {
      for (const enforcement of ['permissive', 'enforce'] as const) {
        const registryAddresses = [{ address: '192.168.50.12', port: 6443 }];
        expect((await machine.apply({ mode, enforcement, registryAddresses })).troubles).toEqual(
          [],
        );
        expect(machine.foreign()).toEqual({ ...before, filters: machine.foreign().filters });
      }
    }
    await machine.host.remove();

    expect(machine.foreign()).toEqual(before);
    expect(machine.ip('route', 'show', 'table', 'all')).not.toMatch(/51871/);
    expect(machine.ip('-6', 'route', 'show', 'table', 'all')).not.toMatch(/51871/);
    expect(machine.run('nft', 'list', 'tables')).not.toMatch(/litz/);
  });

  test('restores a reverse path filter that an earlier agent made loose', async () => {
    const machine = await createMachine();
    const filter = (): string =>
      machine.run('cat', '/proc/sys/net/ipv4/conf/eth0/rp_filter').trim();
    await machine.apply({ mode: 'nodes' });
    expect(filter()).toBe('2');
    machine.host.close();

    const again = await machine.open();
    await again.apply(desireHost(request({ enforcement: 'off' })));

    expect(filter()).toBe('1');
  });

  test('refuses to enforce without nft, and names the package', async () => {
    const machine = await createMachine({ nft: '/no/such/nft' });

    await expect(machine.apply()).rejects.toThrow(/enforce.*nft.*nftables/);
    const { troubles } = await machine.apply({ enforcement: 'permissive' });

    expect(troubles).toEqual([expect.stringContaining('no SNAT and no MSS clamp')]);
    expect(machine.ip('rule', 'show', 'pref', '900')).not.toBe('');
  });

  test('refuses a request for another table or priority', async () => {
    const machine = await createMachine();

    await expect(machine.apply({ table: 51900 })).rejects.toThrow(/table 51871/);
    await expect(machine.apply({ priority: 800 })).rejects.toThrow(/priority 900/);
  });

  test('uses the table and the priority that it was opened for', async () => {
    const machine = await createMachine({ table: 51900, priority: 800 });

    expect((await machine.apply({ table: 51900, priority: 800 })).troubles).toEqual([]);
    expect(machine.ip('rule', 'show', 'pref', '800')).toMatch(/lookup 51900/);
    expect(machine.ip('route', 'show', 'table', '51900')).toMatch(/unreachable/);
  });

  test('applies only the last of the waiting requests', async () => {
    const machine = await createMachine();

    const all = await Promise.all([
      machine.apply({ enforcement: 'permissive' }),
      machine.apply({ enforcement: 'enforce' }),
      machine.apply({ enforcement: 'off' }),
    ]);

    expect(all.flatMap(({ troubles }) => troubles)).toEqual([]);
    expect(machine.ip('rule', 'show', 'pref', '900')).toBe('');
    expect(machine.run('nft', 'list', 'tables')).not.toMatch(/litz/);
  });

  test('sets 5,000 routes in less than two seconds of CPU time', async () => {
    const machine = await createMachine();
    const peers = Array.from({ length: 5000 }, (_, i) => manyPeer(i));
    const answered = new Set(peers.map(({ name }) => name));
    const from = process.cpuUsage();

    const { troubles } = await machine.apply({ peers, answered });

    const { user, system } = process.cpuUsage(from);
    expect((user + system) / 1e6).toBeLessThan(2);
    expect(troubles).toEqual([]);
    expect(lines(machine.ip('route', 'show', 'table', '51871'))).toHaveLength(5002);
  });
});

function manyPeer(i: number): MeshRequest['peers'][number] {
  const second = Uint8Array.of(10, 244, 2 + Math.floor(i / 64), (i % 64) * 4);
  return {
    name: `many-${i}`,
    endpoint: { address: Uint8Array.of(192, 168, 50, 12) },
    addresses: ['192.168.50.12'],
    prefixes: [{ address: second, prefixLength: 30 }],
    encryptsNode: false,
  };
}

const RULE = {
  family: 4,
  table: 51871,
  priority: 900,
  to: { address: Uint8Array.of(10, 244, 0, 0), prefixLength: 16 },
} as const;

interface Machine {
  readonly namespace: NetworkNamespace;
  readonly host: LinuxHost;
  onLink: (index: number | undefined) => void;
  apply(more?: Partial<MeshRequest>): ReturnType<LinuxHost['apply']>;
  /** Opens another host in the same namespace, like a later agent. */
  open(): Promise<LinuxHost>;
  /** The steps of the next repair. */
  repaired(): Promise<readonly Step[]>;
  until(condition: () => boolean): Promise<void>;
  run(program: string, ...words: string[]): string;
  ip(...words: string[]): string;
  linkIndex(): number;
  /** All rules and the ruleset of the machine, and the routes, MTU and addresses of the mesh. */
  everything(): unknown;
  /** The settings of other programs that Litz must not change. */
  foreign(): { filters: string };
}

/** A namespace with eth0 192.168.50.11/24, strict reverse path filters, and the TUN litz0. */
async function createMachine(options: LinuxHostOptions = {}): Promise<Machine> {
  const namespace = NetworkNamespace.create();
  const folder = mkdtempSync(join(tmpdir(), 'litz-host-'));
  const hosts: LinuxHost[] = [];
  onTestFinished(() => {
    for (const host of hosts) host.close();
    namespace.close();
    rmSync(folder, { recursive: true });
  });
  const run = (program: string, ...words: string[]): string =>
    namespace.run(() => execFileSync(program, words, { encoding: 'utf8' }));
  const ip = (...words: string[]): string => run('ip', ...words).trimEnd();
  namespace.run(() => {
    writeSysctl('net.ipv4.conf.all.rp_filter', 1);
    writeSysctl('net.ipv6.conf.default.addr_gen_mode', 1);
  });
  ip(...'link add eth0 type veth peer name other0'.split(' '));
  for (const name of ['eth0', 'other0']) ip('link', 'set', name, 'up');
  ip(...'address add 192.168.50.11/24 dev eth0'.split(' '));
  ip(...'-6 address add fd50::11/64 dev eth0 nodad'.split(' '));
  run('sysctl', '-qw', 'net.ipv4.conf.eth0.rp_filter=1');
  ip(...'tuntap add litz0 mode tun'.split(' '));
  const open = async (): Promise<LinuxHost> => {
    const previous = NetworkNamespace.current();
    // `open` makes its sockets before its first `await`, so they belong to the namespace.
    const host = await namespace.run(() => LinuxHost.open({ runtimeFolder: folder, ...options }));
    previous.close();
    hosts.push(host);
    return host;
  };
  const host = await open();
  let onRepaired: ((steps: readonly Step[]) => void) | undefined;
  const machine: Machine = {
    namespace,
    host,
    onLink: () => {},
    open,
    run,
    ip,
    apply: (more = {}) => host.apply(desireHost(request(more))),
    repaired: () => new Promise((resolve) => (onRepaired = resolve)),
    async until(condition) {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    linkIndex: () => Number(/^(\d+):/.exec(ip('link', 'show', 'litz0'))?.[1]),
    everything: () => ({
      rules: [lines(ip('rule', 'show')), lines(ip('-6', 'rule', 'show'))],
      routes: [
        lines(ip('route', 'show', 'table', '51871')),
        lines(ip('-6', 'route', 'show', 'table', '51871')),
      ],
      link: /mtu \d+/.exec(ip('link', 'show', 'litz0'))?.[0],
      isUp: /[<,]UP[,>]/.test(ip('link', 'show', 'litz0')),
      addresses: [...ip('address', 'show', 'dev', 'litz0').matchAll(/inet6? (\S+)/g)].map(
        (m) => m[1],
      ),
      ruleset: run('nft', '-s', 'list', 'ruleset'),
    }),
    foreign: () => ({
      rules: withoutOurs(`${ip('rule', 'show')}\n${ip('-6', 'rule', 'show')}`),
      routes: withoutOurs(
        `${ip('route', 'show', 'table', 'all')}\n${ip('-6', 'route', 'show', 'table', 'all')}`,
      ),
      ruleset: run('nft', '-s', 'list', 'ruleset').replace(/table inet litz \{[^]*?\n\}\n/, ''),
      all: run(
        'sh',
        '-c',
        'grep -r . /proc/sys/net/ipv4/conf/all /proc/sys/net/ipv6/conf/all /proc/sys/net/ipv4/conf/default 2>/dev/null; true',
      ),
      filters: run('sh', '-c', 'grep . /proc/sys/net/ipv4/conf/eth0/*'),
    }),
  };
  host.watch({
    onRepaired: (steps) => onRepaired?.(steps),
    onLink: (index) => machine.onLink(index),
    onUnderlay: () => {},
    onTrouble: () => {},
  });
  return machine;
}

function withoutOurs(text: string): string[] {
  return lines(text).filter((line) => !/51871|litz0|^899:/.test(line));
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(' linkdown', '').trim().replaceAll(/ +/g, ' '))
    .filter((line) => line !== '')
    .toSorted();
}

/**
 * Does to the settings of Litz what systemd-networkd does to the settings of other programs when it
 * configures a link (`link_drop_foreign_config`): deletes the rules, routes and addresses. Also
 * changes the MTU of eth0. systemd-networkd itself would keep the settings of Litz, but only
 * because they have `protocol kernel`.
 */
function dropForeign(netlink: Netlink, mtu: number): void {
  netlink.setLink(netlink.linkByName('eth0')!.index, { mtu });
  for (const rule of netlink.rules()) if (rule.priority === 900) netlink.deleteRule(rule);
  for (const route of netlink.tableRoutes(51871)) netlink.deleteRoute(route);
  const { index } = netlink.linkByName('litz0')!;
  for (const address of netlink.addresses(index)) netlink.deleteAddress(index, address);
}

function withNetlink(run: (netlink: Netlink) => void): void {
  const netlink = new Netlink();
  try {
    run(netlink);
  } finally {
    netlink.close();
  }
}
