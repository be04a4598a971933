import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { Netlink, NetworkNamespace, waitUntilRunning } from '@litz/sys';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Host, removeSockets, TwoHosts, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { inMounts, realInterfaces, type LitzProcess } from '../litz-process.ts';

const NAME = uniqueName('d');
const SOCKET = `/var/run/wireguard/${NAME}.sock`;

let host: Host;

function withHost(): void {
  beforeEach(() => {
    host = new Host();
  });
  afterEach(async () => {
    await host.close();
    removeSockets();
  });
}

describeWith(realInterfaces, 'litz -f IFNAME, configured by wg', () => {
  withHost();

  it('makes the interface like wireguard-go: down, MTU 1420, no address, no keys', async () => {
    await startDaemon();
    expect(host.netlink.linkByName(NAME)).toMatchObject({ up: false, mtu: 1420, kind: 'tun' });
    expect(host.addresses(NAME)).toEqual([]);
    expect(await wg('show', NAME, 'dump')).toBe('(none)\t(none)\t0\toff\n');
  });

  it('starts its warm-up before there are packets', async () => {
    const daemon = host.litz(['-f', NAME], { nodeOptions: ['--trace-opt'] });
    // The warm-up opens and closes sockets: two sockets that stand for TUNs, and one or two UDP
    // sockets for each of these two. So it is over when at least four sockets were closed.
    let most = 0;
    const isOver = (): boolean => {
      const sockets = socketsOf(daemon.pid);
      most = Math.max(most, sockets);
      return sockets <= most - 4;
    };
    await vi.waitUntil(isOver, { timeout: 20_000, interval: 5 });
    // V8 buffers its output until the process ends.
    expect(await daemon.end('SIGTERM')).toBe(0);
    expect(daemon.text).toMatch(/^\[completed compiling .*\(target TURBOFAN/m);
  });

  it('applies wg set, and wg shows the new configuration', async () => {
    await startDaemon();
    const key = host.write('key', [ALICE.privateKey]);
    const psk = host.write('psk', [PSK]);
    await wg('set', NAME, 'private-key', key, 'listen-port', '51820', 'fwmark', '0x10');
    const peer = ['peer', BOB.publicKey, 'preshared-key', psk, 'endpoint', '192.0.2.7:7'];
    await wg('set', NAME, ...peer, 'allowed-ips', '10.0.0.2/32,fd00::/64');
    expect(await dump()).toEqual([
      [ALICE.privateKey, ALICE.publicKey, '51820', '0x10'],
      [BOB.publicKey, PSK, '192.0.2.7:7', '10.0.0.2/32,fd00::/64', '0', '0', '0', 'off'],
    ]);
    await wg('set', NAME, 'fwmark', '0', 'peer', BOB.publicKey, 'remove');
    expect(await dump()).toEqual([[ALICE.privateKey, ALICE.publicKey, '51820', 'off']]);
  });

  it('applies a whole file with wg setconf, adds peers with wg addconf, and removes the peers that the file of wg syncconf does not have', async () => {
    await startDaemon();
    const first = [...INTERFACE, ...peerLines(BOB.publicKey, '10.0.0.2/32')];
    const second = [...INTERFACE, ...peerLines(CAROL.publicKey, '10.0.0.3/32')];
    await wg('setconf', NAME, host.write('a.conf', first));
    expect((await wg('showconf', NAME)).trim().split('\n')).toEqual(first);
    await wg('addconf', NAME, host.write('b.conf', second));
    expect((await wg('show', NAME, 'peers')).trim().split('\n').toSorted()).toEqual(
      [BOB.publicKey, CAROL.publicKey].toSorted(),
    );
    await wg('syncconf', NAME, host.write('c.conf', second));
    expect(await wg('show', NAME, 'peers')).toBe(`${CAROL.publicKey}\n`);
  });

  it('keeps the session of a peer that wg syncconf does not change', async () => {
    const hosts = new TwoHosts();
    try {
      const { left, other } = await twoDaemons(hosts);
      expect(await hosts.left.ping('10.1.0.2')).toBe(3);
      const before = await wg('show', NAME, 'latest-handshakes');
      const lines = [...INTERFACE, ...peerLines(BOB.publicKey, '10.1.0.2/32')];
      await wg('syncconf', NAME, hosts.left.write('same.conf', lines));
      expect(await hosts.left.ping('10.1.0.2')).toBe(3);
      expect(await wg('show', NAME, 'latest-handshakes')).toBe(before);
      expect(await left.end('SIGTERM')).toBe(0);
      expect(await other.end('SIGTERM')).toBe(0);
    } finally {
      await hosts.close();
    }
  });

  it('refuses an impossible request, and wg prints why', async () => {
    await startDaemon();
    await host.run('ip', ['link', 'set', NAME, 'up']);
    const other = uniqueName('e');
    const second = host.litz(['-f', other], VERBOSE);
    await second.says(/serves/);
    await host.run('ip', ['link', 'set', other, 'up']);
    await second.says(/listens on port (\d+)/);
    const port = /listens on port (\d+)/.exec(second.text)?.[1] ?? '';
    await expect(wg('set', NAME, 'listen-port', port)).rejects.toThrow(/Address already in use/);
  });
});

describeWith(realInterfaces, 'the end of litz -f IFNAME', () => {
  withHost();

  it.each<NodeJS.Signals>(['SIGTERM', 'SIGINT', 'SIGHUP'])(
    'by %s removes socket and interface',
    async (signal) => {
      const daemon = await startDaemon();
      expect(lstatSync(SOCKET).mode & 0o777).toBe(0o700);
      expect(await daemon.end(signal)).toBe(0);
      expect(existsSync(SOCKET)).toBe(false);
      expect(host.hasLink(NAME)).toBe(false);
    },
  );

  it('comes when another program deletes the interface', async () => {
    const daemon = await startDaemon();
    await host.run('ip', ['link', 'delete', NAME]);
    expect(await daemon.end()).toBe(0);
    expect(existsSync(SOCKET)).toBe(false);
  });

  it('comes when the interface was moved to another namespace and that namespace is deleted', async () => {
    const daemon = await startDaemon();
    const elsewhere = NetworkNamespace.create();
    host.netlink.createVeth('near', 'far', { peerNetns: elsewhere.fd });
    const { index } = host.netlink.linkByName(NAME)!;
    host.netlink.setLink(index, { netns: elsewhere.fd });
    elsewhere.run(() => {
      const netlink = new Netlink();
      netlink.setLink(netlink.linkByName(NAME)!.index, { up: true });
      netlink.close();
    });
    await daemon.says(/link up/);
    elsewhere.close();
    expect(await daemon.end()).toBe(0);
    expect(existsSync(SOCKET)).toBe(false);
    await vi.waitUntil(() => !host.hasLink('near'));
  });

  it('comes when another program removes the socket', async () => {
    const daemon = await startDaemon();
    rmSync(SOCKET);
    expect(await daemon.end()).toBe(0);
    expect(host.hasLink(NAME)).toBe(false);
  });

  it('leaves a dead socket after SIGKILL, and the next daemon replaces the socket', async () => {
    const daemon = await startDaemon();
    expect(await daemon.end('SIGKILL')).toBe('SIGKILL');
    expect(existsSync(SOCKET)).toBe(true);
    expect(host.hasLink(NAME)).toBe(false);
    await startDaemon();
    expect(await wg('show', NAME, 'listen-port')).toBe('0\n');
  });
});

describeWith(realInterfaces, 'litz IFNAME that cannot start', () => {
  withHost();

  it('reports that the name is in use, and does not touch the first daemon', async () => {
    await startDaemon();
    const second = host.litz(['-f', NAME]);
    expect(await second.end()).toBe(1);
    expect(second.text).toMatch(new RegExp(`^litz: .*${NAME}.*EBUSY`));
    expect(await wg('show', NAME, 'listen-port')).toBe('0\n');
  });

  it('reports that the socket is in use if the other daemon is in another namespace', async () => {
    await startDaemon();
    const elsewhere = new Host();
    try {
      const second = elsewhere.litz(['-f', NAME]);
      expect(await second.end()).toBe(1);
      expect(second.text).toBe(`litz: cannot serve ${SOCKET}: another program serves it\n`);
      expect(elsewhere.hasLink(NAME)).toBe(false);
      expect(await wg('show', NAME, 'listen-port')).toBe('0\n');
    } finally {
      await elsewhere.close();
    }
  });

  it('also in the background, reports that the interface exists, and exits with 1', async () => {
    await startDaemon();
    const second = host.litz([NAME]);
    expect(await second.end()).toBe(1);
    expect(second.text).toMatch(/EBUSY/);
  });

  it('refuses inherited descriptors, because they may belong to another interface', async () => {
    const daemon = host.litz(['-f', NAME], { env: { WG_TUN_FD: '3' } });
    expect(await daemon.end()).toBe(1);
    expect(daemon.text).toContain('WG_TUN_FD');
    expect(host.hasLink(NAME)).toBe(false);
  });
});

describeWith(realInterfaces, 'litz without a /run to write to', () => {
  withHost();

  it.each([
    ['read-only', 'mount -t tmpfs -o ro none /run', 'EROFS'],
    [
      'missing',
      'mount -t tmpfs none /run && mkdir /run/v && ln -s ../none /run/v/run && mount --bind /run/v /var',
      'ENOENT',
    ],
  ])('reports in one line what to do if /run is %s', async (_, script, code) => {
    const daemon = host.litz(['-f', NAME], { wrapper: inMounts(script) });
    expect(await daemon.end()).toBe(1);
    const lines = daemon.text.trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`cannot serve ${SOCKET}: cannot create a file in`);
    expect(lines[0]).toContain(`${code}; expected a folder that this user can write to`);
    expect(host.hasLink(NAME)).toBe(false);
  });
});

describeWith([...realInterfaces, programRequirement('setpriv')], 'litz', () => {
  withHost();

  const asUser = 'setpriv --reuid 12345 --regid 12345 --clear-groups';

  it.each([
    [
      'that another user has made',
      `${asUser} mkdir -m 755 /run/wireguard`,
      /belongs to user 12345, who/,
    ],
    ['that all users may write to', 'mkdir -m 1777 /run/wireguard', /has mode 1777: /],
    ['that its group may write to', 'mkdir -m 775 /run/wireguard', /has mode 0775: .*chmod go-w/],
    ['that is a link', `mkdir /run/x && ${asUser} ln -s x /run/wireguard`, /symbolic link/],
  ])(
    'does not serve in a /run/wireguard %s, reports this in one line, and makes no interface',
    async (_, make, what) => {
      const script = `mount -t tmpfs -o mode=1777 tmpfs /run && ${make}`;
      const daemon = host.litz(['-f', NAME], { wrapper: inMounts(script) });
      expect(await daemon.end()).toBe(1);
      const lines = daemon.text.trim().split('\n');
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(`cannot serve ${SOCKET}: /var/run/wireguard `);
      expect(lines[0]).toMatch(what);
      expect(host.hasLink(NAME)).toBe(false);
    },
  );

  it('if all users may write to /run, makes a /run/wireguard to which only root may write', async () => {
    const script = 'mount -t tmpfs -o mode=1777 tmpfs /run && umask 000';
    const daemon = host.litz(['-f', NAME], {
      wrapper: inMounts(script),
      env: { LOG_LEVEL: 'verbose' },
    });
    await daemon.says(/serves /);
    const { mode, uid } = lstatSync(`/proc/${daemon.pid}/root/run/wireguard`);
    expect([(mode & 0o7777).toString(8), uid]).toEqual(['755', 0]);
    expect(await daemon.end('SIGTERM')).toBe(0);
  });
});

describeWith(realInterfaces, 'litz where /dev/net/tun is something else', () => {
  withHost();

  const FOLDER = 'mount -t tmpfs none /dev/net';
  it.each([
    ['a plain file', `${FOLDER} && touch /dev/net/tun`, 'it is a plain file instead of a device'],
    ['a folder', `${FOLDER} && mkdir /dev/net/tun`, 'it is a directory instead of a device'],
    ['a pipe', `${FOLDER} && mkfifo /dev/net/tun`, 'it is a pipe instead of a device'],
    [
      'another device',
      `${FOLDER} && mknod /dev/net/tun c 1 3`,
      'it is another device (c 1 3): remove it',
    ],
    [
      'a device on a mount that allows no devices',
      `${FOLDER} -o nodev && mknod -m 0666 /dev/net/tun c 10 200`,
      'the mount at /dev/net allows no devices (nodev)',
    ],
  ])('reports what it found and what to do: %s', async (_, script, what) => {
    const daemon = host.litz(['-f', NAME], { wrapper: inMounts(script) });
    expect(await daemon.end()).toBe(1);
    const lines = daemon.text.trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('/dev/net/tun');
    expect(lines[0]).toContain(what);
    expect(lines[0]).toContain('a container needs --cap-add NET_ADMIN --device /dev/net/tun; on a');
    expect(existsSync(SOCKET)).toBe(false);
  });
});

describeWith([...realInterfaces, programRequirement('setpriv')], 'litz without privilege', () => {
  withHost();

  it.each([
    ['in the foreground', ['-f', NAME]],
    ['in the background', [NAME]],
  ])('reports which capability is missing, %s', async (_, words) => {
    const daemon = host.litz(words, {
      wrapper: ['setpriv', '--bounding-set=-all', '--inh-caps=-all'],
    });
    expect(await daemon.end()).toBe(1);
    expect(daemon.text).toMatch(/^litz: .*EPERM/s);
    expect(daemon.text.match(/CAP_NET_ADMIN/g)?.length).toBeGreaterThan(0);
    expect(existsSync(SOCKET)).toBe(false);
  });
});

describeWith(realInterfaces, 'litz IFNAME in the background', () => {
  withHost();

  it('returns when the socket answers, and the daemon continues as the leader of its own process session', async () => {
    const start = host.litz([NAME]);
    expect(await start.end()).toBe(0);
    // A script may use the socket in its next line:
    expect(await wg('show', NAME, 'listen-port')).toBe('0\n');
    const pid = await pidOf(NAME);
    try {
      expect(sessionOf(pid)).toBe(pid);
      await host.run('ip', ['link', 'set', NAME, 'up']);
      await expect.poll(() => wg('show', NAME, 'listen-port')).not.toBe('0\n');
    } finally {
      process.kill(pid, 'SIGTERM');
    }
    await expect.poll(() => [existsSync(SOCKET), host.hasLink(NAME)]).toEqual([false, false]);
  });

  it('puts a free number in place of %d', async () => {
    const pattern = `${uniqueName('n')}%d`;
    const daemon = host.litz(['-f', pattern], VERBOSE);
    await daemon.says(/serves/);
    expect(host.hasLink(pattern.replace('%d', '0'))).toBe(true);
  });
});

/** Starts a daemon and waits until its socket exists. */
async function startDaemon(): Promise<LitzProcess> {
  const daemon = host.litz(['-f', NAME], VERBOSE);
  await daemon.says(/serves/);
  return daemon;
}

/** Connects Alice (left) and Bob (right) by a tunnel. Only Alice knows the endpoint of her peer. */
async function twoDaemons(hosts: TwoHosts): Promise<{ left: LitzProcess; other: LitzProcess }> {
  const other = uniqueName('e');
  const processes = {
    left: hosts.left.litz(['-f', NAME], VERBOSE),
    other: hosts.right.litz(['-f', other], VERBOSE),
  };
  await Promise.all([processes.left.says(/serves/), processes.other.says(/serves/)]);
  const left = [...INTERFACE, ...peerLines(BOB.publicKey, '10.1.0.2/32')];
  const right = ['[Interface]', 'ListenPort = 51820', `PrivateKey = ${BOB.privateKey}`];
  right.push('', '[Peer]', `PublicKey = ${ALICE.publicKey}`, 'AllowedIPs = 10.1.0.1/32');
  await wg('setconf', NAME, hosts.left.write('left.conf', left));
  await wg('setconf', other, hosts.right.write('right.conf', right));
  for (const [host, name, address] of [
    [hosts.left, NAME, '10.1.0.1/24'],
    [hosts.right, other, '10.1.0.2/24'],
  ] as const) {
    await host.run('ip', ['address', 'add', address, 'dev', name]);
    await host.run('ip', ['link', 'set', name, 'up']);
    host.namespace.run(() => waitUntilRunning(host.netlink.linkByName(name)!.index));
  }
  await Promise.all([processes.left.says(/link up/), processes.other.says(/link up/)]);
  return processes;
}

function peerLines(publicKey: string, allowedIps: string): string[] {
  const endpoint = 'Endpoint = 10.9.0.2:51820';
  return ['', '[Peer]', `PublicKey = ${publicKey}`, `AllowedIPs = ${allowedIps}`, endpoint];
}

async function dump(): Promise<string[][]> {
  const lines = (await wg('show', NAME, 'dump')).trim().split('\n');
  return lines.map((line) => line.split('\t'));
}

/**
 * Runs wg in the namespace of `host`, and returns its output. wg finds the sockets of all daemons,
 * because all network namespaces share the file system.
 */
function wg(...words: string[]): Promise<string> {
  return host.run('wg', words);
}

/** Returns the process ID of the daemon that serves the interface. */
async function pidOf(name: string): Promise<number> {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const words = read(`/proc/${entry}/cmdline`).split('\0');
    if (words.includes('-f') && words.includes(name)) return Number(entry);
  }
  throw new Error(`no process serves ${name}`);
}

/** Returns how many sockets the process has open. */
function socketsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:');
    } catch {
      // The descriptor was closed meanwhile.
      return false;
    }
  }).length;
}

/**
 * Returns the ID of the session to which a process belongs: field 6 of /proc/PID/stat. Field 2, the
 * name, may contain spaces, so the fields are counted from its end.
 */
function sessionOf(pid: number): number {
  return Number(
    read(`/proc/${pid}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ')[3],
  );
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // The process has ended meanwhile.
    return '';
  }
}

const VERBOSE = { env: { LOG_LEVEL: 'verbose' } };
const ALICE = keyPair();
const BOB = keyPair();
const CAROL = keyPair();
const PSK = Buffer.alloc(32, 7).toString('base64');
const INTERFACE = ['[Interface]', 'ListenPort = 51820', `PrivateKey = ${ALICE.privateKey}`];
