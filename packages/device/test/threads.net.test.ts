/**
 * Tests devices with several threads that seal. An engine without an interface receives what a
 * device sends, so a test sees every counter in the order of arrival.
 */
import { randomFillSync } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { Engine } from '@litz/core';
import { addressOf, allocate, boottimeMs, check, libc, linux } from '@litz/sys';
import { describeWith } from '@litz/testkit';
import { openUdp, type UdpSockets } from '@litz/udp';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Device } from '../src/index.ts';
import { idleTicks } from '../src/linux/sealing-pool.ts';
import { ECHO_CLIENT, ECHO_SERVER } from './echo-programs.ts';
import { peerOf, realInterfaces, runInside, TwoHosts } from './two-hosts.ts';

let hosts: TwoHosts;
/** The threads of the device: the first one has the packet loop. */
let workers: Worker[];
const follow = (worker: Worker): void => void workers.push(worker);

beforeEach(() => {
  hosts = new TwoHosts();
  workers = [];
  process.on('worker', follow);
});

afterEach(async () => {
  process.off('worker', follow);
  await hosts.close();
});

describeWith(realInterfaces, 'Device with several threads', () => {
  it('sends its counters in order and none twice, even while its threads are ended one after the other', async () => {
    const errors: string[] = [];
    const device = await open(4);
    device.on('error', ({ message }) => errors.push(message));
    const receiver = new Receiver();
    const sender = new Sender();
    await untilThreads(device, 4);
    sender.send();
    await receiver.untilQuiet();
    for (const worker of workers.slice(1)) {
      for (let i = 0; i < 20; i++) {
        sender.send(4);
        if (i === 10) void worker.terminate();
        await receiver.receive();
      }
      if (worker.threadId !== -1) await once(worker, 'exit');
    }
    await receiver.untilQuiet();
    expect(await device.stats()).toMatchObject({ threads: 1 });
    sender.send(4);
    await receiver.untilQuiet();
    receiver.close();
    sender.close();
    const { counters, wrong } = receiver;
    expect(wrong).toEqual([]);
    // More than 61 * 4 super-packets of 44 packets were sent. A full queue may have lost some.
    expect(counters.length).toBeGreaterThan(5000);
    expect(counters.every((counter, i) => i === 0 || counter > counters[i - 1])).toBe(true);
    expect(errors).toEqual(
      Array.from({ length: 3 }, () =>
        expect.stringMatching(
          /^a thread that seals packets of wg0 ended: .*; the device goes on with one fewer$/,
        ),
      ),
    );
  }, 60_000);

  it('carries TCP each way, unchanged, with several threads at both ends', async () => {
    const { left, right } = hosts;
    const devices = await hosts.devices({ threads: 3 }, { threads: 3 });
    await untilThreads(devices.left, 3);
    await untilThreads(devices.right, 3);
    const host = '10.1.0.2';
    const length = 40 << 20;
    const server = runInside(right, ECHO_SERVER, { host, port: 7000 });
    const client = runInside(left, ECHO_CLIENT, { host, port: 7000, length });
    expect(await client).toBe('the same bytes came back');
    await server;
    const { drops } = await devices.right.stats();
    expect(drops).not.toHaveProperty('replayed-counter');
    expect(drops).not.toHaveProperty('invalid-tag');
  }, 60_000);

  it('ends its threads when it is closed', async () => {
    const device = await open(3);
    await untilThreads(device, 3);
    const exits = workers.map((worker) => once(worker, 'exit'));
    await device.close();
    expect(await Promise.all(exits)).toHaveLength(3);
  }, 30_000);
});

describeWith(realInterfaces, 'Device whose provider shares no work', () => {
  it('uses one thread, and says so once', async () => {
    const warnings: string[] = [];
    const note = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', note);
    vi.stubEnv('LITZ_CRYPTO', 'wasm');
    try {
      const device = await open(3);
      const receiver = new Receiver();
      const sender = new Sender();
      sender.send();
      await receiver.untilQuiet();
      expect(receiver.counters.length).toBeGreaterThan(40);
      expect(await device.stats()).toMatchObject({ threads: 1 });
      expect(workers).toHaveLength(1);
      expect(warnings).toEqual([
        '"threads" is 3, but one thread is used: the crypto provider wasm cannot share its work',
      ]);
      receiver.close();
      sender.close();
    } finally {
      vi.unstubAllEnvs();
      process.off('warning', note);
    }
  }, 30_000);
});

describeWith(realInterfaces, "Device with threads: 'auto'", () => {
  it('has one thread without load, more threads while there is a stream and cores are idle, and one thread after the stream', async () => {
    const device = await open('auto');
    const receiver = new Receiver();
    const sender = new Sender();
    sender.send();
    await receiver.untilQuiet();
    expect(workers).toHaveLength(1);
    // Nobody receives the stream that follows, because receiving would need a core.
    receiver.close();
    const { mostThreads, idleWindows } = await streamUntilGrown(device, sender);
    expect(mostThreads).toBeLessThanOrEqual(availableParallelism());
    // Where other programs use the cores, one thread is right.
    expect(mostThreads > 1 || idleWindows < ENOUGH_IDLE).toBe(true);
    sender.close();
    await untilAlone(device);
    expect(await device.stats()).toMatchObject({ threads: 1 });
  }, 90_000);

  it('starts no other thread on a machine with one usable core', async () => {
    const pid = String(process.pid);
    const all = execFileSync('taskset', ['-p', pid], { encoding: 'utf8' })
      .trim()
      .split(' ')
      .at(-1)!;
    // This limits only the present thread. The threads of a device inherit the limit.
    execFileSync('taskset', ['-p', '1', pid]);
    try {
      const device = await open('auto');
      const sender = new Sender();
      const receiver = new Receiver();
      sender.send();
      await receiver.untilQuiet();
      const { mostThreads } = await streamUntilGrown(device, sender, 1500);
      expect(mostThreads).toBe(1);
      expect(workers).toHaveLength(1);
      receiver.close();
      sender.close();
    } finally {
      execFileSync('taskset', ['-p', all, pid]);
    }
  }, 60_000);
});

/**
 * Keeps the queue of the interface filled, in bursts, so that a core stays free for a second
 * thread. Ends when a second thread runs, or after `longestMs`.
 *
 * @returns the most threads, and the most intervals in a row in which a core was idle
 */
async function streamUntilGrown(
  device: Device,
  sender: Sender,
  longestMs = 10_000,
): Promise<{ mostThreads: number; idleWindows: number }> {
  let [mostThreads, idleWindows, most] = [1, 0, 0];
  let ticks = idleTicks(readFileSync('/proc/stat', 'latin1'));
  const end = Date.now() + longestMs;
  let windowStart = Date.now();
  while (mostThreads === 1 && Date.now() < end) {
    sender.send(200);
    await setTimeout(5);
    const elapsed = Date.now() - windowStart;
    if (elapsed < 100) continue;
    windowStart += elapsed;
    const present = idleTicks(readFileSync('/proc/stat', 'latin1'));
    idleWindows = (present - ticks) * 10 >= elapsed * 0.8 ? idleWindows + 1 : 0;
    most = Math.max(most, idleWindows);
    ticks = present;
    mostThreads = Math.max(mostThreads, (await device.stats()).threads);
  }
  return { mostThreads, idleWindows: most };
}

async function untilAlone(device: Device): Promise<void> {
  const end = Date.now() + 30_000;
  // The packet loop checks its load only in its turns, and it has no turns while nothing happens.
  // So something must be sent.
  const sender = new Sender();
  while ((await device.stats()).threads > 1 && Date.now() < end) {
    sender.send();
    await setTimeout(20);
  }
  sender.close();
}

function open(threads: number | 'auto'): Promise<Device> {
  const { left, right } = hosts;
  return left.device({ peers: [peerOf(right, `${right.outer}:51820`)], threads });
}

async function untilThreads(device: Device, threads: number): Promise<void> {
  while ((await device.stats()).threads < threads) await setTimeout(20);
}

/** Sends super-packets to the other end of the tunnel. */
class Sender {
  readonly #fd: number;
  readonly #bytes = new Uint8Array(new ArrayBuffer(44 * 1372));

  constructor() {
    const { AF_INET, SOCK_DGRAM } = linux;
    this.#fd = hosts.left.namespace.run(() =>
      check(libc().socket(AF_INET, SOCK_DGRAM, 0), 'socket'),
    );
    const option = allocate(4);
    option.view.setInt32(0, 1372, true);
    check(libc().setsockopt(this.#fd, 17, UDP_SEGMENT, option.address, 4), 'setsockopt');
    const address = allocate(16);
    address.view.setUint16(0, AF_INET, true);
    address.view.setUint16(2, 9);
    address.bytes.set(hosts.right.inner, 4);
    check(libc().connect(this.#fd, address.address, 16), 'connect');
  }

  send(count = 1): void {
    for (let i = 0; i < count; i++) {
      libc().send(this.#fd, addressOf(this.#bytes), this.#bytes.length, 0);
    }
  }

  close(): void {
    libc().close(this.#fd);
  }
}

/** The other end: an engine with sockets, and no interface. */
class Receiver {
  /** The counters of the transport messages, in the order of their arrival. */
  readonly counters: number[] = [];
  /** Why messages were dropped. */
  readonly wrong: string[] = [];
  readonly #sockets: UdpSockets;
  readonly #engine: Engine;

  constructor() {
    const { left, right } = hosts;
    this.#sockets = right.namespace.run(() => openUdp({ port: 51820, gro: true }));
    this.#engine = new Engine({
      randomBytes: (out) => void randomFillSync(out),
      unixTime: Date.now,
    });
    const { privateKey } = right.person;
    this.#engine.configure({ privateKey, peers: [peerOf(left)] }, boottimeMs());
  }

  /** Receives all datagrams that have arrived. @returns how many */
  async receive(): Promise<number> {
    const now = boottimeMs();
    let datagrams = 0;
    for (let count = 1; count > 0; datagrams += count) {
      count = this.#sockets.receive((buffer, offset, length, source, ecn) => {
        const view = new DataView(buffer.buffer, buffer.byteOffset + offset, length);
        const isData = view.getUint32(0, true) === 4;
        const result = this.#engine.openDatagram(buffer, offset, length, source, ecn, now);
        if (typeof result === 'string') this.wrong.push(result);
        else if (isData) this.counters.push(Number(view.getBigUint64(8, true)));
      });
      this.#engine.finishBatch(now);
      for (let out = this.#engine.pollTransmit(); out; out = this.#engine.pollTransmit()) {
        this.#sockets.sendRun(out);
      }
      while (this.#engine.pollEvent() || this.#engine.pollPacket());
      this.#sockets.flush();
    }
    await setTimeout(1);
    return datagrams;
  }

  async untilQuiet(): Promise<void> {
    for (let quiet = 0; quiet < 200;) quiet = (await this.receive()) > 0 ? 0 : quiet + 1;
  }

  close(): void {
    this.#sockets.close();
  }
}

const UDP_SEGMENT = 103;
/**
 * A thread is added at the latest when a core was idle in this many intervals of 100 ms in a row.
 */
const ENOUGH_IDLE = 10;
