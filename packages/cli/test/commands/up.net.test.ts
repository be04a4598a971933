import { readSysctl, writeSysctl } from '@litz/sys';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeSockets, TwoHosts, uniqueName, type Host } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import {
  inMounts,
  realInterfaces,
  type LitzProcess,
  type ProcessOptions,
} from '../litz-process.ts';

const LEFT = uniqueName('a');
const RIGHT = uniqueName('b');
const OTHER = uniqueName('c');
const ALICE = keyPair();
const BOB = keyPair();

let hosts: TwoHosts;
let left: Host;
let right: Host;

function withHosts(): void {
  beforeEach(() => {
    hosts = new TwoHosts();
    ({ left, right } = hosts);
  });
  afterEach(async () => {
    await hosts.close();
    removeSockets();
  });
}

describeWith(realInterfaces, 'litz up', () => {
  withHosts();

  it('carries IPv4 and IPv6 packets, and wg shows the allowed IPs', async () => {
    await upRight();
    await upLeft(['AllowedIPs = 10.1.0.2/32, fd01::2/128']);
    expect(await left.ping('10.1.0.2')).toBe(3);
    expect(await right.ping('10.1.0.1')).toBe(3);
    expect(await left.ping('fd01::2')).toBe(3);
    expect(await left.ping('10.1.0.2', { size: 20_000 })).toBe(3);
    expect(await left.run('wg', ['show', LEFT, 'allowed-ips'])).toBe(
      `${BOB.publicKey}\t10.1.0.2/32 fd01::2/128\n`,
    );
  });

  it('prints each step, and the port', async () => {
    const tunnel = await upLeft(['AllowedIPs = 10.1.0.2/32, 10.44.0.0/16']);
    expect(tunnel.text.trim().split('\n')).toEqual([
      `${LEFT}: create interface ${LEFT}`,
      `${LEFT}: configure ${LEFT}: 1 peer`,
      `${LEFT}: add address 10.1.0.1/24`,
      `${LEFT}: add address fd01::1/64`,
      `${LEFT}: set ${LEFT} up, MTU 1420`,
      `${LEFT}: add route 10.44.0.0/16 through ${LEFT}`,
      `${LEFT}: up, listens on port 51820; Ctrl-C takes it down`,
    ]);
  });

  it.each<NodeJS.Signals>(['SIGINT', 'SIGTERM'])(
    'leaves nothing behind after %s',
    async (signal) => {
      const before = left.state();
      const tunnel = await upLeft(['AllowedIPs = 0.0.0.0/0, ::/0']);
      expect(left.state()).not.toEqual(before);
      expect(await tunnel.end(signal)).toBe(0);
      expect(left.state()).toEqual(before);
    },
  );

  it('ends and removes its rules when another program deletes the interface', async () => {
    const before = left.state();
    const tunnel = await upLeft(['AllowedIPs = 0.0.0.0/0']);
    await left.run('ip', ['link', 'delete', LEFT]);
    expect(await tunnel.end()).toBe(0);
    expect(left.state()).toEqual(before);
  });

  it('removes its rules when an exception ends the process', async () => {
    const before = left.state();
    const mistake = left.write('mistake.mjs', ["process.on('SIGUSR2', () => { throw 1; });"]);
    const tunnel = await upLeft(['AllowedIPs = 0.0.0.0/0'], [], {
      env: { NODE_OPTIONS: `--import=${mistake}` },
    });
    expect(await tunnel.end('SIGUSR2')).toBe(1);
    expect(left.state()).toEqual(before);
  });

  it('starts again after SIGKILL', async () => {
    const killed = await upLeft(['AllowedIPs = 0.0.0.0/0']);
    await killed.end('SIGKILL');
    await upRight();
    await upLeft(['AllowedIPs = 0.0.0.0/0']);
    expect(await left.ping('10.1.0.2')).toBe(3);
  });
});

describeWith(realInterfaces, 'litz up with a default route', () => {
  withHosts();

  /** Only the default route leads to the endpoint, and the tunnel replaces that route. */
  beforeEach(async () => {
    for (const address of ['198.51.100.2/32', '203.0.113.9/32', '2001:db8:9::9/128']) {
      await right.run('ip', ['address', 'add', address, 'dev', 'lo']);
    }
    await left.run('ip', ['route', 'add', 'default', 'via', '10.9.0.2']);
    await upRight();
  });

  const FAR = ['Endpoint = 198.51.100.2:51820', 'AllowedIPs = 0.0.0.0/0, ::/0'];

  it('routes everything except its own datagrams into the tunnel', async () => {
    await upLeft(FAR);
    expect(await left.ping('203.0.113.9')).toBe(3);
    expect(await left.ping('2001:db8:9::9')).toBe(3);
    expect(await left.ping('198.51.100.2')).toBe(3);
    const [, received, sent] = (await left.run('wg', ['show', LEFT, 'transfer'])).split('\t');
    // Nine pings of 128 bytes and a handshake were sent. In a loop, there would be thousands of
    // datagrams.
    expect(Number(received)).toBeGreaterThan(9 * 128);
    expect(Number(sent)).toBeLessThan(2500);
  });

  it('does not route the local network into the tunnel', async () => {
    await upLeft(FAR);
    expect(await left.ping('10.9.0.2')).toBe(3);
    expect(await left.ping('fd09::2')).toBe(3);
    expect(await left.run('wg', ['show', LEFT, 'transfer'])).toBe(`${BOB.publicKey}\t0\t0\n`);
  });

  it('adds the same rules as wg-quick, and its mark is the number of the table', async () => {
    await upLeft(FAR);
    expect(await left.run('wg', ['show', LEFT, 'fwmark'])).toBe('0xca6c\n');
    expect(left.rules()).toEqual(
      expect.arrayContaining([
        'IPv4 32764 all lookup 254 suppress 0',
        'IPv4 32765 not mark 51820 lookup 51820',
        'IPv6 32764 all lookup 254 suppress 0',
        'IPv6 32765 not mark 51820 lookup 51820',
      ]),
    );
    expect(left.routes()).toEqual(
      expect.arrayContaining([`0.0.0.0/0 ${LEFT} table 51820`, `::/0 ${LEFT} table 51820`]),
    );
  });

  it('uses the mark of the file', async () => {
    await upLeft(FAR, ['FwMark = 0x77']);
    expect(left.routes()).toContain(`0.0.0.0/0 ${LEFT} table 119`);
    expect(await left.ping('203.0.113.9')).toBe(3);
  });

  it('works with a strict reverse path filter, and makes the filter strict again at the end', async () => {
    const filter = 'net.ipv4.conf.wan.rp_filter';
    left.namespace.run(() => writeSysctl(filter, 1));
    const tunnel = await upLeft(FAR);
    expect(await left.ping('203.0.113.9')).toBe(3);
    expect(left.namespace.run(() => readSysctl(filter))).toBe('2');
    expect(await tunnel.end('SIGTERM')).toBe(0);
    expect(left.namespace.run(() => readSysctl(filter))).toBe('1');
  });

  it('keeps a filter loose while another tunnel needs it, and restores everything at the end', async () => {
    const filter = 'net.ipv4.conf.wan.rp_filter';
    const value = (): string => left.namespace.run(() => readSysctl(filter));
    left.namespace.run(() => writeSysctl(filter, 1));
    const before = left.state();
    const other = left.write(`${OTHER}.conf`, [
      '[Interface]',
      `PrivateKey = ${keyPair().privateKey}`,
      '[Peer]',
      `PublicKey = ${BOB.publicKey}`,
      'Endpoint = 198.51.100.2:51821',
      'AllowedIPs = 0.0.0.0/0',
    ]);
    const first = await upLeft(FAR);
    const second = left.litz(['up', other]);
    await second.says(/: up,/);
    expect(await first.end('SIGTERM')).toBe(0);
    expect(value()).toBe('2');
    expect(await second.end('SIGTERM')).toBe(0);
    expect(value()).toBe('1');
    expect(left.state()).toEqual(before);
  });

  it('removes at its next start what a killed litz up has left', async () => {
    const filter = 'net.ipv4.conf.wan.rp_filter';
    left.namespace.run(() => writeSysctl(filter, 1));
    const before = left.state();
    await (await upLeft(FAR)).end('SIGKILL');
    expect(left.rules()).toContain('IPv6 32765 not mark 51820 lookup 51820');
    const tunnel = await upLeft(FAR);
    expect(await left.ping('203.0.113.9')).toBe(3);
    expect(await tunnel.end('SIGTERM')).toBe(0);
    expect(left.state()).toEqual(before);
    expect(left.namespace.run(() => readSysctl(filter))).toBe('1');
  });

  it('restores a filter that a killed litz up left loose, even if the new tunnel needs no loose filter', async () => {
    const filter = 'net.ipv4.conf.wan.rp_filter';
    const value = (): string => left.namespace.run(() => readSysctl(filter));
    left.namespace.run(() => writeSysctl(filter, 1));
    await (await upLeft(FAR)).end('SIGKILL');
    expect(value()).toBe('2');
    const tunnel = await upLeft(['Endpoint = 198.51.100.2:51820', 'AllowedIPs = 203.0.113.9/32']);
    expect(value()).toBe('1');
    expect(await tunnel.end('SIGTERM')).toBe(0);
    expect(value()).toBe('1');
  });

  it('keeps the rules of another program, even if they are like its own', async () => {
    const theirs = 'not fwmark 51820 table 51820 priority 100'.split(' ');
    for (const family of ['-4', '-6']) await left.run('ip', [family, 'rule', 'add', ...theirs]);
    const before = left.state();
    const tunnel = await upLeft(FAR);
    expect(left.rules()).toContain('IPv4 100 not mark 51820 lookup 51820');
    expect(await tunnel.end('SIGTERM')).toBe(0);
    expect(left.state()).toEqual(before);
  });

  it('routes the endpoint outside the tunnel also if AllowedIPs has the two halves of the address space', async () => {
    await upLeft(['Endpoint = 198.51.100.2:51820', 'AllowedIPs = 0.0.0.0/1, 128.0.0.0/1']);
    expect(await left.ping('203.0.113.9')).toBe(3);
    expect(left.routes()).toContain(`128.0.0.0/1 ${LEFT} table 51820`);
    expect(left.routes()).toContain(`0.0.0.0/1 ${LEFT} table 254`);
  });

  it('also routes an IPv6 endpoint outside the tunnel', async () => {
    await right.run('ip', ['address', 'add', '2001:db8:5::2/128', 'dev', 'lo']);
    await left.run('ip', ['route', 'add', 'default', 'via', 'fd09::2']);
    await upLeft(['Endpoint = [2001:db8:5::2]:51820', 'AllowedIPs = 0.0.0.0/0, ::/0']);
    expect(await left.ping('2001:db8:9::9')).toBe(3);
    expect(await left.ping('203.0.113.9')).toBe(3);
  });

  it('adds no rules, and no routes to AllowedIPs, if the file has Table = off', async () => {
    const before = [left.rules(), left.routes()];
    await upLeft(FAR, ['Table = off']);
    const withoutOwn = left.routes().filter((route) => !route.startsWith('10.1.0.0/24'));
    expect([left.rules(), withoutOwn.filter((route) => !route.startsWith('fd01::/64'))]).toEqual(
      before,
    );
  });

  it('adds routes to the table that the file names, and no rules', async () => {
    const rules = left.rules();
    const tunnel = await upLeft(FAR, ['Table = 123']);
    expect(left.rules()).toEqual(rules);
    expect(left.routes().filter((route) => route.endsWith('table 123'))).toEqual([
      `0.0.0.0/0 ${LEFT} table 123`,
      `::/0 ${LEFT} table 123`,
    ]);
    await left.run('ip', ['rule', 'add', 'to', '203.0.113.9', 'lookup', '123']);
    expect(await left.ping('203.0.113.9')).toBe(3);
    expect(await tunnel.end('SIGTERM')).toBe(0);
    expect(left.routes().some((route) => route.endsWith('table 123'))).toBe(false);
  });
});

describeWith(
  [...realInterfaces, programRequirement('unshare')],
  'litz up, in namespaces of its own,',
  () => {
    withHosts();

    it('resolves the name of an endpoint', async () => {
      await upRight();
      const names = left.write('hosts', ['10.9.0.2 office.example']);
      await upLeft(['Endpoint = office.example:51820', 'AllowedIPs = 10.1.0.2/32'], [], {
        wrapper: withFile(names, '/etc/hosts'),
      });
      expect(await left.run('wg', ['show', LEFT, 'endpoints'])).toContain('10.9.0.2:51820');
      expect(await left.ping('10.1.0.2')).toBe(3);
    });

    it.each([
      ['of the link to the endpoint', ['link', 'set', 'wan', 'mtu', '9000'], 8920],
      [
        'of the route, if it has one',
        ['route', 'add', '10.9.0.2', 'dev', 'wan', 'mtu', '1400'],
        1320,
      ],
    ])('sets its MTU to 80 less than the MTU %s', async (_, words, mtu) => {
      await left.run('ip', words);
      await upLeft(['AllowedIPs = 10.1.0.2/32']);
      expect(left.netlink.linkByName(LEFT)?.mtu).toBe(mtu);
    });

    it('uses the MTU of the file', async () => {
      await upLeft(['AllowedIPs = 10.1.0.2/32'], ['MTU = 1333']);
      expect(left.netlink.linkByName(LEFT)?.mtu).toBe(1333);
    });

    it('finds /etc/wireguard/NAME.conf by its name', async () => {
      left.write(`${LEFT}.conf`, ['[Interface]', `PrivateKey = ${ALICE.privateKey}`]);
      const wrapper = withFile(left.folder, '/etc/wireguard');
      const tunnel = left.litz(['up', LEFT], { wrapper });
      await tunnel.says(/: up,/);
      expect(left.netlink.linkByName(LEFT)).toMatchObject({ up: true });
    });

    it('needs only CAP_NET_ADMIN, and also works if it cannot make the UAPI socket', async () => {
      await upRight();
      const caps = ['--bounding-set=-all,+net_admin', '--inh-caps=-all,+net_admin'];
      const tunnel = await upLeft(['AllowedIPs = 0.0.0.0/0'], [], {
        wrapper: [...inMounts('mount -t tmpfs -o ro none /var/run/wireguard'), 'setpriv', ...caps],
      });
      expect(tunnel.text).toMatch(/there is no socket for wg: cannot serve .*EROFS/);
      expect(await left.ping('10.1.0.2')).toBe(3);
    });
  },
);

/**
 * Brings up Alice's tunnel, with the lines `peer` for her peer Bob. His endpoint is added if no
 * line has an endpoint.
 */
async function upLeft(
  peer: readonly string[],
  interfaceLines: readonly string[] = [],
  options: ProcessOptions = {},
): Promise<LitzProcess> {
  const hasEndpoint = peer.some((line) => line.startsWith('Endpoint'));
  const file = left.write(`${LEFT}.conf`, [
    '[Interface]',
    `PrivateKey = ${ALICE.privateKey}`,
    'ListenPort = 51820',
    'Address = 10.1.0.1/24, fd01::1/64',
    ...interfaceLines,
    '[Peer]',
    `PublicKey = ${BOB.publicKey}`,
    ...(hasEndpoint ? [] : ['Endpoint = 10.9.0.2:51820']),
    ...peer,
  ]);
  const tunnel = left.litz(['up', file], options);
  await tunnel.says(/: up,/);
  return tunnel;
}

/** Brings up Bob. He knows no endpoint of Alice, so he waits for her handshake. */
async function upRight(): Promise<LitzProcess> {
  const file = right.write(`${RIGHT}.conf`, [
    '[Interface]',
    `PrivateKey = ${BOB.privateKey}`,
    'ListenPort = 51820',
    'Address = 10.1.0.2/24, fd01::2/64',
    '[Peer]',
    `PublicKey = ${ALICE.publicKey}`,
    'AllowedIPs = 10.1.0.1/32, fd01::1/128',
  ]);
  const tunnel = right.litz(['up', file]);
  await tunnel.says(/: up,/);
  return tunnel;
}

/** Returns a wrapper that replaces a file or folder for one process. */
function withFile(source: string, target: string): string[] {
  return inMounts(`mount --bind ${source} ${target}`);
}
