/**
 * Tests what a new process keeps of the daemon that it replaces: rights, metrics, the connection to
 * the service manager, and an interface that stays after a crash.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { capabilitySet, readRights } from '@litz/sys';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { DAEMON_CAPABILITIES } from '../daemon-capabilities.ts';
import { Host, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { inMounts, LITZ, OWN_MACHINE, realInterfaces, type LitzProcess } from '../litz-process.ts';
import { LONG } from './record.ts';
import { daemonsOf, killDaemons, until } from './upgraded-tunnel.ts';

const root = requirement('root', () => process.geteuid?.() === 0 || 'this is not root');
const needed = [
  ...realInterfaces,
  root,
  programRequirement('curl'),
  programRequirement('socat', ['-V']),
  programRequirement('unshare'),
];
const NAME = uniqueName('u');
const SOCKET = `/var/run/wireguard/${NAME}.sock`;
const FOLDER = `/var/run/wireguard/.litz-${NAME}`;

let host: Host;

describeWith(needed, 'a daemon during and after an upgrade', () => {
  beforeEach(() => {
    host = new Host();
  });
  afterEach(async () => {
    killDaemons(NAME);
    await host.close();
    rmSync(SOCKET, { force: true });
    rmSync(FOLDER, { recursive: true, force: true });
  });

  it.each([
    ['without --user', [] as string[]],
    ['with --user', ['--user', '65534:65534']],
  ])('has its earlier rights in all threads if root starts it %s', async (_, flags) => {
    const daemon = await startDaemon(flags, OWN_MACHINE);
    const before = rightsOf(daemon.pid);
    expect(before).toMatchObject([
      {
        rights: {
          permitted: capabilitySet(DAEMON_CAPABILITIES),
        },
      },
    ]);
    const inside = [`--mount=/proc/${daemon.pid}/ns/mnt`];
    expect(await upgrade(inside)).toMatch(/nothing was read or sent for/);
    const pid = await successorOf(daemon.pid);
    expect(rightsOf(pid)).toEqual(before);
    expect(statSync(`/proc/${pid}/maps`).uid).toBe(0);
    expect(readFileSync(`/proc/${pid}/limits`, 'utf8')).toMatch(/^Max core file size +0 /m);
    // The rights are enough for another port below 1024, a mark and one more upgrade.
    const here = [`--mount=/proc/${pid}/ns/mnt`];
    await host.run('ip', ['link', 'set', NAME, 'up']);
    await host.run('nsenter', [...here, 'wg', 'set', NAME, 'listen-port', '443', 'fwmark', '7']);
    expect(await host.run('ss', ['-Hlune'])).toMatch(/:443 .*fwmark:0x7/);
    expect(await upgrade(here)).toMatch(/nothing was read or sent for/);
    const last = await successorOf(pid);
    expect(rightsOf(last)).toEqual(before);
    kill(last, 'SIGTERM');
    await until(() => daemonsOf(NAME).length === 0);
    expect(host.hasLink(NAME)).toBe(false);
  });

  it.each(['socket', 'port'])('serves its metrics at the same %s', async (kind) => {
    const socket = join(host.folder, 'metrics');
    await host.run('ip', ['link', 'set', 'lo', 'up']);
    const daemon = await startDaemon(['--metrics', kind === 'port' ? '9586' : `unix:${socket}`]);
    const scrape = (): Promise<string> => {
      const where = kind === 'port' ? [] : ['--unix-socket', socket];
      return host.run('curl', ['-sS', ...where, 'http://127.0.0.1:9586/metrics']);
    };
    const processOf = async (): Promise<number> =>
      Number(/^process_start_time_seconds (\S+)/m.exec(await scrape())?.[1]);
    const first = await processOf();
    expect(first).toBeGreaterThan(0);
    await upgrade();
    const pid = await successorOf(daemon.pid);
    await until(async () => (await processOf().catch(() => first)) > first);
    expect(await scrape()).toContain(`interface="${NAME}"`);
    kill(pid, 'SIGTERM');
    await until(() => daemonsOf(NAME).length === 0);
    expect(existsSync(socket)).toBe(false);
  });

  it('is reported to the service manager as the main process, and the end of the old process is not reported', async () => {
    const path = join(host.folder, 'notify');
    const manager = spawn('socat', ['-u', `UNIX-RECVFROM:${path},fork`, 'STDOUT']);
    onTestFinished(() => void manager.kill());
    let heard = '';
    manager.stdout.setEncoding('utf8').on('data', (text: string) => (heard += text));
    await until(() => existsSync(path));
    const daemon = await startDaemon([], [], { NOTIFY_SOCKET: path });
    await until(() => heard.includes('READY=1'));
    heard = '';
    await upgrade();
    const pid = await successorOf(daemon.pid);
    await until(() => heard.includes(`STATUS=serves ${NAME}`));
    expect(heard).toContain(`MAINPID=${pid}\n`);
    // The service goes on, so its end is not reported.
    expect(heard).not.toContain('STOPPING=1');
    kill(pid, 'SIGTERM');
    await until(() => heard.includes('STOPPING=1'));
  });

  // In the last case, the new process surely has the device already.
  it.each(LONG ? [0, 150, 400, 800, 1200, 1300, 1400, 1500, 4000] : [0, 400, 1200, 4000])(
    'ends and leaves nothing behind at SIGTERM, %d ms after an upgrade has begun',
    async (ms) => {
      const daemon = await startDaemon([]);
      const upgraded = upgrade();
      await until(() => daemonsOf(NAME).length === 2);
      await new Promise((resolve) => setTimeout(resolve, ms));
      kill(daemon.pid, 'SIGTERM');
      await until(() => !daemonsOf(NAME).includes(daemon.pid));
      // If SIGTERM came too late for the old process, the new one has the device, and gets a signal
      // of its own.
      const answer = await upgraded;
      expect(answer).toMatch(
        /nothing was read or sent for|the upgrade failed|ended before it answered/,
      );
      if (answer.includes('nothing was read or sent for')) {
        for (const pid of daemonsOf(NAME)) kill(pid, 'SIGTERM');
      }
      await until(() => daemonsOf(NAME).length === 0);
      expect(host.hasLink(NAME)).toBe(false);
      expect([existsSync(SOCKET), existsSync(FOLDER)]).toEqual([false, false]);
    },
  );

  it('leaves its interface behind after kill -9 if it has --persist, and the next start takes it over', async () => {
    const daemon = await startDaemon(['--persist']);
    await host.run('ip', ['address', 'add', '10.5.0.1/24', 'dev', NAME]);
    await host.run('ip', ['link', 'set', NAME, 'up']);
    await host.run('ip', ['route', 'add', '10.6.0.0/16', 'dev', NAME]);
    const { index } = host.netlink.linkByName(NAME)!;
    await upgrade();
    const pid = await successorOf(daemon.pid);
    kill(pid, 'SIGKILL');
    await until(() => daemonsOf(NAME).length === 0);
    const checkLeft = async (): Promise<void> => {
      expect(host.netlink.linkByName(NAME)?.index).toBe(index);
      expect(host.addresses(NAME)).toContain('10.5.0.1/24');
      expect(host.routes()).toContain(`10.6.0.0/16 ${NAME} table 254`);
      // Packets to the routes of the interface do not leave through another interface.
      expect(await host.run('ip', ['route', 'get', '10.6.1.1'])).toContain(`dev ${NAME}`);
    };
    await checkLeft();
    const next = await startDaemon(['--persist']);
    await checkLeft();
    await host.run('wg', ['set', NAME, 'listen-port', '7001', 'peer', keyPair().publicKey]);
    expect(await host.run('wg', ['show', NAME, 'listen-port'])).toBe('7001\n');
    kill(next.pid, 'SIGTERM');
    expect(await next.end()).toBe(0);
    expect(host.hasLink(NAME)).toBe(false);
    expect([existsSync(SOCKET), existsSync(FOLDER)]).toEqual([false, false]);
  });

  it('still has its socket and --persist, and opens no more descriptors, if the new process fails', async () => {
    const program = join(host.folder, 'program');
    const killer = join(import.meta.dirname, 'killer.mjs');
    const variables = `FAIL='no more sockets' LITZ_ENTRY='${LITZ}'`;
    const command = `${variables} exec ${process.execPath} --import ${killer} ${LITZ} "$@"`;
    writeFileSync(program, `#!/bin/sh\n${command}\n`, { mode: 0o700 });
    const daemon = await startDaemon(['--persist'], [], { LITZ_UPGRADE_EXEC: program });
    const open = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length;
    let before = Infinity;
    for (let i = 0; i < 2; i++) {
      expect(await upgrade()).toMatch(/the old process goes on: .*no more sockets/);
      await until(() => daemonsOf(NAME).length === 1);
      // A connection of `litz upgrade` may be open for another moment.
      await until(() => open() <= before);
      before = open();
    }
    expect(await host.run('wg', ['show', 'interfaces'])).toContain(NAME);
    kill(daemon.pid, 'SIGKILL');
    await until(() => daemonsOf(NAME).length === 0);
    expect(host.hasLink(NAME)).toBe(true);
    await host.run('ip', ['link', 'delete', NAME]);
  });

  it.each([
    ['read-only', 'mount -o remount,ro /run', 'mount -o remount,rw /run', 'EROFS'],
    [
      'full',
      'i=0; while touch /run/full$i; do i=$((i + 1)); done 2>/dev/null',
      'rm /run/full*',
      'ENOSPC',
    ],
  ])(
    'goes on if the upgrade fails because /run is %s, says why, and can be upgraded later',
    async (...given) => {
      const [, spoil, mend, errno] = given;
      const daemon = await startDaemon([], inMounts('mount -t tmpfs -o nr_inodes=100 run /run'));
      const inside = [`--mount=/proc/${daemon.pid}/ns/mnt`];
      await host.run('nsenter', [...inside, 'sh', '-c', spoil]);
      expect(await upgrade(inside)).toMatch(
        new RegExp(`the upgrade failed, and the old process goes on: cannot make .*: ${errno}\n$`),
      );
      expect(daemonsOf(NAME)).toEqual([daemon.pid]);
      await host.run('nsenter', [...inside, 'wg', 'set', NAME, 'fwmark', '9']);
      await host.run('nsenter', [...inside, 'sh', '-c', mend]);
      expect(await upgrade(inside)).toMatch(/nothing was read or sent for/);
      const pid = await successorOf(daemon.pid);
      kill(pid, 'SIGTERM');
      await until(() => daemonsOf(NAME).length === 0);
      expect(host.hasLink(NAME)).toBe(false);
    },
  );

  it('removes its interface and exits with 1 if its socket cannot be removed, and says why', async () => {
    const daemon = await startDaemon([], inMounts('mount -t tmpfs run /run'));
    const inside = [`--mount=/proc/${daemon.pid}/ns/mnt`];
    await host.run('nsenter', [...inside, 'mount', '-o', 'remount,ro', '/run']);
    expect(await daemon.end('SIGTERM')).toBe(1);
    expect(daemon.text).toMatch(/EROFS/);
    expect(host.hasLink(NAME)).toBe(false);
  });

  it('has ended the capture that ran; the capture says why, and its file has only whole blocks', async () => {
    const daemon = await startDaemon([]);
    await host.run('ip', ['address', 'add', '10.5.0.1/24', 'dev', NAME]);
    await host.run('ip', ['link', 'set', NAME, 'up']);
    const file = join(host.folder, 'capture.pcapng');
    const capture = host.litz(['capture', NAME, '-w', file]);
    await capture.says(/captures packets/);
    const line = await upgrade();
    expect(Number(/for ([\d.]+) ms/.exec(line)?.[1])).toBeLessThan(5000);
    await successorOf(daemon.pid);
    expect(await capture.end()).toBe(1);
    expect(capture.text).toMatch(
      /ended early: a new process takes the place of the daemon \(litz upgrade\); \d+ packets? captured, 0 lost/,
    );
    const { length } = readFileSync(file);
    expect(wholeBlocks(readFileSync(file))).toBe(length);
    const again = host.litz(['capture', NAME, '-w', file, '--duration', '1']);
    expect(await again.end()).toBe(0);
  });
});

async function startDaemon(
  flags: readonly string[],
  wrapper: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<LitzProcess> {
  const daemon = host.litz(['-f', ...flags, NAME], {
    env: { LOG_LEVEL: 'verbose', ...env },
    wrapper,
  });
  await daemon.says(/serves \/(var\/)?run/);
  if (flags.includes('--metrics')) await daemon.says(/serves \/metrics/);
  await until(() =>
    existsSync(`/proc/${daemon.pid}/root${FOLDER.replace('/var', '')}/${NAME}.sock`),
  );
  return daemon;
}

/** Upgrades the daemon. @returns the output of `litz upgrade`, also if it failed */
function upgrade(namespaces: readonly string[] = []): Promise<string> {
  const command = ['sh', '-c', `${process.execPath} ${LITZ} upgrade ${NAME} 2>&1 || true`];
  const [program, ...words] =
    namespaces.length > 0 ? ['nsenter', ...namespaces, ...command] : command;
  return host.run(program, words);
}

/** Waits until the old process has ended. Returns the process ID of the new process. */
async function successorOf(old: number): Promise<number> {
  await until(() => daemonsOf(NAME).length === 1 && daemonsOf(NAME)[0] !== old);
  return daemonsOf(NAME)[0];
}

/**
 * Returns each different set of rights and users of the threads of a process. If all threads have
 * the same set, the list has one entry.
 */
function rightsOf(pid: number): unknown[] {
  const seen = new Map<string, unknown>();
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    const path = `/proc/${pid}/task/${id}/status`;
    const text = readFileSync(path, 'utf8');
    const users = /^Uid:.*|^Gid:.*|^Groups:.*/gm;
    const found = {
      rights: readRights(path),
      users: text.match(users)?.map((line) => line.trim()),
    };
    seen.set(found.users + Object.values(found.rights).join(), found);
  }
  return [...seen.values()];
}

/** Returns how many bytes of a file are whole blocks of pcapng. */
function wholeBlocks(bytes: Buffer): number {
  let at = 0;
  while (at + 12 <= bytes.length) {
    const length = bytes.readUInt32LE(at + 4);
    if (at + length > bytes.length || bytes.readUInt32LE(at + length - 4) !== length) break;
    at += length;
  }
  return at;
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // The process has ended.
  }
}
