/**
 * Tests that a process of another user gets nothing at the socket of a hand-over. The folder of the
 * socket is closed to such a process, so the tests give it the right to enter every folder.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { removeSockets, TwoHosts, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { LITZ, realInterfaces, type LitzProcess } from '../litz-process.ts';
import { daemonsOf, killDaemons, until } from './upgraded-tunnel.ts';

const root = requirement('root', () => process.geteuid?.() === 0 || 'this is not root');
const needed = [...realInterfaces, root, programRequirement('setpriv')];
const LEFT = uniqueName('m');
const RIGHT = uniqueName('n');
const FOLDER = `/var/run/wireguard/.litz-${LEFT}`;
const NOBODY = 65_534;
const AS_NOBODY = [
  'setpriv',
  `--reuid=${NOBODY}`,
  '--clear-groups',
  '--inh-caps=+dac_override',
  '--ambient-caps=+dac_override',
];

let hosts: TwoHosts;
/** The path of a file into which the process of the other user writes what it got. */
let got: string;

describeWith(needed, 'a process of another user', () => {
  beforeEach(() => {
    hosts = new TwoHosts();
    got = join(hosts.left.folder, 'got');
  });
  afterEach(async () => {
    killDaemons(LEFT);
    await hosts.close();
    rmSync(FOLDER, { recursive: true, force: true });
    removeSockets();
  });

  it('that comes before the new process gets nothing, and the upgrade succeeds', async () => {
    const go = join(hosts.left.folder, 'go');
    const program = writeProgram([
      `while [ ! -e ${go} ]; do sleep 0.1; done`,
      `exec ${process.execPath} ${LITZ} "$@"`,
    ]);
    const daemon = await connect({ LITZ_UPGRADE_EXEC: program });
    const upgraded = upgrade();
    const socket = join(FOLDER, 'hand-over');
    await until(() => existsSync(socket));
    await hosts.left.run('env', [`LITZ_HAND_OVER=${socket}`, `GOT=${got}`, ...stranger()]);
    expect(readFileSync(got, 'utf8')).toBe(`uid ${NOBODY} got closed`);
    expect(await hosts.left.ping('10.1.0.2')).toBe(3);
    hosts.left.write('go', []);
    expect(await upgraded).toMatch(/nothing was read or sent for/);
    await until(() => daemonsOf(LEFT).length === 1 && daemonsOf(LEFT)[0] !== daemon.pid);
    expect(await hosts.left.ping('10.1.0.2')).toBe(3);
  }, 60_000);

  it('that the daemon itself has started gets nothing, and the daemon goes on', async () => {
    const program = writeProgram([`GOT=${got} exec ${stranger().join(' ')}`]);
    // `litz` drops the right to change its user, so its child processes cannot become another user.
    // This daemon drops no rights.
    const script = join(import.meta.dirname, 'all-rights-daemon.mjs');
    const wrapper = ['sh', '-c', `shift 2; exec ${process.execPath} ${script} "$@"`, 'sh'];
    const daemon = await connect({ LITZ_UPGRADE_EXEC: program }, wrapper);
    expect(await upgrade()).toMatch(
      /the old process goes on: process \d+ asked for the device as user 65534, but the daemon is user 0/,
    );
    expect(readFileSync(got, 'utf8')).toBe(`uid ${NOBODY} got closed`);
    expect(daemonsOf(LEFT)).toEqual([daemon.pid]);
    expect(await hosts.left.ping('10.1.0.2')).toBe(3);
  }, 60_000);

  it('that offers a device is refused by the new process', async () => {
    const { left } = hosts;
    const folder = join(left.folder, 'foreign');
    mkdirSync(folder);
    chmodSync(left.folder, 0o711);
    chownSync(folder, NOBODY, NOBODY);
    const socket = join(folder, 'hand-over');
    const foreign = start([...AS_NOBODY, ...node('foreign-socket.mjs'), socket]);
    let heard = '';
    foreign.stdout.setEncoding('utf8').on('data', (text: string) => (heard += text));
    await until(() => heard.includes('listens'));
    const taker = left.litz(['-f', LEFT], { env: { LITZ_HAND_OVER: socket } });
    expect(await taker.end()).toBe(1);
    expect(taker.text).toContain(`${socket} belongs to user ${NOBODY}, not to this process's user`);
    // The new process has connected and sent nothing. It has too few rights for a socket of another
    // user, so foreign-socket.mjs lets every user connect.
    await until(() => heard.includes('got'));
    expect(heard).toBe('listens\ngot closed\n');
    expect(left.hasLink(LEFT)).toBe(false);
    expect(existsSync(`/var/run/wireguard/${LEFT}.sock`)).toBe(false);
  }, 60_000);
});

/** Makes a tunnel between both hosts, and returns the left daemon. */
async function connect(
  env: NodeJS.ProcessEnv,
  wrapper: readonly string[] = [],
): Promise<LitzProcess> {
  const { left, right } = hosts;
  const [alice, bob] = [keyPair(), keyPair()];
  const daemon = left.litz(['-f', LEFT], { env: { LOG_LEVEL: 'verbose', ...env }, wrapper });
  const other = right.litz(['-f', RIGHT], { env: { LOG_LEVEL: 'verbose' } });
  for (const started of [daemon, other]) await started.says(/serves \/(var\/)?run/);
  for (const [host, name, own, peer, number] of [
    [left, LEFT, alice, bob, 1],
    [right, RIGHT, bob, alice, 2],
  ] as const) {
    const key = host.write('key', [own.privateKey]);
    const words = `set ${name} private-key ${key} listen-port 51820 peer ${peer.publicKey} allowed-ips 10.1.0.0/24 endpoint 10.9.0.${3 - number}:51820`;
    await host.run('wg', words.split(' '));
    await host.run('ip', ['address', 'add', `10.1.0.${number}/24`, 'dev', name]);
    await host.run('ip', ['link', 'set', name, 'up']);
  }
  // The first initiation may come before the other side is ready.
  await until(async () => (await left.ping('10.1.0.2')) === 3);
  await until(() => existsSync(`${FOLDER}/${LEFT}.sock`));
  return daemon;
}

/** Upgrades the left daemon. @returns the output of `litz upgrade`, also if it failed */
function upgrade(): Promise<string> {
  const command = `${process.execPath} ${LITZ} upgrade ${LEFT} 2>&1 || true`;
  return hosts.left.run('sh', ['-c', command], { timeout: 50_000 });
}

/** Writes the program that `LITZ_UPGRADE_EXEC` names. @returns its path */
function writeProgram(lines: readonly string[]): string {
  const file = hosts.left.write('program', ['#!/bin/sh', ...lines]);
  chmodSync(file, 0o700);
  return file;
}

/** Returns the command line of a process of another user that asks for the device. */
function stranger(): string[] {
  return [...AS_NOBODY, ...node('stranger.mjs')];
}

function node(script: string): string[] {
  return [process.execPath, join(import.meta.dirname, script)];
}

function start([program = '', ...words]: readonly string[]): ChildProcessWithoutNullStreams {
  const child = spawn(program, words);
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}
