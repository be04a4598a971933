import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { nobleProvider } from '@litz/core';
import { describeWith, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CipherThreads, createOpensslProvider } from '../../src/index.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const RECEIVER = 0x01020304;
/** Threads run the built code. */
const BUILT = new URL('../../dist/index.js', import.meta.url).href;
const PROGRAM = `
  const { workerData } = require('node:worker_threads');
  import('${BUILT}').then(({ runCipherThread }) => runCipherThread(workerData));
`;

const openssl = requirement("Node's own OpenSSL", () => createOpensslProvider().destroy?.());

let memory: Uint8Array;
let threads: CipherThreads;
let workers: Worker[];

beforeEach(() => {
  memory = new Uint8Array(new ArrayBuffer(1 << 19));
  threads = new CipherThreads(4, memory);
  workers = [];
});

afterEach(async () => {
  threads.end();
  await Promise.all(workers.map((worker) => worker.terminate()));
});

async function start(number: number): Promise<Worker> {
  // The options of this process are for source files, but threads run built files.
  const env = { ...process.env, NODE_OPTIONS: '' };
  const workerData = threads.start(number);
  const worker = new Worker(PROGRAM, { eval: true, workerData, execArgv: [], env });
  workers.push(worker);
  await once(worker, 'online');
  await expect.poll(() => threads.running, { timeout: 20_000 }).toBe(workers.length + 1);
  return worker;
}

/**
 * Checks each message of a run: its header is right, it can be opened, and the one-time key in
 * front of it is cleared.
 */
function check(first: number, offset: number, length: number, stride: number, count: number): void {
  const cipher = nobleProvider.createCipher(KEY);
  for (let i = 0; i < count; i++) {
    const at = offset + i * stride;
    const view = new DataView(memory.buffer, at - 16, 16);
    expect(view.getUint32(0, true)).toBe(4);
    expect(view.getUint32(4, true)).toBe(RECEIVER);
    expect(view.getBigUint64(8, true)).toBe(BigInt(first + i));
    expect(memory.subarray(at - 64, at - 32).every((byte) => byte === 0)).toBe(true);
    expect(cipher.open(first + i, memory, at, length)).toBe(true);
    expect(memory.subarray(at, at + length).every((byte) => byte === textOf(first + i))).toBe(true);
  }
}

function fill(first: number, offset: number, length: number, stride: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const at = offset + i * stride;
    memory.fill(textOf(first + i), at, at + length);
  }
}

function textOf(counter: number): number {
  return counter % 251;
}

describeWith([openssl], 'CipherThreads', () => {
  it('seal the same messages as one thread, for counters of more than 32 bits too', async () => {
    const provider = createOpensslProvider(threads);
    const cipher = provider.createCipher(KEY);
    await start(1);
    await start(2);
    let counter = 2 ** 32 - 1000;
    for (const [length, stride, count] of [
      [1420, 1536, 45],
      [1424, 1536, 64],
      [449, 640, 128],
      [8920, 9088, 8],
    ] as const) {
      for (let round = 0; round < 20; round++, counter += count) {
        threads.open();
        fill(counter, 64, length, stride, count);
        expect(cipher.sealRunLater!(counter, memory, 64, length, stride, count, RECEIVER)).toBe(
          true,
        );
        threads.close();
        check(counter, 64, length, stride, count);
      }
    }
    cipher.destroy();
    provider.destroy?.();
  });

  it('continue without threads that end in the middle of their work', async () => {
    const provider = createOpensslProvider(threads);
    const cipher = provider.createCipher(KEY);
    await start(1);
    await start(2);
    await start(3);
    const [length, stride, count] = [1420, 1536, 128];
    let counter = 0;
    let ended = 0;
    const exits = workers.map((worker) => once(worker, 'exit').then(() => ended++));
    // This thread is busy meanwhile, so no `exit` event tells it that another thread has ended.
    for (const worker of workers) {
      void worker.terminate();
      for (let round = 0; round < 200; round++, counter += count) {
        threads.open();
        fill(counter, 64, length, stride, count);
        const isShared = cipher.sealRunLater!(counter, memory, 64, length, stride, count, RECEIVER);
        if (!isShared) break;
        threads.finish();
        threads.close();
        if (round % 20 === 0) check(counter, 64, length, stride, count);
      }
    }
    await Promise.all(exits);
    expect(ended).toBe(3);
    cipher.destroy();
    provider.destroy?.();
  });

  it('share only runs of their memory that are aligned and not too short or long, while open', async () => {
    const provider = createOpensslProvider(threads);
    const cipher = provider.createCipher(KEY);
    const share = (count: number, buffer = memory, offset = 64): boolean =>
      cipher.sealRunLater!(0, buffer, offset, 1420, 1536, count, RECEIVER);
    threads.open();
    expect(share(45)).toBe(false); // no other thread
    threads.close();
    await start(1);
    expect(share(45)).toBe(false); // not open
    threads.open();
    expect(share(1)).toBe(false);
    expect(share(129)).toBe(false);
    expect(share(45, new Uint8Array(1 << 19))).toBe(false);
    expect(share(45, memory, 80)).toBe(false);
    expect(threads.isBusy).toBe(false);
    expect(share(45)).toBe(true);
    expect(threads.isBusy).toBe(true);
    threads.finish();
    expect(threads.isBusy).toBe(false);
    cipher.destroy();
    provider.destroy?.();
  });

  it('report without waiting which runs are finished, and write their headers', async () => {
    const provider = createOpensslProvider(threads);
    const cipher = provider.createCipher(KEY);
    await start(1);
    threads.open();
    const [length, stride, count] = [1420, 1536, 45];
    const before = threads.mark;
    expect(threads.hasFinished(before)).toBe(true);
    fill(7, 64, length, stride, count);
    expect(cipher.sealRunLater!(7, memory, 64, length, stride, count, RECEIVER)).toBe(true);
    // Jobs that were finished stay finished when others are published.
    expect(threads.hasFinished(before)).toBe(true);
    expect(threads.isBusy).toBe(true);
    // The other thread seals all messages, because this one does not help.
    while (!threads.hasFinished(threads.mark));
    expect(threads.isBusy).toBe(false);
    check(7, 64, length, stride, count);
    threads.finish(before);
    expect(threads.isBusy).toBe(false);
    threads.close();
    cipher.destroy();
    provider.destroy?.();
  });

  it('finish a run before its key is destroyed', async () => {
    const provider = createOpensslProvider(threads);
    const cipher = provider.createCipher(KEY);
    await start(1);
    threads.open();
    fill(7, 64, 1420, 1536, 45);
    cipher.sealRunLater!(7, memory, 64, 1420, 1536, 45, RECEIVER);
    cipher.destroy();
    expect(threads.isBusy).toBe(false);
    check(7, 64, 1420, 1536, 45);
    provider.destroy?.();
  });

  it('open messages with the same results as one thread, in the order of the caller', async () => {
    const provider = createOpensslProvider(threads);
    const cipher = provider.createCipher(KEY);
    const other = provider.createCipher(new Uint8Array(32).fill(9));
    await start(1);
    await start(2);
    for (const [length, count] of [
      [1420, 45],
      [1424, 200],
      [449, 300],
    ] as const) {
      const messages = received(length, count);
      threads.beginOpening();
      for (const { key, counter, at } of messages) {
        (key === KEY ? cipher : other).openLater!(counter, memory, at, length);
      }
      threads.publishLast();
      for (const [i, { key, counter, at, isRight }] of messages.entries()) {
        // The engine does not open a message whose session has ended meanwhile.
        if (i % 11 === 5) continue;
        const opened = (key === KEY ? cipher : other).open(counter, memory, at, length);
        expect([i, opened]).toEqual([i, isRight]);
        const text = memory.subarray(at, at + length);
        expect(text.every((byte) => byte === textOf(counter))).toBe(isRight);
      }
      threads.endOpening();
      expect(threads.isBusy).toBe(false);
    }
    other.destroy();
    cipher.destroy();
    provider.destroy?.();
  });

  it('lose at most the messages in progress when threads end, and open all others', async () => {
    const provider = createOpensslProvider(threads);
    const cipher = provider.createCipher(KEY);
    await start(1);
    await start(2);
    let lost = 0;
    for (const worker of [...workers, undefined]) {
      const end = worker && once(worker, 'exit');
      void worker?.terminate();
      for (let round = 0; round < 50; round++) {
        const messages = received(1420, 45).filter(({ key, isRight }) => key === KEY && isRight);
        threads.beginOpening();
        for (const { counter, at } of messages) cipher.openLater!(counter, memory, at, 1420);
        threads.publishLast();
        for (const { counter, at } of messages) {
          if (!cipher.open(counter, memory, at, 1420)) lost++;
        }
        threads.endOpening();
      }
      await end;
    }
    expect(lost).toBeLessThanOrEqual(2 * 2);
    cipher.destroy();
    provider.destroy?.();
  });
});

interface Received {
  key: Uint8Array;
  counter: number;
  at: number;
  isRight: boolean;
}

/**
 * Makes messages one behind the other, as they are received. Some have a changed text, and some
 * have another key.
 */
function received(length: number, count: number): Received[] {
  const other = new Uint8Array(32).fill(9);
  return Array.from({ length: count }, (_, i) => {
    const key = i % 13 === 4 ? other : KEY;
    const counter = 2 ** 32 - 20 + i + (i % 17 === 3 ? 5 : 0);
    const at = 64 + 16 + i * (length + 32);
    memory.fill(textOf(counter), at, at + length);
    nobleProvider.createCipher(key).seal(counter, memory, at, length);
    const isRight = i % 7 !== 2;
    if (!isRight) memory[at + length - 1] ^= 1;
    return { key, counter, at, isRight };
  });
}
