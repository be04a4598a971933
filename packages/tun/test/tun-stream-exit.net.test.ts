/**
 * How a process with an open `TunStream` ends, and how a process without the right to open one
 * fails.
 *
 * @module
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { createNamespace, createNetlink } from './namespace.ts';
import { builtTun, setpriv, tunDevices } from './requirements.ts';

const BUILT = new URL('../dist/index.js', import.meta.url).href;

describeWith([tunDevices, builtTun], 'a process with an open TunStream', () => {
  test.each<[string, string, number | null, string | null]>([
    ['ends by itself when the stream is released', 'tun.release();', 0, null],
    [
      'ends by itself when the stream is released during a read',
      'setImmediate(() => tun.release());',
      0,
      null,
    ],
    ['ends by itself when the stream is destroyed', 'tun.destroy();', 0, null],
    ['ends by itself when the stream is unrefed', 'tun.unref();', 0, null],
    ['ends by process.exit', 'process.exit(3);', 3, null],
    [
      'ends by process.exit while the thread sleeps',
      'setTimeout(() => process.exit(3), 200);',
      3,
      null,
    ],
    ['ends by an exception that nobody catches', 'setTimeout(() => { throw 1; }, 200);', 1, null],
    ['ends by a signal without handler', 'process.kill(process.pid, "SIGTERM");', null, 'SIGTERM'],
    [
      'ends by process.exit with several streams',
      'new TunStream(); new TunStream(); process.exit(4);',
      4,
      null,
    ],
    [
      'keeps running while the stream is open',
      'setTimeout(() => process.exit(5), 400).unref();',
      5,
      null,
    ],
  ])('%s', async (_, script, code, signal) => {
    const { child, netlink } = run(script);
    const output = text(child.stdout);
    expect(await once(child, 'exit')).toEqual([code, signal]);
    expect(await output).toBe('tun7\n');
    expect(netlink.linkByName('tun7')).toBeUndefined();
  });
});

describeWith([tunDevices, builtTun, setpriv], 'a process without CAP_NET_ADMIN', () => {
  test('fails with an error that names the missing capability, and ends', async () => {
    const { child } = run('', ['setpriv', '--bounding-set=-all', '--inh-caps=-all']);
    const output = text(child.stderr);
    expect(await once(child, 'exit')).toEqual([1, null]);
    const error = await output;
    expect(error).toContain("code: 'ERR_LITZ_PERMISSION'");
    expect(error).toContain("errno: 'EPERM'");
    expect(error).toContain('CAP_NET_ADMIN is missing');
  });
});

/**
 * Starts a process in a namespace of its own. `script` runs while the stream tun7 is open and
 * flowing.
 */
function run(script: string, prefix: string[] = []) {
  const namespace = createNamespace();
  const netlink = createNetlink(namespace);
  const code = `import { TunStream } from ${JSON.stringify(BUILT)};
    const tun = new TunStream({ name: 'tun7' });
    tun.isUp = true;
    tun.resume();
    console.log(tun.name);
    ${script}`;
  const command = [...prefix, process.execPath, '--input-type=module', '-e', code];
  const [program, ...args] = command as [string, ...string[]];
  const child: ChildProcessByStdio<null, Readable, Readable> = namespace.run(() =>
    spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 20_000,
      killSignal: 'SIGKILL',
    }),
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, netlink };
}
