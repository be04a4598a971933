/**
 * Tests the units for systemd with a real systemd.
 */
import { readdirSync } from 'node:fs';
import { capabilitySet, readRights } from '@litz/sys';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Host } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { realInterfaces } from '../litz-process.ts';
import { Systemd, systemdProgram } from './systemd.ts';

const root = requirement('root', () => process.geteuid?.() === 0 || 'this is not root');
const cgroups = requirement('cgroup2', () => {
  // A new mount shows whether the kernel has cgroup2.
  return (
    programRequirement('unshare', ['-m', 'mount', '-t', 'cgroup2', 'c', '/mnt']).missing() ?? true
  );
});
const required = [
  ...realInterfaces,
  root,
  cgroups,
  systemdProgram,
  programRequirement('wireguard'),
];

let host: Host;
let systemd: Systemd;

describeWith(required, 'a systemd unit of litz', () => {
  beforeEach(async () => {
    host = new Host();
    systemd = await Systemd.start(host);
  });
  afterEach(async () => {
    await systemd.stop();
    await host.close();
  });

  it('counts as started when the socket answers, and has few rights in all threads', async () => {
    await systemd.control('start', 'litz@wg0');
    expect(await systemd.run('wg', 'show', 'wg0', 'dump')).toBe('(none)\t(none)\t0\toff\n');
    expect(await systemd.property('litz@wg0', 'StatusText')).toBe('serves wg0');
    const pid = await systemd.property('litz@wg0', 'MainPID');
    const status = await systemd.run('cat', `/proc/${pid}/status`);
    expect(status).toMatch(/^Uid:\t961\t961\t961\t961$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    const [, outer = ''] = /^NSpid:\t(\d+)/m.exec(status) ?? [];
    expect(outer).toBe(pid);
    const folder = `/proc/${await outerPidOf(pid)}/task`;
    const kept = capabilitySet(['CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE', 'CAP_NET_BROADCAST']);
    const ids = readdirSync(folder);
    expect(ids.length).toBeGreaterThan(6);
    for (const id of ids) {
      expect(readRights(`${folder}/${id}/status`)).toMatchObject({
        permitted: kept,
        bounding: kept,
        noNewPrivileges: true,
      });
    }
  });

  it('works in its sandbox: root configures it with wg, and it uses a port below 1024, sets a mark, and reaches a peer', async () => {
    const [alice, bob] = [keyPair(), keyPair()];
    await systemd.control('start', 'litz@wg0', 'litz@wg1');
    for (const [name, own, peer, port] of [
      ['wg0', alice, bob, 443],
      ['wg1', bob, alice, 444],
    ] as const) {
      const file = systemd.write(`${name}.conf`, [
        '[Interface]',
        `PrivateKey = ${own.privateKey}`,
        `ListenPort = ${port}`,
        '[Peer]',
        `PublicKey = ${peer.publicKey}`,
        'AllowedIPs = 0.0.0.0/0',
        `Endpoint = 127.0.0.1:${887 - port}`,
        'PersistentKeepalive = 1',
      ]);
      await systemd.run('wg', 'setconf', name, file);
      await host.run('ip', ['link', 'set', name, 'up']);
    }
    const isOver = async (): Promise<boolean> =>
      /\t[1-9]\d+\n/.test(await systemd.run('wg', 'show', 'wg1', 'latest-handshakes'));
    await vi.waitUntil(isOver, { timeout: 10_000 });
    await systemd.run('wg', 'set', 'wg0', 'fwmark', '7', 'listen-port', '53');
    expect(await systemd.run('wg', 'show', 'wg0', 'fwmark')).toBe('0x7\n');
  });

  it('shares /run/wireguard with daemons of root, and removes only its own socket', async () => {
    await systemd.control('start', 'litz@wg0');
    await systemd.run('wireguard', 'wg1');
    await systemd.run('litz', 'wg2');
    await systemd.control('start', 'litz@wg3');
    expect(await systemd.run('stat', '-c', '%U %G %a', '/run/wireguard')).toBe('root litz 1775\n');
    const interfaces = async (): Promise<string[]> =>
      (await systemd.run('wg', 'show', 'interfaces')).trim().split(/\s/).toSorted();
    expect(await interfaces()).toEqual(['wg0', 'wg1', 'wg2', 'wg3']);
    const key = systemd.write('key', [keyPair().privateKey]);
    for (const name of await interfaces()) await systemd.run('wg', 'set', name, 'private-key', key);
    await expect(
      systemd.run(
        'setpriv',
        '--reuid=961',
        '--regid=961',
        '--clear-groups',
        'rm',
        '-f',
        '/run/wireguard/wg2.sock',
      ),
    ).rejects.toThrow(/not permitted/);
    await systemd.control('stop', 'litz@wg0');
    expect(await interfaces()).toEqual(['wg1', 'wg2', 'wg3']);
    expect(await systemd.property('litz@wg0', 'Result')).toBe('success');
  });

  it('is restarted by the watchdog when it hangs, and by systemd after SIGKILL', async () => {
    const dropIn = '/run/systemd/system/litz@.service.d';
    await systemd.run('mkdir', dropIn);
    const lines = '[Service]\\nWatchdogSec=6\\nTimeoutAbortSec=1\\n';
    await systemd.run('sh', '-c', `printf '${lines}' >${dropIn}/watchdog.conf`);
    await systemd.control('daemon-reload');
    await systemd.control('start', 'litz@wg0');
    const pid = (): Promise<string> => systemd.property('litz@wg0', 'MainPID');
    const isNew = async (old: string): Promise<boolean> => {
      const now = await pid();
      return (
        now !== '0' &&
        now !== old &&
        (await systemd.property('litz@wg0', 'ActiveState')) === 'active'
      );
    };
    const first = await pid();
    // The wait is longer than the watchdog's interval: systemd does not restart a daemon that
    // works.
    await expect(
      vi.waitUntil(() => isNew(first), { timeout: 8000, interval: 200 }),
    ).rejects.toThrow(/Timed out/);
    await systemd.control('kill', '-s', 'STOP', 'litz@wg0');
    await vi.waitUntil(() => isNew(first), { timeout: 20_000, interval: 200 });
    const second = await pid();
    await systemd.control('kill', '-s', 'KILL', 'litz@wg0');
    await vi.waitUntil(() => isNew(second), { timeout: 20_000, interval: 200 });
    expect(await systemd.run('wg', 'show', 'interfaces')).toBe('wg0\n');
  });

  it('after an upgrade, has the new process as its main process; a stop ends this process, and no other is started', async () => {
    await systemd.control('start', 'litz@wg0');
    const old = await systemd.property('litz@wg0', 'MainPID');
    const answer = await systemd.run('sh', '-c', 'litz upgrade wg0 2>&1');
    const [, successor = ''] = /process (\d+) has wg0/.exec(answer) ?? [];
    expect(successor).not.toBe(old);
    await untilGone(old);
    expect(await mainOf('litz@wg0')).toEqual([successor, 'active', 'serves wg0', '0']);
    // systemd looks at the parent of the main process only when MAINPID changes. So the daemon
    // names a child for a moment, and then itself again.
    await vi.waitUntil(() => hasChildOf(successor), { timeout: 10_000, interval: 20 });
    await vi.waitUntil(async () => (await mainOf('litz@wg0'))[0] === successor, { timeout: 5000 });
    // systemd stops its main process, which is the new one.
    await systemd.control('stop', 'litz@wg0');
    await untilGone(successor);
    expect(await systemd.property('litz@wg0', 'Result')).toBe('success');
    expect(host.hasLink('wg0')).toBe(false);
    // The wait is longer than RestartSec.
    const isBack = async (): Promise<boolean> => (await mainOf('litz@wg0'))[1] !== 'inactive';
    await expect(vi.waitUntil(isBack, { timeout: 2500, interval: 100 })).rejects.toThrow(
      /Timed out/,
    );
    expect((await mainOf('litz@wg0'))[0]).toBe('0');
  });

  it('after an upgrade that failed, has the old process as its main process again', async () => {
    const dropIn = '/run/systemd/system/litz@.service.d';
    await systemd.run('mkdir', dropIn);
    const killer = `KILL="new before running" LITZ_ENTRY=${LITZ_INSIDE}`;
    const script = `#!/bin/sh\n${killer} exec node --import ${KILLER_INSIDE} ${LITZ_INSIDE} "$@"\n`;
    const lines = '[Service]\nEnvironment=LITZ_UPGRADE_EXEC=/run/program\n';
    await systemd.run('sh', '-c', `printf '${lines}' >${dropIn}/upgrade.conf`);
    await systemd.run(
      'sh',
      '-c',
      `cat >/run/program <<'END'\n${script}END\nchmod 755 /run/program`,
    );
    await systemd.control('daemon-reload');
    await systemd.control('start', 'litz@wg0');
    const old = await systemd.property('litz@wg0', 'MainPID');
    await expect(systemd.run('litz', 'upgrade', 'wg0')).rejects.toThrow(
      /the upgrade failed, and the old process goes on: the new process ended before it had the device/,
    );
    await vi.waitUntil(async () => (await mainOf('litz@wg0'))[0] === old, { timeout: 5000 });
    expect(await mainOf('litz@wg0')).toEqual([old, 'active', 'serves wg0', '0']);
    expect(await systemd.run('wg', 'show', 'interfaces')).toBe('wg0\n');
    await systemd.control('stop', 'litz@wg0');
    await untilGone(old);
    expect(await systemd.property('litz@wg0', 'Result')).toBe('success');
    expect(host.hasLink('wg0')).toBe(false);
  });

  it('runs the tunnel of a file (litz-up@.service), reloads it, and takes it down', async () => {
    await systemd.run('mkdir', '/run/wg');
    await systemd.run('mount', '--bind', '/run/wg', '/etc/wireguard');
    const write = (lines: string[]): Promise<string> =>
      systemd.run('install', '-m', '600', systemd.write('wg0.conf', lines), '/run/wg/wg0.conf');
    const peer = keyPair().publicKey;
    const plain = ['[Interface]', `PrivateKey = ${keyPair().privateKey}`, 'Address = 10.6.0.1/24'];
    await write(plain);
    await systemd.control('start', 'litz-up@wg0');
    expect(await systemd.property('litz-up@wg0', 'StatusText')).toBe('wg0 is up');
    expect(host.addresses('wg0')).toEqual(['10.6.0.1/24']);
    await write([...plain, '[Peer]', `PublicKey = ${peer}`]);
    await systemd.control('reload', 'litz-up@wg0');
    await vi.waitUntil(
      async () => (await systemd.run('wg', 'show', 'wg0', 'peers')).includes(peer),
      { timeout: 10_000 },
    );
    await systemd.control('stop', 'litz-up@wg0');
    expect(await systemd.property('litz-up@wg0', 'Result')).toBe('success');
    expect(host.hasLink('wg0')).toBe(false);
  });
});

/** Returns the main process of a unit, its state, its status and how often it was restarted. */
function mainOf(unit: string): Promise<string[]> {
  const names = ['MainPID', 'ActiveState', 'StatusText', 'NRestarts'];
  return Promise.all(names.map((name) => systemd.property(unit, name)));
}

/** Returns whether a process has a child. @param pid in systemd's namespace */
async function hasChildOf(pid: string): Promise<boolean> {
  return (await systemd.run('cat', `/proc/${pid}/task/${pid}/children`)).trim() !== '';
}

/** Waits until a process has ended. @param pid in systemd's namespace */
async function untilGone(pid: string): Promise<void> {
  const isGone = (): Promise<boolean> =>
    systemd.run('test', '!', '-d', `/proc/${pid}`).then(
      () => true,
      () => false,
    );
  await vi.waitUntil(isGone, { timeout: 20_000, interval: 100 });
}

/** Returns the process ID that a process of systemd's namespace has in this namespace. */
async function outerPidOf(pid: string): Promise<string> {
  for (const outer of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const status = await host.run('sh', ['-c', `cat /proc/${outer}/status 2>/dev/null || true`]);
    if (new RegExp(`^NSpid:\\t${outer}\\t${pid}$`, 'm').test(status) && /^Uid:\t961/m.test(status))
      return outer;
  }
  throw new Error(`there is no process ${pid}`);
}

/** Paths of files of the repository in the mount namespace of systemd. */
const LITZ_INSIDE = '/mnt/packages/cli/bin/litz.js';
const KILLER_INSIDE = '/mnt/packages/cli/test/upgrade/killer.mjs';
