import { Worker } from 'node:worker_threads';
import { existsSync } from 'node:fs';
import { Endpoint } from '@litz/core';
import { libc, linux } from '@litz/sys';
import { describeWith, requirement } from '@litz/testkit';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { EventLoopUdp, openEventLoopUdp, openUdp, type UdpSockets } from '../src/index.ts';
import { runOf } from './run-of.ts';

const LOOPBACK = Uint8Array.of(127, 0, 0, 1);

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const sockets of opened.splice(0)) sockets.close();
});

const batched = requirement('batched UDP sockets (Linux with koffi)', () => {
  openUdp({ port: 0 }).close();
});
const BUILT = new URL('../dist/index.js', import.meta.url);
const built = requirement('the built @litz/udp', () =>
  existsSync(BUILT) ? true : 'run `tsc -b` first',
);

describe('openEventLoopUdp', () => {
  test('refuses wrong options', () => {
    expect(() => openEventLoopUdp({ port: 0 } as never)).toThrow(/"onReadable"/);
    expect(() => openEventLoopUdp({ port: -1, onReadable: () => {} })).toThrow(/"port"/);
  });
});

describeWith([batched], 'EventLoopUdp', () => {
  test('calls onReadable when datagrams arrive, and receives them', async () => {
    const { sockets, onReadable, from } = open();
    expect(sockets.port).toBeGreaterThan(0);
    expect(sockets.fds).toEqual([]);
    for (const byte of [1, 2]) {
      send(from, sockets, byte);
      await vi.waitFor(() => expect(onReadable).toHaveBeenCalled());
      expect(receiveAll(sockets)).toEqual([[byte]]);
      onReadable.mockClear();
    }
    expect(sockets.counters.receivedDatagrams).toBe(2);
  });

  test('sends single datagrams and runs', () => {
    const { sockets, from } = open();
    const to = new Endpoint(LOOPBACK, from.port);
    sockets.send(Uint8Array.of(9, 7), 1, 1, to, 0);
    sockets.sendRun(runOf(Uint8Array.of(1, 2, 3), 0, 1, 1, 1, 3, to));
    sockets.flush();
    expect(receiveAll(from)).toEqual([[7], [1], [2], [3]]);
    expect(sockets.updateFloodFilter(0)).toBe(Infinity);
    sockets.setMark(0);
  });

  test('does not call onReadable while many datagrams arrive, until none is left', async () => {
    const { sockets, from, onReadable } = open();
    for (let i = 0; i < 20; i++) send(from, sockets, i);
    await vi.waitFor(() => expect(onReadable).toHaveBeenCalled());
    expect(sockets.receive(() => {})).toBe(20);
    onReadable.mockClear();
    send(from, sockets, 1);
    await turn();
    expect(onReadable).not.toHaveBeenCalled();
    expect(receiveAll(sockets)).toEqual([[1]]);
    send(from, sockets, 2);
    await vi.waitFor(() => expect(onReadable).toHaveBeenCalled());
    expect(receiveAll(sockets)).toEqual([[2]]);
  });

  test('finds a datagram that came before the signals were on again', () => {
    const inner = openUdp({ port: 0 });
    const sockets = new EventLoopUdp(inner, () => {});
    opened.push(sockets);
    const results = [8, 0, 1, 8, 0, 0, 5];
    vi.spyOn(inner, 'receive').mockImplementation(() => results.shift() ?? 0);
    const received = Array.from({ length: 7 }, () => sockets.receive(() => {}));
    expect(received).toEqual([8, 1, 8, 0, 0, 0, 0]);
    expect(results).toEqual([5]);
  });

  test('makes no system calls after the last datagram until onReadable is called', async () => {
    const inner = openUdp({ port: 0, loopbackOnly: true });
    const onReadable = vi.fn<() => void>();
    const sockets = new EventLoopUdp(inner, onReadable);
    const from = openUdp({ port: 0, loopbackOnly: true });
    opened.push(sockets, from);
    expect(receiveAll(sockets)).toEqual([]);
    const receive = vi.spyOn(inner, 'receive');
    expect(sockets.receive(() => {})).toBe(0);
    expect(receive).not.toHaveBeenCalled();
    send(from, sockets, 3);
    await vi.waitFor(() => expect(onReadable).toHaveBeenCalled());
    expect(receiveAll(sockets)).toEqual([[3]]);
  });

  test('does not call onReadable after close', async () => {
    const { sockets, onReadable, from } = open();
    for (let i = 0; i < 20; i++) send(from, sockets, i);
    sockets.receive(() => {});
    sockets.close();
    sockets.close();
    onReadable.mockClear();
    expect(sockets.receive(() => {})).toBe(0);
    await turn();
    expect(onReadable).not.toHaveBeenCalled();
  });

  test('closes the sockets if the signals cannot be switched on', () => {
    const before = lowestFreeDescriptor();
    const fcntl = vi.spyOn(libc(), 'fcntl').mockReturnValue(-1);
    try {
      expect(() => openEventLoopUdp({ port: 0, onReadable: () => {} })).toThrow(/fcntl/);
    } finally {
      fcntl.mockRestore();
    }
    expect(lowestFreeDescriptor()).toBe(before);
  });
});

describeWith([batched], 'the signals of an EventLoopUdp', () => {
  test('are switched off if one of them cannot be switched on', async () => {
    const inner = openUdp({ port: 0, loopbackOnly: true });
    opened.push(inner);
    const [good = -1] = inner.fds;
    const onReadable = vi.fn<() => void>();
    const fds = vi.spyOn(inner, 'fds', 'get').mockReturnValue([good, 1 << 20]);
    expect(() => new EventLoopUdp(inner, onReadable)).toThrow(/fcntl/);
    fds.mockRestore();
    const from = openUdp({ port: 0, loopbackOnly: true });
    opened.push(from);
    from.send(Uint8Array.of(1), 0, 1, new Endpoint(LOOPBACK, inner.port), 0);
    from.flush();
    await turn();
    expect(onReadable).not.toHaveBeenCalled();
  });
});

describeWith([batched, built], 'openEventLoopUdp in another thread', () => {
  test('is refused, because that thread gets no signals', async () => {
    const code = `import(${JSON.stringify(BUILT.href)}).then(({ openEventLoopUdp }) => {
      try { openEventLoopUdp({ port: 0, onReadable() {} }); }
      catch ({ code }) { require('node:worker_threads').parentPort.postMessage(code); }
    });`;
    const worker = new Worker(code, { eval: true, execArgv: [], env: {} });
    const answer = await new Promise((resolve, reject) => {
      worker.on('message', resolve);
      worker.on('error', reject);
    });
    expect(answer).toBe('ERR_LITZ_UNSUPPORTED_PLATFORM');
    await worker.terminate();
  });
});

function open() {
  const onReadable = vi.fn<() => void>();
  const sockets = openEventLoopUdp({ port: 0, loopbackOnly: true, slots: 64, onReadable });
  const from = openUdp({ port: 0, loopbackOnly: true });
  opened.push(sockets, from);
  return { sockets, from, onReadable };
}

function send(from: UdpSockets, to: { port: number }, byte: number): void {
  from.send(Uint8Array.of(byte), 0, 1, new Endpoint(LOOPBACK, to.port), 0);
  from.flush();
}

function receiveAll(sockets: Pick<UdpSockets, 'receive'>): number[][] {
  const seen: number[][] = [];
  const sink = (buffer: Uint8Array, offset: number, length: number): void => {
    seen.push([...buffer.subarray(offset, offset + length)]);
  };
  while (sockets.receive(sink) > 0);
  return seen;
}

/** Waits a few turns of the event loop, in which a signal that was sent earlier is reported. */
async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Returns the lowest free descriptor, which is higher if a socket was left open. */
function lowestFreeDescriptor(): number {
  const fd = libc().open('/dev/null', linux.O_CLOEXEC, 0);
  libc().close(fd);
  return fd;
}
