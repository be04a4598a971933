import { execFileSync } from 'node:child_process';
import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { readSysctl, SystemError, type Netlink, type NetworkNamespace } from '../../src/index.ts';
import { ipProgram, linuxCalls, namespaces } from '../requirements.ts';
import {
  createNamespace,
  createNetlink,
  createTestLink,
  createTwoNamespaces,
  ipv4,
  ipv6,
} from '../two-namespaces.ts';

const MAIN = 254;

describeWith([linuxCalls, namespaces, ipProgram], 'Netlink links', () => {
  test('are the links that `ip` lists', () => {
    const { namespace, netlink } = createTestLink();

    const listed = ip(namespace, 'link', 'show') as {
      ifindex: number;
      ifname: string;
      mtu: number;
      txqlen: number;
      address: string;
    }[];

    expect(netlink.links()).toHaveLength(3);
    expect(
      netlink.links().map((link) => ({
        ifindex: link.index,
        ifname: link.name,
        mtu: link.mtu,
        txqlen: link.txQueueLength,
        address: Buffer.from(link.address).toString('hex').match(/../g)?.join(':'),
      })),
    ).toEqual(
      listed.map(({ ifindex, ifname, mtu, txqlen, address }) => ({
        ifindex,
        ifname,
        mtu,
        txqlen,
        address,
      })),
    );
  });

  test('are found by name and by index; the result is undefined if the link does not exist', () => {
    const { netlink, index } = createTestLink();

    expect(netlink.linkByName('test0')).toEqual(netlink.linkByIndex(index));
    expect(netlink.linkByName('test0')?.kind).toBe('veth');
    expect(netlink.linkByName('nothing')).toBeUndefined();
    expect(netlink.linkByIndex(12345)).toBeUndefined();
  });

  test('keep the settings that a change does not name', () => {
    const { netlink, index } = createTestLink();

    netlink.setLink(index, { mtu: 1300, txQueueLength: 77 });
    expect(netlink.linkByIndex(index)).toMatchObject({ up: true, mtu: 1300, txQueueLength: 77 });

    netlink.setLink(index, { up: false });
    netlink.setLink(index, { name: 'renamed0' });
    expect(netlink.linkByIndex(index)).toMatchObject({ up: false, name: 'renamed0', mtu: 1300 });
  });

  test('are deleted', () => {
    const { netlink, index } = createTestLink();

    netlink.deleteLink(index);

    expect(netlink.linkByIndex(index)).toBeUndefined();
  });

  test('are moved to another namespace', () => {
    const { netlink, index } = createTestLink();
    const other = createNamespace();

    netlink.setLink(index, { netns: other.fd, name: 'moved0' });

    expect(netlink.linkByIndex(index)).toBeUndefined();
    expect(createNetlink(other).linkByName('moved0')?.kind).toBe('veth');
  });

  test('are created in pairs, with the second end in another namespace', () => {
    const { left, right } = createTwoNamespaces();

    expect(left.netlink.linkByName('veth0')).toMatchObject({ kind: 'veth', up: true });
    expect(right.netlink.linkByName('veth0')).toMatchObject({ kind: 'veth', up: true });
    left.netlink.deleteLink(left.index);
    expect(right.netlink.linkByName('veth0')).toBeUndefined();
  });

  test('are all read, even if they do not fit into one datagram of the netlink socket', () => {
    const netlink = createNetlink(createNamespace());
    for (let i = 0; i < 30; i++) netlink.createVeth(`many${i}`, `more${i}`);

    expect(netlink.links()).toHaveLength(61);
    expect(netlink.links().at(-1)?.name).toMatch(/29$/);
  });
});

describeWith([linuxCalls, namespaces, ipProgram], 'Netlink addresses', () => {
  test('are the addresses that `ip` lists', () => {
    const { namespace, netlink, index } = createTestLink();
    netlink.addAddress(index, { address: ipv4(7), prefixLength: 24 });
    netlink.addAddress(index, { address: ipv4(8), prefixLength: 32, peer: ipv4(9) });
    netlink.addAddress(index, { address: ipv6(7), prefixLength: 64 }, { noDad: true });

    const [listed] = ip(namespace, 'address', 'show', 'dev', 'test0') as [
      { addr_info: { local: string; prefixlen: number; address?: string }[] },
    ];

    expect(
      listed.addr_info.map(({ local, prefixlen, address }) => [local, prefixlen, address]),
    ).toEqual([
      ['10.9.0.7', 24, undefined],
      ['10.9.0.8', 32, '10.9.0.9'],
      ['fd09::7', 64, undefined],
    ]);
    expect(netlink.addresses(index)).toEqual([
      { interfaceIndex: index, address: ipv4(7), prefixLength: 24, scope: 0, tentative: false },
      {
        interfaceIndex: index,
        address: ipv4(8),
        prefixLength: 32,
        peer: ipv4(9),
        scope: 0,
        tentative: false,
      },
      { interfaceIndex: index, address: ipv6(7), prefixLength: 64, scope: 0, tentative: false },
    ]);
    expect(netlink.addresses().length).toBeGreaterThan(netlink.addresses(index).length);
  });

  test('are deleted', () => {
    const { netlink, index } = createTestLink();
    netlink.addAddress(index, { address: ipv4(7), prefixLength: 24 });

    netlink.deleteAddress(index, { address: ipv4(7), prefixLength: 24 });

    expect(netlink.addresses(index).filter(({ address }) => address.length === 4)).toEqual([]);
  });

  test('are replaced without an error', () => {
    const { netlink, index } = createTestLink();
    netlink.addAddress(index, { address: ipv6(7), prefixLength: 64 });

    netlink.replaceAddress(index, { address: ipv6(7), prefixLength: 64 }, { noDad: true });

    const found = netlink.addresses(index).filter(({ scope }) => scope === 0);
    expect(found.map(({ address }) => address)).toEqual([ipv6(7)]);
  });

  test('make no prefix route if the option noPrefixRoute is set', () => {
    const { netlink, index } = createTestLink();

    netlink.addAddress(index, { address: ipv4(7), prefixLength: 24 }, { noPrefixRoute: true });

    expect(netlink.routes({ table: MAIN }).filter((r) => r.destination.length === 4)).toEqual([]);
  });
});

describeWith([linuxCalls, namespaces, ipProgram], 'Netlink routes', () => {
  test('are the routes that `ip` lists', () => {
    const { namespace, netlink, index } = createTestLink();
    netlink.addAddress(index, { address: ipv4(1), prefixLength: 24 });
    const table = 51820;
    const any = new Uint8Array(4);
    netlink.addRoute({ destination: any, prefixLength: 0, gateway: ipv4(2), table, mtu: 1280 });
    netlink.addRoute({
      destination: Uint8Array.of(10, 64, 0, 0),
      prefixLength: 10,
      interfaceIndex: index,
      source: ipv4(1),
      metric: 50,
      table,
    });
    netlink.addRoute({
      destination: Uint8Array.of(192, 0, 2, 0),
      prefixLength: 24,
      type: 'blackhole',
      table,
    });

    expect(ip(namespace, 'route', 'show', 'table', String(table))).toEqual([
      expect.objectContaining({ dst: 'default', gateway: '10.9.0.2', dev: 'test0' }),
      expect.objectContaining({
        dst: '10.64.0.0/10',
        dev: 'test0',
        scope: 'link',
        prefsrc: '10.9.0.1',
        metric: 50,
      }),
      expect.objectContaining({ type: 'blackhole', dst: '192.0.2.0/24' }),
    ]);
    expect(netlink.routes({ table })).toMatchObject([
      { prefixLength: 0, gateway: ipv4(2), interfaceIndex: index, mtu: 1280, table },
      { prefixLength: 10, source: ipv4(1), interfaceIndex: index, metric: 50, scope: 253 },
      { prefixLength: 24, type: 'blackhole', interfaceIndex: 0 },
    ]);
  });

  test('are added, replaced and deleted (IPv6)', () => {
    const { netlink, index } = createTestLink();
    const route = { destination: ipv6(0), prefixLength: 64, interfaceIndex: index, table: 1000 };

    netlink.addRoute(route);
    netlink.replaceRoute({ ...route, mtu: 1300 });
    expect(netlink.routes({ table: 1000 })).toMatchObject([{ ...route, mtu: 1300 }]);

    netlink.deleteRoute(route);
    expect(netlink.routes({ table: 1000 })).toEqual([]);
  });

  test('are found for an address, with interface, gateway, source, MTU and table', () => {
    const { netlink, index } = createTestLink();
    netlink.addAddress(index, { address: ipv4(1), prefixLength: 24 });
    const [near, far] = [ipv4(2), Uint8Array.of(198, 51, 100, 1)];

    expect(netlink.routeTo(near)).toEqual({
      interfaceIndex: index,
      source: ipv4(1),
      table: MAIN,
      type: 'unicast',
    });
    expect(netlink.routeTo(far)).toBeUndefined();
    expect(netlink.routeTo(ipv6(1))).toBeUndefined();

    const any = new Uint8Array(4);
    netlink.addRoute({ destination: any, prefixLength: 0, gateway: near, mtu: 1300 });
    expect(netlink.routeTo(far)).toMatchObject({ gateway: near, mtu: 1300, source: ipv4(1) });
    expect(netlink.routeTo(ipv4(1))?.type).toBe('local');
  });

  test('of the type prohibit make routeTo throw an error with the name of the errno', () => {
    const { netlink } = createTestLink();
    const destination = Uint8Array.of(203, 0, 113, 0);
    netlink.addRoute({ destination, prefixLength: 24, type: 'prohibit' });

    expect(() => netlink.routeTo(Uint8Array.of(203, 0, 113, 5))).toThrow(
      expect.objectContaining({ syscall: 'RTM_GETROUTE', errno: 'EACCES' }),
    );
  });
});

describeWith([linuxCalls, namespaces, ipProgram], 'Netlink rules', () => {
  test.each([4, 6] as const)(
    'send unmarked IPv%i packets to a table, as wg-quick does',
    (family) => {
      const { namespace, netlink, index } = createTestLink();
      const table = 51820;
      const any = new Uint8Array(family === 4 ? 4 : 16);
      const [own, remote] = [family === 4 ? ipv4(1) : ipv6(1), family === 4 ? 9 : 32];
      netlink.addAddress(index, { address: own, prefixLength: remote * 2 }, { noDad: true });
      netlink.addRoute({ destination: any, prefixLength: 0, interfaceIndex: index, table });
      netlink.addRule({ family, table, mark: 51820, invert: true });
      netlink.addRule({ family, table: MAIN, suppressPrefixLength: 0 });

      const far = family === 4 ? Uint8Array.of(198, 51, 100, 1) : ipv6(1).fill(0x20, 0, 1);
      expect(netlink.routeTo(far)).toMatchObject({ interfaceIndex: index, table });
      expect(netlink.routeTo(far, { mark: 51820 })).toBeUndefined();

      const listed = ip(namespace, `-${family}`, 'rule', 'show') as Record<string, unknown>[];
      expect(listed.map(({ priority }) => priority)).toEqual(
        netlink.rules(family).map(({ priority }) => priority),
      );
      expect(listed).toContainEqual(
        expect.objectContaining({ not: null, fwmark: '0xca6c', table: '51820' }),
      );
      expect(listed).toContainEqual(
        expect.objectContaining({ table: 'main', suppress_prefixlen: 0 }),
      );
      expect(netlink.rules(family)).toContainEqual(
        expect.objectContaining({ family, table, mark: 51820, invert: true, toTable: true }),
      );
    },
  );

  test.each([4, 6] as const)('select packets by source and UDP ports, IPv%i', (family) => {
    const { namespace, netlink, index } = createTestLink();
    const [own, any] = family === 4 ? [ipv4(1), new Uint8Array(4)] : [ipv6(1), new Uint8Array(16)];
    netlink.addAddress(index, { address: own, prefixLength: own.length * 6 }, { noDad: true });
    for (const table of [77, MAIN]) {
      netlink.addRoute({ destination: any, prefixLength: 0, interfaceIndex: index, table });
    }
    const from = family === 4 ? '10.9.0.1' : 'fd09::1';
    const rule = `-${family} rule add table 77 from ${from} ipproto udp sport 5 dport 6`;
    namespace.run(() => execFileSync('ip', rule.split(' ')));
    const far = family === 4 ? Uint8Array.of(198, 51, 100, 1) : ipv6(1).fill(0x20, 0, 1);
    const udp = { sourcePort: 5, destinationPort: 6 };

    expect(netlink.routeTo(far, { source: own, udp })).toMatchObject({ table: 77 });
    const others = [
      { source: own },
      { udp },
      { source: own, udp: { ...udp, sourcePort: 6 } },
      { source: own, udp: { ...udp, destinationPort: 5 } },
    ];
    for (const other of others) expect(netlink.routeTo(far, other)).toMatchObject({ table: MAIN });
  });

  test('are deleted, and other rules stay', () => {
    const netlink = createNetlink(createNamespace());
    const before = netlink.rules();
    const rule = { family: 4, table: 7, priority: 99, mark: 0x100, markMask: 0xf00 } as const;

    netlink.addRule(rule);
    expect(netlink.rules(4)).toContainEqual({ ...rule, toTable: true });
    netlink.deleteRule(rule);

    expect(netlink.rules()).toEqual(before);
  });

  test('have a protocol, and deleteRule deletes no rule with another protocol', () => {
    const namespace = createNamespace();
    const netlink = createNetlink(namespace);
    const rule = { family: 4, table: 7, priority: 99, protocol: 76 } as const;
    const theirs = ['rule', 'add', 'priority', '98', 'table', '7', 'protocol', '3'];
    namespace.run(() => execFileSync('ip', theirs));
    netlink.addRule(rule);
    const listed = ip(namespace, '-N', 'rule', 'show', 'table', '7');
    expect(listed).toEqual([
      expect.objectContaining({ priority: 98, protocol: '3' }),
      expect.objectContaining({ priority: 99, protocol: '76' }),
    ]);
    expect(netlink.rules(4).filter(({ table }) => table === 7)).toEqual([
      { family: 4, table: 7, priority: 98, protocol: 3, toTable: true },
      { ...rule, toTable: true },
    ]);
    expect(() => netlink.deleteRule({ ...rule, priority: 98 })).toThrow('ENOENT');
    netlink.deleteRule(rule);
    expect(netlink.rules(4).map(({ priority }) => priority)).toContain(98);
  });
});

describeWith([linuxCalls, namespaces], 'Netlink errors', () => {
  test.each<[string, string, string, (netlink: Netlink, index: number) => void]>([
    [
      'a name that is taken',
      'RTM_NEWLINK',
      'EEXIST',
      (netlink) => netlink.createVeth('test0', 'other0'),
    ],
    ['no such link', 'RTM_DELLINK', 'ENODEV', (netlink) => netlink.deleteLink(4711)],
    [
      'an address that exists already',
      'RTM_NEWADDR',
      'EEXIST',
      (netlink, index) => {
        netlink.addAddress(index, { address: ipv4(1), prefixLength: 24 });
        netlink.addAddress(index, { address: ipv4(1), prefixLength: 24 });
      },
    ],
    [
      'an address that does not exist',
      'RTM_DELADDR',
      'EADDRNOTAVAIL',
      (netlink, index) => netlink.deleteAddress(index, { address: ipv4(1), prefixLength: 24 }),
    ],
    [
      'a gateway that is not on any link',
      'RTM_NEWROUTE',
      'ENETUNREACH',
      (netlink) =>
        netlink.addRoute({ destination: new Uint8Array(4), prefixLength: 0, gateway: ipv4(2) }),
    ],
    [
      'a route that does not exist',
      'RTM_DELROUTE',
      'ESRCH',
      (netlink) => netlink.deleteRoute({ destination: ipv4(0), prefixLength: 24 }),
    ],
    [
      'a rule that does not exist',
      'RTM_DELRULE',
      'ENOENT',
      (netlink) => netlink.deleteRule({ family: 4, table: 7, priority: 1 }),
    ],
  ])('name the request and the errno for %s', (_, syscall, errno, act) => {
    const { netlink, index } = createTestLink();

    expect(() => act(netlink, index)).toThrow(expect.objectContaining({ syscall, errno }));
  });

  test("contain the kernel's own explanation", () => {
    const { netlink, index } = createTestLink();
    const route = { destination: ipv4(1), prefixLength: 24, interfaceIndex: index };

    expect(() => netlink.addRoute(route)).toThrow(/\(Invalid prefix for given prefix length\)/);
  });

  test('leave the socket usable', () => {
    const { netlink, index } = createTestLink();

    expect(() => netlink.createVeth('test0', 'other0')).toThrow(SystemError);

    expect(netlink.linkByName('test0')?.index).toBe(index);
  });
});

describeWith([linuxCalls, namespaces, ipProgram], 'Netlink', () => {
  test('adds thousands of routes at once, and continues after a route that fails', () => {
    const { netlink, index } = createTestLink();
    const routes = Array.from({ length: 2000 }, (_, i) => ({
      destination: Uint8Array.of(10, 8 + (i >> 8), i & 0xff, 0),
      prefixLength: 24,
      interfaceIndex: i === 1000 ? 12345 : index,
      table: 51871,
    }));

    const errors = netlink.changeRoutes(routes.map((route) => ({ action: 'replace', route })));

    expect(errors).toHaveLength(2000);
    expect(errors.flatMap((error, i) => (error ? [[i, error.syscall, error.errno]] : []))).toEqual([
      [1000, 'RTM_NEWROUTE', 'ENODEV'],
    ]);
    expect(netlink.tableRoutes(51871)).toHaveLength(1999);
    const gone = netlink.changeRoutes(routes.map((route) => ({ action: 'delete', route })));
    expect(gone.flatMap((error) => error?.errno ?? [])).toEqual(['ESRCH']);
    expect(netlink.tableRoutes(51871)).toEqual([]);
  });

  test('reads the routes of one table', () => {
    const { netlink, index } = createTestLink();
    netlink.addRoute({ destination: ipv4(0), prefixLength: 24, interfaceIndex: index, table: 77 });
    netlink.addRoute({ destination: ipv6(0), prefixLength: 64, type: 'throw', table: 77 });
    netlink.addRoute({ destination: ipv4(0), prefixLength: 24, interfaceIndex: index, table: 78 });

    expect(netlink.tableRoutes(77)).toHaveLength(2);
    expect(netlink.tableRoutes(77)).toEqual(netlink.routes({ table: 77 }));
    expect(netlink.tableRoutes(79)).toEqual([]);
    expect(netlink.tableRoutes(254)).toEqual(netlink.routes({ table: 254 }));
    const lengths = netlink.tableRoutes(77, ({ type, prefixLength }) =>
      type === 'throw' ? undefined : prefixLength,
    );
    expect(lengths).toEqual([24]);
  });

  test('adds a rule with conditions, which `ip` lists', () => {
    const { namespace, netlink } = createTestLink();
    netlink.addRule({
      family: 4,
      table: 254,
      priority: 899,
      to: { address: ipv4(5), prefixLength: 32 },
      ipProtocol: 6,
      destinationPort: 6443,
      protocol: 2,
    });

    expect(ip(namespace, 'rule', 'show', 'pref', '899')).toMatchObject([
      { priority: 899, dst: '10.9.0.5', ipproto: 'tcp', dport: 6443, table: 'main' },
    ]);
    const [rule] = netlink.rules(4).filter(({ priority }) => priority === 899);
    expect(rule).toMatchObject({ ipProtocol: 6, destinationPort: 6443, protocol: 2 });
    netlink.deleteRule(rule);
    expect(netlink.rules(4).filter(({ priority }) => priority === 899)).toEqual([]);
  });

  test('sets the reverse path filter of a link, and how the link generates its IPv6 addresses', () => {
    const { namespace, netlink, index } = createTestLink();
    netlink.setLink(index, { reversePathFilter: 2, ipv6AddressGeneration: 'none' });

    namespace.run(() => {
      expect(readSysctl('net.ipv4.conf.test0.rp_filter')).toBe('2');
      expect(readSysctl('net.ipv6.conf.test0.addr_gen_mode')).toBe('1');
    });
    netlink.setLink(index, { reversePathFilter: 1, ipv6AddressGeneration: 'eui64' });
    namespace.run(() => expect(readSysctl('net.ipv4.conf.test0.rp_filter')).toBe('1'));
  });
});

/** Returns the JSON that `ip` of iproute2 prints in the namespace. */
function ip(namespace: NetworkNamespace, ...args: string[]): unknown {
  return JSON.parse(
    namespace.run(() => execFileSync('ip', ['-j', '-d', ...args], { encoding: 'utf8' })),
  );
}
