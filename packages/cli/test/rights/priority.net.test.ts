/**
 * Tests which threads of a daemon have a real-time priority, as the kernel reports it.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { capabilitySet, readRights } from '@litz/sys';
import { describeWith, programRequirement, realtimePriorities, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Host, removeSockets, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { LITZ, OWN_MACHINE, realInterfaces, type LitzProcess } from '../litz-process.ts';

const root = requirement('root', () => process.geteuid?.() === 0 || 'this is not root');
const needed = [...realInterfaces, root, realtimePriorities, programRequirement('unshare')];
const NAME = uniqueName('q');
const USER = ['--user', '65534:65534'];
/** Sends datagrams to port 4500 as fast as a program in JavaScript can, for at most 30 s. */
const FLOOD = `
  const socket = require('node:dgram').createSocket('udp4');
  const datagram = Buffer.alloc(100);
  setTimeout(() => process.exit(), 30_000);
  const send = () => {
    for (let i = 0; i < 64; i++) socket.send(datagram, 4500, '127.0.0.1');
    setImmediate(send);
  };
  socket.bind(0, send);`;
const LONG_ENOUGH = { timeout: 20_000 };

let host: Host;

describeWith(needed, 'a daemon', () => {
  beforeEach(() => {
    host = new Host();
  });
  afterEach(async () => {
    await host.close();
    removeSockets();
  });

  it.each([
    ['of root', []],
    ['with --user', USER],
  ])(
    '%s gives one thread a real-time priority, and takes it back during a flood',
    async (_, flags) => {
      const daemon = await startDaemon(flags, { wrapper: OWN_MACHINE });
      // The thread gets the priority after its warm-up.
      await expect.poll(() => realtimeThreads(daemon.pid), LONG_ENOUGH).toBe(1);
      await expect.poll(() => shown(daemon), LONG_ENOUGH).toContain('priority: realtime');
      await configure(daemon);
      const flood = host.namespace.run(() =>
        spawn(process.execPath, ['--eval', FLOOD], { stdio: 'ignore' }),
      );
      try {
        await expect.poll(() => realtimeThreads(daemon.pid), LONG_ENOUGH).toBe(0);
      } finally {
        flood.kill('SIGKILL');
      }
      // The priority stays normal for 4 s at most.
      await expect.poll(() => realtimeThreads(daemon.pid), LONG_ENOUGH).toBe(1);
    },
    90_000,
  );

  it('keeps the priority in an upgrade', async () => {
    const daemon = await startDaemon(USER, { wrapper: OWN_MACHINE });
    await expect.poll(() => realtimeThreads(daemon.pid), LONG_ENOUGH).toBe(1);
    await inMountsOf(daemon, 'upgrade', NAME);
    const [, pid = ''] = /process (\d+) has /.exec(daemon.text) ?? [];
    try {
      await expect.poll(() => realtimeThreads(pid), LONG_ENOUGH).toBe(1);
    } finally {
      // The new process has the output streams of the first process, so the test would wait for it.
      process.kill(Number(pid), 'SIGKILL');
    }
  }, 60_000);

  it('with LITZ_PRIORITY=normal, gives no thread a real-time priority, and keeps no right for it', async () => {
    const normal = await startDaemon([], { env: { LITZ_PRIORITY: 'normal' } });
    const other = await startDaemon([], {}, `${NAME}b`);
    // The second daemon has the priority by now, so the first one would have it too.
    await expect.poll(() => realtimeThreads(other.pid), LONG_ENOUGH).toBe(1);
    expect(realtimeThreads(normal.pid)).toBe(0);
    const { permitted } = readRights(`/proc/${normal.pid}/status`);
    expect(permitted & capabilitySet(['CAP_SYS_NICE'])).toBe(0n);
    expect(await inMountsOf(normal, 'show', NAME)).toMatch(/priority: normal/);
  });

  it.each([
    ['LITZ_PRIORITY', 'high', `'realtime' or 'normal'`],
    ['LITZ_THREADS', '9', `an integer from 1 to 8, or 'auto'`],
    ['LITZ_CRYPTO', 'rot13', 'one of openssl, wasm, noble'],
  ])('says in one line what %s may be', async (name, value, limits) => {
    const litz = host.litz(['-f', NAME], { env: { [name]: value } });
    expect(await litz.end()).toBe(1);
    expect(litz.text).toBe(`litz: "${name}" expected ${limits}, got "${value}"\n`);
  });
});

async function startDaemon(
  flags: readonly string[],
  { env, wrapper }: { env?: Record<string, string>; wrapper?: readonly string[] },
  name = NAME,
): Promise<LitzProcess> {
  const litz = host.litz(['-f', ...flags, name], {
    env: { LOG_LEVEL: 'verbose', ...env },
    ...(wrapper && { wrapper }),
  });
  await litz.says(/serves /);
  return litz;
}

/** Gives the interface a key and the port 4500, and sets it up. */
async function configure({ pid }: LitzProcess): Promise<void> {
  const file = host.write(`${NAME}.conf`, [
    '[Interface]',
    `PrivateKey = ${keyPair().privateKey}`,
    'ListenPort = 4500',
  ]);
  await host.run('nsenter', [`--mount=/proc/${pid}/ns/mnt`, 'wg', 'setconf', NAME, file]);
  await host.run('ip', ['link', 'set', NAME, 'up']);
}

function shown(daemon: LitzProcess): Promise<string> {
  return inMountsOf(daemon, 'show', NAME);
}

/** Runs `litz` in the mount namespace of a daemon. */
function inMountsOf({ pid }: LitzProcess, ...words: string[]): Promise<string> {
  return host.run('nsenter', [`--mount=/proc/${pid}/ns/mnt`, process.execPath, LITZ, ...words]);
}

/** Returns how many threads have the lowest real-time priority (SCHED_RR, 1): proc(5). */
function realtimeThreads(pid: number | string): number {
  return readdirSync(`/proc/${pid}/task`).filter((id) => {
    const stat = readStat(`/proc/${pid}/task/${id}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[40 - 3] === '1' && fields[41 - 3] === '2';
  }).length;
}

/** Returns '' for a thread that has ended. */
function readStat(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
