import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ALICE, BOB } from './in-memory.ts';
import { BUILT_DEVICE, builtDevice, Host, openDescriptors, realInterfaces } from './two-hosts.ts';

let host: Host;

/** Makes a new host for each test of a suite. */
function withHost(): void {
  beforeEach(() => {
    host = new Host(ALICE);
  });
  afterEach(() => host.close());
}

describeWith(realInterfaces, 'a process with an open Device', () => {
  withHost();

  it.each<[string, string, number | null, string | null]>([
    ['ends by process.exit', 'process.exit(3);', 3, null],
    ['ends by an uncaught exception', 'setTimeout(() => { throw 1; });', 1, null],
    ['ends by an unhandled rejection', 'Promise.reject(new Error("no"));', 1, null],
    ['ends after close', 'await device.close();', 0, null],
    ['ends by itself when the device is unrefed', 'device.unref();', 0, null],
    [
      'ends by itself when the device is unrefed again after ref',
      'device.unref().ref().unref();',
      0,
      null,
    ],
    ['ends by a signal without handler', 'process.kill(process.pid, "SIGTERM");', null, 'SIGTERM'],
    [
      'ends by a handler that closes the device',
      'process.on("SIGTERM", () => device.close()); process.kill(process.pid, "SIGTERM");',
      0,
      null,
    ],
    [
      'ends by process.exit with two devices',
      'await Device.create({ tun: "other", listenPort: 0 }); process.exit(4);',
      4,
      null,
    ],
    [
      'ends by process.exit while a device is closing',
      'void device.close(); setImmediate(() => process.exit(5));',
      5,
      null,
    ],
    [
      'ends by process.exit while a request is under way',
      'void device.configure({ listenPort: 0 }); process.exit(6);',
      6,
      null,
    ],
  ])('%s', async (_, script, code, signal) => {
    const child = run(`const device = await Device.create(options);${script}`);
    expect(await once(child, 'exit')).toEqual([code, signal]);
    expect(host.netlink.linkByName('wg0')).toBeUndefined();
  });

  it.each([0, 1, 20, 60, 100, 150, 200])(
    'ends when it exits %i ms after it began to open a device',
    async (ms) => {
      const child = run(`Device.create(options); setTimeout(() => process.exit(3), ${ms});`);
      expect(await once(child, 'exit')).toEqual([3, null]);
      expect(host.netlink.linkByName('wg0')).toBeUndefined();
    },
  );

  it('ends when a worker that has the device is terminated', async () => {
    const child = run(`
      const { Worker } = await import('node:worker_threads');
      const code = \`(async () => {
        const { Device } = await import(${JSON.stringify(BUILT_DEVICE.href)});
        await Device.create(require('node:worker_threads').workerData);
        require('node:worker_threads').parentPort.postMessage('open');
      })()\`;
      const worker = new Worker(code, { eval: true, workerData: options, execArgv: [] });
      await new Promise((resolve) => worker.once('message', resolve));
      await worker.terminate();`);
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(host.netlink.linkByName('wg0')).toBeUndefined();
  });

  it('runs for as long as the device is open', async () => {
    const child =
      run(`const device = await Device.create({ ...options, up: true }); console.log('open');
      `);
    await once(child.stdout, 'data');
    expect(host.netlink.linkByName('wg0')).toMatchObject({ up: true });
    expect(child.exitCode).toBeNull();
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(host.netlink.linkByName('wg0')).toBeUndefined();
  });
});

describeWith([builtDevice], 'a process with a Device in memory', () => {
  it.each<[string, string, number | null]>([
    ['ends by process.exit', 'process.exit(3);', 3],
    ['ends after close', 'await device.close();', 0],
    ['ends by itself when the device is unrefed', 'device.unref();', 0],
    [
      'ends by itself when the device is unrefed and its link goes down',
      'device.unref(); tun.setUp(false);',
      0,
    ],
    [
      'continues while the device is open, whether its link is up or down',
      'tun.setUp(false); exitLater();',
      5,
    ],
  ])('%s', async (_, script, code) => {
    const child = start(`import { Device, MemoryTun } from ${JSON.stringify(BUILT_DEVICE.href)};
      const tun = new MemoryTun();
      const exitLater = () => setTimeout(() => process.exit(5), 300).unref();
      const device = await Device.create({ tun });
      ${script}`);
    expect(await once(child, 'exit')).toEqual([code, null]);
  });
});

describeWith(
  [...realInterfaces, programRequirement('setpriv')],
  'a process without the right to make interfaces',
  () => {
    withHost();

    it('names the missing capability, and ends by itself', async () => {
      const child = run(
        `await Device.create(options).catch(({ code, errno, message }) =>
          console.log(JSON.stringify({ code, errno, message })));`,
        ['setpriv', '--bounding-set=-all', '--inh-caps=-all'],
      );
      const output = text(child.stdout);
      expect(await once(child, 'exit')).toEqual([0, null]);
      expect(JSON.parse(await output)).toEqual({
        code: 'ERR_LITZ_PERMISSION',
        errno: 'EPERM',
        message: expect.stringContaining('CAP_NET_ADMIN') as string,
      });
    });
  },
);

/**
 * How many Netlink sockets stay open when the thread exits without cleaning up: those of the link
 * monitor. They are not recorded, because they change when the interface is moved.
 */
const UNKNOWN_DESCRIPTORS = 2;

describeWith(realInterfaces, 'a device whose packet loop crashes', () => {
  withHost();

  it.each<[string, string, RegExp, number?]>([
    ['an exception', 'throw new Error("broken");', /the packet loop of wg0 crashed: broken/],
    [
      'an exit without a chance to clean up',
      'process.exit(7);',
      /the thread exited with code 7/,
      UNKNOWN_DESCRIPTORS,
    ],
  ])(
    'emits an error event for %s, and releases the interface',
    async (_, crash, message, left = 0) => {
      const before = openDescriptors();
      const device = await host.device({
        crypto: { module: crashingProvider(crash), export: 'provider' },
        peers: [{ publicKey: BOB.publicKey, endpoint: '10.9.0.2:51820', allowedIps: ['10.1.0.2'] }],
      });
      const events: string[] = [];
      const failed = once(device, 'error') as Promise<[Error]>;
      device.on('error', () => events.push('error'));
      device.on('close', () => events.push('close'));
      const waiting = device.connected(BOB.publicKey).catch((error: unknown) => error);
      const [error] = await failed;
      expect(error).toMatchObject({ code: 'ERR_LITZ_WORKER' });
      expect(error.message).toMatch(message);
      expect(await waiting).toMatchObject({ code: 'ERR_LITZ_CLOSED' });
      await device.close();
      expect(events).toEqual(['error', 'close']);
      expect(openDescriptors()).toBeLessThanOrEqual(before + left);
      expect(host.netlink.linkByName('wg0')).toBeUndefined();
      await host.device();
    },
  );

  it('rejects create when the provider cannot be loaded', async () => {
    const before = openDescriptors();
    const missing = host.device({ crypto: { module: 'node:os', export: 'noSuchExport' } });
    await expect(missing).rejects.toThrow(/"crypto" expected the module node:os to export/);
    expect(openDescriptors()).toBe(before);
  });
});

/** Starts a process in the namespace. Its code can use `Device` and `options`. */
function run(body: string, wrapper: string[] = []): ChildProcessByStdio<null, Readable, null> {
  // The link stays down, because packets that the kernel itself sends would wake the thread.
  const options = { tun: 'wg0', listenPort: 51820, up: false };
  const source = `import { Device } from ${JSON.stringify(BUILT_DEVICE.href)};
    const options = ${JSON.stringify(options)};
    ${body}`;
  return host.namespace.run(() => start(source, wrapper));
}

function start(source: string, wrapper: string[] = []): ChildProcessByStdio<null, Readable, null> {
  const command = [...wrapper, process.execPath, '--input-type=module', '--eval', source];
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] });
  // A child that hangs fails its test, and does not outlive it.
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  child.on('exit', () => clearTimeout(timer));
  return child;
}

/** A module whose provider runs `crash` when the first handshake begins. */
function crashingProvider(crash: string): string {
  const core = new URL('../../core/dist/index.js', import.meta.url).href;
  const source = `import { nobleProvider } from ${JSON.stringify(core)};
    export const provider = { ...nobleProvider, dh() { ${crash} } };`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
