import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { linux, type SystemError } from '@litz/sys';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TunStream, type TunStreamOptions } from '../src/index.ts';
import { openTun } from '../src/open-tun.ts';
import { FakeReadiness, FakeTun } from './fake-tun.ts';

const { POLLIN, POLLOUT } = linux;
const EIO = -5;
const EBADFD = -77;

let tun: FakeTun;
let readiness: FakeReadiness;
let failure: Error | undefined;

vi.mock(import('../src/open-tun.ts'), async (importOriginal) => ({
  ...(await importOriginal()),
  openTun: vi.fn<typeof openTun>(),
}));

vi.mock(import('../src/readiness.ts'), () => ({
  // The mock is called with `new`, so it cannot be an arrow function.
  Readiness: function (options: FakeReadiness['options']) {
    if (failure) throw failure;
    return (readiness = new FakeReadiness(options));
  } as never,
}));

beforeEach(() => {
  tun = new FakeTun();
  vi.mocked(openTun)
    .mockReset()
    .mockReturnValue(tun as never);
});

afterEach(() => {
  failure = undefined;
});

describe('TunStream when it reads', () => {
  test('copies each packet out of its buffer, without the vnet header', async () => {
    const stream = new TunStream();
    tun.toRead.push(packet(1, 100), packet(2, 20), packet(3, 65_535));
    expect(await chunks(stream, 3)).toEqual([packet(1, 100), packet(2, 20), packet(3, 65_535)]);
  });

  test('waits for POLLIN if there is no packet, and reads when POLLIN comes', async () => {
    const stream = new TunStream();
    const next = once(stream, 'data');
    await setImmediate();
    expect(readiness.requested).toBe(POLLIN);
    tun.toRead.push(packet(7));
    readiness.fire();
    expect(await next).toEqual([packet(7)]);
    expect(readiness.requested).toBe(POLLIN);
  });

  test('does not read before a consumer reads', async () => {
    const stream = new TunStream();
    tun.toRead.push(packet(1));
    await setImmediate();
    expect(tun.toRead).toHaveLength(1);
    expect(readiness.requested).toBe(0);
    stream.destroy();
  });

  test('leaves packets above the high-water mark to the kernel', async () => {
    const stream = new TunStream({ readableHighWaterMark: 4 });
    tun.toRead.push(...packets(10));
    stream.on('readable', () => {});
    await setImmediate();
    expect(stream.readableLength).toBe(4);
    expect(tun.toRead).toHaveLength(6);
    expect(readiness.requested).toBe(0);
    expect(await chunks(stream, 10)).toEqual(packets(10));
  });

  test('lets other work of the event loop run while packets keep coming', async () => {
    const stream = new TunStream();
    tun.toRead.push(...packets(200));
    let seen = 0;
    stream.on('data', () => seen++);
    await new Promise<void>((resolve) => process.nextTick(resolve));
    await new Promise<void>((resolve) => queueMicrotask(resolve));
    expect(seen).toBe(64);
    for (let turn = 0; turn < 4; turn++) await setImmediate();
    expect(seen).toBe(200);
  });

  test('stops reading when a listener releases it', async () => {
    const stream = new TunStream();
    let seen = 0;
    stream.on('data', () => {
      if (++seen === 3) stream.release();
    });
    await setImmediate();
    tun.toRead.push(...packets(10));
    readiness.fire();
    await once(stream, 'close');
    expect(seen).toBe(3);
    expect(tun.toRead).toHaveLength(7);
  });

  test('is destroyed when the interface is gone', async () => {
    const stream = new TunStream();
    stream.resume();
    await setImmediate();
    tun.toRead.push(-1);
    readiness.fire(linux.POLLERR);
    const [error] = (await once(stream, 'error')) as [SystemError];
    expect(error).toMatchObject({ errno: 'EBADFD', syscall: 'read' });
    expect(tun.fd).toBe(-1);
  });

  test('emits drop for a packet that cannot be read, and reads the next one', async () => {
    const stream = new TunStream();
    const told: (Buffer | SystemError)[] = [];
    stream.on('data', (packet: Buffer) => told.push(packet));
    stream.on('drop', (error: SystemError) => told.push(error));
    await setImmediate();
    const [first, second] = packets(2);
    for (const packet of [first, second]) {
      tun.toRead.push(...Array<number>(7).fill(-linux.EINVAL), packet);
    }
    readiness.fire();
    await setImmediate();
    const lost = Array.from({ length: 7 }, () =>
      expect.objectContaining({ errno: 'EINVAL', syscall: 'read' }),
    );
    expect(told).toEqual([...lost, first, ...lost, second]);
    expect(stream.destroyed).toBe(false);
  });

  test('is destroyed after 8 failed reads in a row when POLLIN has woken it', async () => {
    const stream = new TunStream();
    stream.resume();
    await setImmediate();
    tun.toRead.push(...Array<number>(9).fill(-5));
    readiness.fire();
    const [error] = (await once(stream, 'error')) as [SystemError];
    expect(error).toMatchObject({ errno: 'EIO', syscall: 'read' });
    expect(tun.toRead).toHaveLength(1);
  });
});

describe('TunStream when it writes', () => {
  test('puts an empty vnet header in front of each packet', async () => {
    const stream = new TunStream();
    // The packet that is read first leaves its vnet header in the buffer.
    tun.toRead.push(packet(1));
    await chunks(stream, 1);
    await written(stream, packet(2, 60));
    expect(tun.written).toEqual([packet(2, 60)]);
    expect(tun.headers).toEqual([new Uint8Array(10)]);
  });

  test('keeps packets that would block, and writes them in order at POLLOUT', async () => {
    const stream = new TunStream();
    stream.cork();
    const last = [1, 2, 3].map((n) => written(stream, packet(n))).at(-1);
    tun.results.push(20, 0);
    stream.uncork();
    await setImmediate();
    expect(tun.written).toEqual([]);
    expect(readiness.requested).toBe(POLLOUT);
    readiness.fire();
    await last;
    expect(tun.written).toEqual([packet(2), packet(3)]);
  });

  test('waits for POLLIN and POLLOUT at once', async () => {
    const stream = new TunStream();
    stream.resume();
    await setImmediate();
    tun.results.push(0);
    const done = written(stream, packet(1));
    expect(readiness.requested).toBe(POLLIN | POLLOUT);
    readiness.fire(POLLOUT);
    await done;
    expect(readiness.requested).toBe(POLLIN);
  });

  test('emits drop for each refused packet, and writes the others', async () => {
    const stream = new TunStream();
    const errors: SystemError[] = [];
    stream.on('drop', (error: SystemError) => errors.push(error));
    stream.cork();
    const last = [1, 2, 3].map((n) => written(stream, packet(n))).at(-1);
    tun.results.push(EIO, 20, EIO);
    stream.uncork();
    await last;
    expect(errors.map(({ errno }) => errno)).toEqual(['EIO', 'EIO']);
    expect(stream.destroyed).toBe(false);
  });

  test('refuses a chunk that is longer than an IP packet', async () => {
    const stream = new TunStream();
    const dropped = once(stream, 'drop');
    await written(stream, new Uint8Array(65_536));
    expect(await dropped).toMatchObject([{ errno: 'EMSGSIZE' }]);
    expect(tun.written).toEqual([]);
  });

  test('is destroyed when the interface is gone', async () => {
    const stream = new TunStream();
    const failed = once(stream, 'error');
    tun.results.push(EBADFD);
    await expect(written(stream, packet(1))).rejects.toMatchObject({ errno: 'EBADFD' });
    expect(await failed).toMatchObject([{ errno: 'EBADFD', syscall: 'write' }]);
  });

  test('fails a waiting write when it is released', async () => {
    const stream = new TunStream();
    tun.results.push(0);
    const waiting = written(stream, packet(1));
    stream.release();
    await expect(waiting).rejects.toMatchObject({ errno: 'ECANCELED' });
    expect(tun.written).toEqual([]);
  });

  test('continues to read after end', async () => {
    const stream = new TunStream();
    stream.end(packet(1));
    await once(stream, 'finish');
    tun.toRead.push(packet(2));
    expect(await chunks(stream, 1)).toEqual([packet(2)]);
  });
});

describe('TunStream when it ends', () => {
  test.each<[string, (stream: TunStream) => unknown]>([
    ['release', (stream) => stream.release()],
    ['destroy', (stream) => stream.destroy()],
  ])('%s closes the descriptor only after the thread has stopped using it', async (_, end) => {
    const stream = new TunStream();
    const stop = vi.spyOn(readiness, 'stop').mockImplementation(function (this: FakeReadiness) {
      expect(tun.fd).toBe(1000);
      FakeReadiness.prototype.stop.call(this);
    });
    end(stream);
    expect(stop).toHaveBeenCalledOnce();
    expect(stream.fd).toBe(-1);
    await once(stream, 'close');
  });

  test('calls the callbacks of two releases after the stream is closed', async () => {
    const stream = new TunStream();
    await new Promise<void>((resolve) => stream.release(resolve));
    expect(stream.closed).toBe(true);
    await new Promise<void>((resolve) => stream.release(resolve));
  });

  test('ignores a report of its thread that comes after release', async () => {
    const stream = new TunStream();
    stream.resume();
    await setImmediate();
    stream.release();
    tun.toRead.push(packet(1));
    readiness.fire(POLLIN);
    expect(tun.toRead).toHaveLength(1);
  });

  test('is destroyed with the error of its thread', async () => {
    const stream = new TunStream();
    const broken = new Error('no thread');
    const failed = once(stream, 'error');
    readiness.options.onError(broken);
    expect(await failed).toEqual([broken]);
    expect(tun.fd).toBe(-1);
  });

  test('closes the device if the thread cannot be created', () => {
    failure = new Error('too many descriptors');
    expect(() => new TunStream()).toThrow(failure);
    expect(tun.fd).toBe(-1);
  });

  test('refs and unrefs its thread, which keeps the process alive', () => {
    const stream = new TunStream();
    expect(stream.unref()).toBe(stream);
    expect(readiness.isReferenced).toBe(false);
    stream.ref();
    expect(readiness.isReferenced).toBe(true);
    stream.destroy();
  });
});

describe('TunStream as an interface', () => {
  test.each<[TunStreamOptions | undefined, Parameters<typeof openTun>[0]]>([
    [undefined, { name: 'tun%d' }],
    [{ name: 'vpn0' }, { name: 'vpn0' }],
    [{ mtu: 1280 }, { name: 'tun%d', mtu: 1280 }],
  ])('opens %j as %j', (options, opened) => {
    new TunStream(options).destroy();
    expect(openTun).toHaveBeenCalledExactlyOnceWith(opened);
  });

  test('returns the link-local address only if there is no other', () => {
    const stream = new TunStream();
    const address = Uint8Array.of(0xfe, 0x80, ...new Uint8Array(13), 1);
    tun.addAddress({ address, prefixLength: 64 });
    expect(stream.ipv6).toBe('fe80::1/64');
    stream.ipv6 = 'fd00::1/64';
    expect(stream.ipv6).toBe('fd00::1/64');
    stream.ipv6 = undefined;
    expect(stream.ipv6).toBe('fe80::1/64');
    expect(stream.ipv4).toBeUndefined();
    stream.destroy();
  });

  test('sets the IPv4 address and the IPv6 address separately', () => {
    const stream = new TunStream();
    stream.ipv4 = '10.0.0.1/24';
    stream.ipv6 = 'fd00::1/64';
    stream.ipv4 = '10.0.0.2/24';
    expect([stream.ipv4, stream.ipv6]).toEqual(['10.0.0.2/24', 'fd00::1/64']);
    stream.destroy();
  });
});

/** Bytes of one value. */
function packet(value: number, length = 20): Buffer {
  return Buffer.alloc(length, value);
}

function packets(count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => packet(i));
}

async function chunks(stream: TunStream, count: number): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    found.push(chunk as Buffer);
    if (found.length === count) break;
  }
  return found;
}

/** Rejects with the error of the write. */
function written(stream: TunStream, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}
