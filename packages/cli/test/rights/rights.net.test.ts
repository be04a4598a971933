/**
 * Tests the rights of running commands, as the kernel reports them for each thread, and what a
 * daemon with few rights can still do.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from 'node:fs';
import {
  capabilitySet,
  NetworkNamespace,
  Netlink,
  readRights,
  UnixListener,
  type Capability,
} from '@litz/sys';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DAEMON_CAPABILITIES } from '../daemon-capabilities.ts';
import { Host, removeSockets, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { inMounts, LITZ, OWN_MACHINE, realInterfaces, type LitzProcess } from '../litz-process.ts';

const root = requirement('root', () => process.geteuid?.() === 0 || 'this is not root');
const needed = [
  ...realInterfaces,
  root,
  programRequirement('setpriv'),
  programRequirement('unshare'),
  programRequirement('curl'),
];
const NAME = uniqueName('r');
const USER = '65534:65534';

let host: Host;

describeWith(needed, 'litz, which drops its rights', () => {
  beforeEach(() => {
    host = new Host();
  });
  afterEach(async () => {
    await host.close();
    removeSockets();
  });

  it('keeps few capabilities for a daemon of root, in all threads', async () => {
    const daemon = await startDaemon([]);
    const threads = threadsOf(daemon);
    expect(threads.length).toBeGreaterThan(6);
    for (const { rights, uids } of threads) {
      expect(uids).toEqual([0, 0, 0, 0]);
      expect(rights).toMatchObject({
        permitted: capabilitySet(DAEMON_CAPABILITIES),
        effective: capabilitySet(DAEMON_CAPABILITIES),
        bounding: capabilitySet(DAEMON_CAPABILITIES),
        ambient: 0n,
        noNewPrivileges: true,
      });
    }
    expect(textOf(daemon, 'limits')).toMatch(/^Max core file size +0 /m);
    expect(Number(/VmLck:\s+(\d+)/.exec(textOf(daemon, 'status'))?.[1])).toBeGreaterThan(0);
  });

  it('with --user, runs as an ordinary user, and keeps the same capabilities', async () => {
    const daemon = await startDaemon(['--user', USER], { wrapper: OWN_MACHINE });
    for (const { rights, uids, groups } of threadsOf(daemon)) {
      expect({ uids, groups }).toEqual({ uids: [65_534, 65_534, 65_534, 65_534], groups: [] });
      expect(rights).toMatchObject({
        permitted: capabilitySet(DAEMON_CAPABILITIES),
        bounding: capabilitySet(DAEMON_CAPABILITIES),
        noNewPrivileges: true,
      });
    }
    // The process is not dumpable, so its files in /proc belong to root.
    expect(statSync(`/proc/${daemon.pid}/maps`).uid).toBe(0);
    const folder = `/proc/${daemon.pid}/root/run/wireguard`;
    const { uid, gid, mode } = statSync(folder);
    expect([uid, gid, mode & 0o7777]).toEqual([0, 65_534, 0o1775]);
    expect(await daemon.end('SIGTERM')).toBe(0);
  });

  it.each([
    ['as root', [] as string[]],
    ['with --user', ['--user', USER]],
  ])(
    'keeps enough rights for a new mark, a port below 1024, and a moved interface: %s',
    async (_, flags) => {
      const daemon = await startDaemon(flags, { wrapper: OWN_MACHINE });
      const inside = ['nsenter', `--mount=/proc/${daemon.pid}/ns/mnt`] as const;
      const wg = (...words: string[]): Promise<string> =>
        host.run(inside[0], [inside[1], 'wg', ...words]);
      await host.run('ip', ['link', 'set', NAME, 'up']);
      await wg('set', NAME, 'listen-port', '443', 'fwmark', '0x10');
      await wg('set', NAME, 'listen-port', '53', 'fwmark', '0x20');
      expect(await udpSockets()).toMatch(/:53 .*fwmark:0x20/);

      const other = NetworkNamespace.create();
      const netlink = other.run(() => new Netlink());
      try {
        await host.run('ip', ['link', 'set', NAME, 'netns', `/proc/${process.pid}/fd/${other.fd}`]);
        // A moved interface is down, and the daemon closes its sockets.
        await vi.waitUntil(async () => !/:53 /.test(await udpSockets()), { timeout: 10_000 });
        netlink.setLink(netlink.linkByName(NAME)!.index, { up: true });
        await vi.waitUntil(async () => /:53 .*fwmark:0x20/.test(await udpSockets()), {
          timeout: 10_000,
        });
      } finally {
        netlink.close();
        other.close();
      }
      // The interface is deleted with its namespace, so the daemon ends.
      expect(await daemon.end()).toBe(0);
    },
  );

  it('also as the new process of an upgrade, drops its rights, and keeps the standard error of the old process', async () => {
    const path = host.write('stderr', []);
    const listener = new UnixListener(`${path}.sock`);
    const old = openSync(path, 'w');
    const child = spawn(process.execPath, [LITZ, '-f', NAME], {
      stdio: ['ignore', 'ignore', 'ignore', old],
      env: { ...process.env, LITZ_HAND_OVER: listener.path },
    });
    try {
      const channel = await vi.waitUntil(() => listener.accept(), { timeout: 20_000 });
      expect(channel.peer.pid).toBe(child.pid);
      expect(readRights(`/proc/${child.pid}/status`).permitted).toBe(
        capabilitySet(DAEMON_CAPABILITIES),
      );
      expect(readlinkSync(`/proc/${child.pid}/fd/3`)).toBe(path);
      channel.close();
    } finally {
      child.kill('SIGKILL');
      listener.close();
      closeSync(old);
    }
  });

  it.each([
    ['as root', [] as string[]],
    ['with --user', ['--user', USER]],
  ])('keeps rights and flags in an upgrade: %s', async (_, flags) => {
    const metrics = `/run/wireguard/${NAME}.metrics`;
    const all = [...flags, '--persist', '--metrics', `unix:${metrics}`];
    const daemon = await startDaemon(all, { wrapper: OWN_MACHINE });
    await daemon.says(/serves \/metrics/);
    const { rights, uids } = threadsOf(daemon)[0];
    const inside = (...words: string[]): Promise<string> =>
      host.run('nsenter', [`--mount=/proc/${daemon.pid}/ns/mnt`, ...words]);
    await inside(process.execPath, LITZ, 'upgrade', NAME);
    await daemon.says(/took .* over[^]*serves \/metrics/);
    const [, pid = ''] = /process (\d+) has /.exec(daemon.text) ?? [];
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      expect(readRights(`/proc/${pid}/status`)).toEqual(rights);
      expect(status).toContain(`Uid:\t${uids.join('\t')}\n`);
      const text = await host.run('nsenter', [
        `--mount=/proc/${pid}/ns/mnt`,
        'curl',
        '--silent',
        '--unix-socket',
        metrics,
        'http://localhost/metrics',
      ]);
      expect(text).toContain(`litz_up{interface="${NAME}"}`);
      expect(await host.run('ip', ['-d', 'link', 'show', NAME])).toContain('persist on');
      process.kill(Number(pid), 'SIGTERM');
      await vi.waitUntil(() => !existsSync(`/proc/${pid}`), { timeout: 10_000 });
      await expect(host.run('ip', ['link', 'show', NAME])).rejects.toThrow(/does not exist/);
    } finally {
      // The new process has the output streams of the first process, so the test would wait for it.
      if (existsSync(`/proc/${pid}`)) process.kill(Number(pid), 'SIGKILL');
    }
  });

  it('reaches a peer when it runs with --user', async () => {
    const [alice, bob] = [keyPair(), keyPair()];
    const daemon = await startDaemon(['--user', USER], { wrapper: OWN_MACHINE });
    const far = await startDaemon([], {}, `${NAME}b`);
    await configure(far, `${NAME}b`, [
      ...own(bob.privateKey, 7002),
      ...peer(alice.publicKey, 7001),
    ]);
    await configure(daemon, NAME, [...own(alice.privateKey, 7001), ...peer(bob.publicKey, 7002)]);
    const handshakes = (): Promise<string> =>
      host.run('wg', ['show', `${NAME}b`, 'latest-handshakes']);
    await vi.waitUntil(async () => /\t[1-9]\d+\n/.test(await handshakes()), { timeout: 10_000 });
    expect(host.hasLink(NAME)).toBe(true);
  });

  it('accepts --user in the background', async () => {
    const litz = host.litz(['--user', USER, NAME], { wrapper: OWN_MACHINE });
    expect(await litz.end()).toBe(0);
    expect(litz.text).toBe('');
    await host.run('ip', ['link', 'delete', NAME]);
  });

  it.each([
    [
      'no such user',
      ['--user', 'no-such-user', NAME],
      /^litz: --user "no-such-user": this machine has no such user; make one: useradd .*\n$/,
    ],
    [
      'no such group',
      ['--user', 'nobody:no-such-group', NAME],
      /^litz: --user "nobody:no-such-group": this machine has no such group; make one: .*\n$/,
    ],
  ])('says in one line what is wrong: %s', async (_, words, message) => {
    for (const flag of [[], ['-f']]) {
      const litz = host.litz([...flag, ...words], { wrapper: OWN_MACHINE });
      expect(await litz.end()).toBe(1);
      expect(litz.text).toMatch(message);
    }
    expect(host.hasLink(NAME)).toBe(false);
  });

  it.each([
    ['full', 'mount -t tmpfs -o nr_inodes=1 run /run', /ENOSPC; its file system is full .*\n$/],
    ['read-only', 'mount -t tmpfs -o ro run /run', /EROFS; expected a folder that .*\n$/],
  ])('leaves nothing behind when /run is %s', async (_, mount, message) => {
    for (const flags of [[], ['--user', USER]]) {
      const litz = host.litz(['-f', ...flags, NAME], { wrapper: inMounts(mount) });
      expect(await litz.end()).toBe(1);
      expect(litz.text).toMatch(message);
      expect(litz.text.match(/\n/g)).toHaveLength(1);
      expect(host.hasLink(NAME)).toBe(false);
    }
  });

  it('if a proxy is given --user, runs it as an ordinary user, which may serve a port below 1024', async () => {
    const file = host.write('proxy.conf', [
      '[Interface]',
      `PrivateKey = ${keyPair().privateKey}`,
      'Address = 10.5.0.1/24',
      '[Peer]',
      `PublicKey = ${keyPair().publicKey}`,
      'AllowedIPs = 10.5.0.2/32',
      'Endpoint = 127.0.0.1:9',
    ]);
    chmodSync(host.folder, 0o755);
    const refused = host.litz(['proxy', '--user', USER, file, '--socks5', '80']);
    expect(await refused.end()).toBe(1);
    expect(refused.text).toMatch(/EACCES/);
    chownSync(file, 65_534, 65_534);
    const proxy = host.litz(['proxy', '--user', USER, file, '--socks5', '80']);
    await proxy.says(/:80/);
    const kept = ['CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE'] as const;
    for (const { rights, uids } of threadsOf(proxy)) {
      expect(uids).toEqual([65_534, 65_534, 65_534, 65_534]);
      expect(rights).toMatchObject({ permitted: capabilitySet(kept), noNewPrivileges: true });
    }
    expect(await proxy.end('SIGTERM')).toBe(0);
  });

  it('keeps four capabilities for an agent', async () => {
    const node = `agent --registry file:${host.folder}/registry --node a --node-ip 192.0.2.1`;
    const folders = `--state-dir ${host.folder}/state --control-dir ${host.folder}/control`;
    const flags = `${node} --prefixes static:10.7.0.0/24 --interface ${NAME} ${folders}`;
    const agent = host.litz(flags.split(' '));
    await agent.says(/\n/);
    const kept = [
      'CAP_NET_ADMIN',
      'CAP_NET_BIND_SERVICE',
      'CAP_NET_RAW',
      'CAP_DAC_OVERRIDE',
    ] as const;
    for (const { rights } of threadsOf(agent)) {
      expect(rights).toMatchObject({ permitted: capabilitySet(kept), noNewPrivileges: true });
    }
    expect(await agent.end('SIGTERM')).toBe(0);
  });

  it('says in one line that only root may change the user', async () => {
    const drop = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const litz = host.litz(['-f', '--user', '1:1', NAME], { wrapper: drop });
    expect(await litz.end()).toBe(1);
    expect(litz.text).toMatch(
      /^litz: --user 1:1: this process may not change its user .*start litz as root.*\n$/,
    );
  });

  it('drops the rights of a tunnel without hooks, and keeps the rights of a tunnel with hooks', async () => {
    const plain = ['[Interface]', `PrivateKey = ${keyPair().privateKey}`, 'Address = 10.5.0.1/24'];
    const kept = [
      ...DAEMON_CAPABILITIES,
      'CAP_DAC_OVERRIDE',
      'CAP_CHOWN',
      'CAP_FOWNER',
    ] as Capability[];
    const few = host.litz(['up', host.write(`${NAME}.conf`, plain)]);
    await few.says(/Ctrl-C takes it down/);
    for (const { rights } of threadsOf(few)) {
      expect(rights).toMatchObject({ permitted: capabilitySet(kept), noNewPrivileges: true });
    }
    expect(await few.end('SIGTERM')).toBe(0);
    const hooked = host.write(`${NAME}.conf`, [
      ...plain,
      'PostDown = grep NoNewPrivs /proc/self/status',
    ]);
    const all = host.litz(['up', hooked]);
    await all.says(/Ctrl-C takes it down/);
    for (const { rights } of threadsOf(all)) expect(rights.noNewPrivileges).toBe(false);
    expect(textOf(all, 'limits')).toMatch(/^Max core file size +0 /m);
    expect(await all.end('SIGTERM')).toBe(0);
    expect(all.text).toMatch(/NoNewPrivs:\s*0/);
  });

  it('warns when a reload brings hooks after the rights were dropped', async () => {
    const plain = ['[Interface]', `PrivateKey = ${keyPair().privateKey}`];
    const litz = host.litz(['up', host.write(`${NAME}.conf`, plain)]);
    await litz.says(/Ctrl-C takes it down/);
    host.write(`${NAME}.conf`, [...plain, 'PostDown = true']);
    const reload = host.litz(['reload', NAME]);
    expect(await reload.end()).toBe(0);
    expect(reload.text).toMatch(/started without hooks and has dropped the rights/);
    expect(await litz.end('SIGTERM')).toBe(0);
  });
});

async function startDaemon(
  flags: readonly string[],
  options: { wrapper?: readonly string[] } = {},
  name = NAME,
): Promise<LitzProcess> {
  const litz = host.litz(['-f', ...flags, name], { env: { LOG_LEVEL: 'verbose' }, ...options });
  await litz.says(/serves /);
  return litz;
}

/**
 * Configures an interface with wg in the mount namespace of the daemon, and sets the interface up.
 */
async function configure({ pid }: LitzProcess, name: string, lines: string[]): Promise<void> {
  const file = host.write(`${name}.conf`, lines);
  await host.run('nsenter', [`--mount=/proc/${pid}/ns/mnt`, 'wg', 'setconf', name, file]);
  await host.run('ip', ['link', 'set', name, 'up']);
}

function own(privateKey: string, port: number): string[] {
  return ['[Interface]', `PrivateKey = ${privateKey}`, `ListenPort = ${port}`];
}

function peer(publicKey: string, port: number): string[] {
  const endpoint = `Endpoint = 127.0.0.1:${port}`;
  return [
    '[Peer]',
    `PublicKey = ${publicKey}`,
    'AllowedIPs = 0.0.0.0/0',
    endpoint,
    'PersistentKeepalive = 1',
  ];
}

interface Thread {
  readonly rights: ReturnType<typeof readRights>;
  /** The real, the effective and the saved user ID, and the user ID for file access. */
  readonly uids: number[];
  readonly groups: number[];
}

function threadsOf({ pid }: LitzProcess): Thread[] {
  return readdirSync(`/proc/${pid}/task`).map((id) => {
    const path = `/proc/${pid}/task/${id}/status`;
    const numbers = (name: string): number[] => {
      const [, text = ''] =
        new RegExp(`^${name}:\\t(.*)$`, 'm').exec(readFileSync(path, 'utf8')) ?? [];
      return text.split(/\s+/).filter(Boolean).map(Number);
    };
    return { rights: readRights(path), uids: numbers('Uid'), groups: numbers('Groups') };
  });
}

function textOf({ pid }: LitzProcess, file: string): string {
  return readFileSync(`/proc/${pid}/${file}`, 'utf8');
}

function udpSockets(): Promise<string> {
  return host.run('ss', ['-Hlune']);
}
