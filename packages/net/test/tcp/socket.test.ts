import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type * as net from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { Server, Socket } from '../../src/index.ts';
import { linkedHosts } from '../linked-hosts.ts';
import { expectSame, type NetModule } from '../side-by-side.ts';

const SOCKET_EVENTS = [
  'lookup',
  'connectionAttempt',
  'connectionAttemptFailed',
  'connect',
  'ready',
  'data',
  'end',
  'finish',
  'timeout',
  'error',
  'close',
];

describe('Socket, compared with node:net', () => {
  test('connects, and has the addresses of both ends', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module);
      const socket = module.connect(port, module.address);
      trace.watch('client', socket, SOCKET_EVENTS);
      trace.add(socket.connecting, socket.pending, socket.readyState, socket.bytesRead);
      trace.add(socket.remoteAddress, socket.remoteFamily, socket.address(), socket.timeout);
      await once(socket, 'ready');
      trace.add(socket.connecting, socket.pending, socket.readyState);
      trace.add(socket.remoteAddress, socket.remoteFamily, socket.remotePort === port);
      trace.add(socket.localFamily, Object.keys(socket.address()).toSorted());
      socket.destroy();
      await once(socket, 'close');
      trace.add(socket.destroyed, socket.readyState, socket.pending);
      await close(server);
    }));

  test('fails if nobody listens at the port', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module);
      await close(server);
      const socket = module.connect({ port, host: module.address });
      trace.watch('client', socket, SOCKET_EVENTS);
      await closed(socket);
      trace.add(socket.destroyed, socket.readyState);
    }));

  test('ends when the other side ends', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => it.resume().end('bye'));
      const socket = module.connect(port, module.address);
      trace.watch('client', socket, ['data', 'end', 'finish', 'close']);
      await closed(socket);
      await close(server);
    }));

  test('keeps its own side open with allowHalfOpen', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => {
        it.end('bye');
        trace.watch('server', it, ['data', 'end']);
      });
      const socket = module.connect({ port, host: module.address, allowHalfOpen: true });
      trace.watch('client', socket, ['data', 'end', 'finish']);
      await once(socket, 'end');
      trace.add(socket.readyState, socket.writable);
      socket.end('more');
      await closed(socket);
      await close(server);
    }));

  test('refuses a write after the other side has ended', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => it.resume().end());
      const socket = module.connect(port, module.address);
      socket.resume();
      socket.on('end', () => {
        socket.write('late', (error) => trace.add('callback', error));
      });
      trace.watch('client', socket, ['error', 'close']);
      await closed(socket);
      await close(server);
    }));

  test('sends data that was written before the socket was connected', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => it.pipe(it));
      const socket = module.connect(port, module.address);
      trace.add(socket.write('abc', () => trace.add('written', socket.bytesWritten)));
      trace.add(socket.bytesWritten, socket.writableLength);
      socket.end('def', () => trace.add('ended'));
      trace.add(String(Buffer.concat(await socket.toArray())));
      await closed(socket);
      trace.add(socket.bytesRead, socket.bytesWritten);
      await close(server);
    }));

  test('fails a write if the socket is destroyed before it is connected', () =>
    expectSame(async (module, trace) => {
      const socket = module.connect(1, module.address);
      trace.watch('client', socket, SOCKET_EVENTS);
      socket.write('abc', (error) => trace.add('callback', error));
      socket.destroy();
      await closed(socket);
    }));

  test('is destroyed with an error of the program', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module);
      const socket = module.connect(port, module.address);
      trace.watch('client', socket, ['error', 'close']);
      await once(socket, 'connect');
      socket.destroy(new Error('enough'));
      await closed(socket);
      await close(server);
    }));

  test('resets, and the other side gets ECONNRESET', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module);
      const accepted = once(server, 'connection') as Promise<[net.Socket]>;
      const socket = module.connect(port, module.address);
      trace.watch('client', socket, ['error', 'close']);
      const [[other]] = await Promise.all([accepted, once(socket, 'connect')]);
      trace.watch('server', other, ['data', 'end', 'error', 'close']);
      socket.resetAndDestroy();
      await Promise.all([closed(socket), closed(other)]);
      await close(server);
    }));

  test('fails if resetAndDestroy is called before connect', () =>
    expectSame(async (module, trace) => {
      const socket = new module.Socket();
      trace.watch('client', socket, ['error', 'close']);
      socket.resetAndDestroy();
      await closed(socket);
    }));

  test('refuses a write if nobody has called connect', () =>
    expectSame(async (module, trace) => {
      const socket = new module.Socket();
      trace.watch('client', socket, ['finish', 'error', 'close']);
      socket.write('abc', (error) => trace.add('callback', error));
      await closed(socket);
    }));

  test('ends its side after it is connected, if end was called before connect', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => it.resume().end());
      const socket = new module.Socket();
      trace.watch('client', socket, ['connect', 'finish', 'close']);
      socket.end();
      await nextTurn();
      trace.add(socket.writableEnded, socket.writableFinished, socket.destroyed);
      socket.connect(port, module.address).resume();
      await closed(socket);
      await close(server);
    }));

  test('lists the addresses that were tried, but only if the name has several', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => it.resume().end());
      for (const count of [0, 1, 2]) {
        const addresses = [module.address, module.otherAddress].slice(0, count);
        const lookup: net.LookupFunction = (_host, _options, callback) =>
          callback(null, addresses.map((address) => ({ address, family: 4 })) as never, 4);
        const host = count === 0 ? module.address : 'name.test';
        const socket = module.connect({ port, host, lookup }).resume();
        await closed(socket);
        trace.add(count, socket.autoSelectFamilyAttemptedAddresses);
      }
      await close(server);
    }));

  test('throws what the lookup function of the program throws', () =>
    expectSame(async (module, trace) => {
      try {
        module.connect({ port: 80, host: 'name.test', lookup: noIdea });
      } catch (error) {
        trace.add(error);
      }
      await nextTurn();
    }));

  describe('with onread', () => {
    test('passes all bytes in the buffer of the program, and ends', () =>
      expectSame(async (module, trace) => {
        const { server, port } = await listen(module, (it) => it.resume().end('x'.repeat(100_000)));
        const buffer = Buffer.alloc(1000);
        let total = 0;
        let isRight = true;
        const callback = (count: number, bytes: Uint8Array): boolean => {
          isRight &&= bytes === buffer && Buffer.from(bytes.subarray(0, count)).equals(X(count));
          total += count;
          return true;
        };
        const onread = { buffer, callback };
        const socket = module.connect({ port, host: module.address, onread } as never);
        trace.watch('client', socket, ['data', 'end', 'error', 'close']);
        await closed(socket);
        trace.add(total, isRight, socket.bytesRead);
        await close(server);
      }));

    test('stops when the callback returns false, and goes on with resume', () =>
      expectSame(async (module, trace) => {
        const { server, port } = await listen(module, (it) => it.resume().end('x'.repeat(5000)));
        let buffers = 0;
        let total = 0;
        const onread = {
          buffer: () => {
            buffers++;
            return Buffer.alloc(1000);
          },
          callback: (count: number): boolean => {
            total += count;
            return false;
          },
        };
        const socket = module.connect({ port, host: module.address, onread } as never);
        trace.watch('client', socket, ['data', 'end', 'error']);
        for (let seen = 0; seen < 5000;) {
          await vi.waitUntil(() => total > seen);
          for (let i = 0; i < 5; i++) await nextTurn();
          trace.add(total - seen);
          seen = total;
          socket.resume();
        }
        await closed(socket);
        trace.add(buffers >= 5);
        await close(server);
      }));

    test('refuses wrong values of the option', () => {
      const [a] = linkedHosts();
      const create = (onread: unknown): Socket => new Socket(a, { onread } as never);
      expect(() => create(7)).toThrow('"onread" expected an object, got a number');
      expect(() => create({ buffer: 7, callback() {} })).toThrow('"onread.buffer" expected');
      expect(() => create({ buffer: new Uint8Array(1) })).toThrow('"onread.callback" expected');
    });
  });

  test('emits timeout after silence, and stays open', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => it.pipe(it));
      const socket = module.connect({ port, host: module.address, timeout: 20 });
      trace.add(socket.timeout);
      trace.watch('client', socket, ['timeout', 'close', 'error']);
      await once(socket, 'timeout');
      trace.add(socket.destroyed);
      const never = (): void => trace.add('never');
      trace.add(socket.setTimeout(10_000, never) === socket, socket.timeout);
      socket.setTimeout(0, never);
      trace.add(socket.timeout, socket.listenerCount('timeout'));
      socket.destroy();
      await closed(socket);
      await close(server);
    }));

  test('is destroyed by a signal', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module);
      const abort = new AbortController();
      const options = { port, host: module.address, signal: abort.signal };
      const socket = module.connect(options as net.NetConnectOpts);
      await once(socket, 'connect');
      trace.watch('client', socket, ['error', 'close']);
      abort.abort(new Error('the reason'));
      await closed(socket);
      await close(server);
    }));

  test('is destroyed by a signal that was aborted before', () =>
    expectSame(async (module, trace) => {
      const options = { port: 1, host: module.address, signal: AbortSignal.abort() };
      const socket = module.connect(options as net.NetConnectOpts);
      trace.watch('client', socket, ['connect', 'error', 'close']);
      await closed(socket);
    }));

  test('returns false from write when too many bytes wait, and then emits drain', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => it.resume());
      const socket = module.connect(port, module.address);
      await once(socket, 'connect');
      trace.add(socket.write(Buffer.alloc(10)), socket.writableNeedDrain);
      trace.add(socket.write(Buffer.alloc(30_000_000)), socket.writableNeedDrain);
      await once(socket, 'drain');
      trace.add(socket.writableLength, socket.bytesWritten);
      socket.end();
      await closed(socket.resume());
      await close(server);
    }));

  test('calls back for each write, in order', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => it.pipe(it));
      const socket = module.connect(port, module.address);
      socket.cork();
      for (const text of ['a', 'b', 'c']) socket.write(text, () => trace.add('written', text));
      socket.uncork();
      socket.write('ff', 'hex');
      socket.end('é', 'latin1');
      trace.add(Buffer.concat(await socket.toArray()));
      await close(server);
    }));

  test('decodes text', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => it.resume().end('grün'));
      const socket = module.connect(port, module.address);
      socket.setEncoding('utf8');
      let text = '';
      socket.on('data', (part: string) => (text += part));
      await once(socket, 'end');
      trace.add(text);
      await close(server);
    }));

  test('can be iterated, and used in a pipeline', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => void pipeline(it, it));
      const socket = module.connect(port, module.address);
      const sent = pipeline(Readable.from(['one', 'two']), socket);
      let received = '';
      for await (const chunk of socket) received += String(chunk);
      await sent;
      trace.add(received, socket.destroyed);
      await close(server);
    }));

  test('sends everything before destroySoon destroys it', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => it.resume());
      const socket = module.connect(port, module.address);
      await once(socket, 'connect');
      trace.watch('client', socket, ['finish', 'close', 'error']);
      socket.write('abc');
      socket.destroySoon();
      await closed(socket);
      await close(server);
    }));

  test('has the values of a new net.Socket, and methods that return the socket', () =>
    expectSame(async (module, trace) => {
      const socket = new module.Socket();
      trace.add(socket.connecting, socket.pending, socket.readyState, socket.address());
      trace.add(socket.setNoDelay() === socket, socket.setKeepAlive(true, 1000) === socket);
      trace.add(socket.ref() === socket, socket.unref() === socket);
      trace.add(socket.bytesRead, socket.bytesWritten, socket.timeout, socket.allowHalfOpen);
      trace.add(socket.localAddress, socket.remotePort, socket.destroyed);
    }));

  test('refuses wrong ports', () =>
    expectSame(async (module, trace) => {
      for (const port of [-1, 65_536, 1.5, Number.NaN, '0x', 'x']) {
        const options = { port: port as number, host: module.address };
        trace.add(
          errorOf(() => module.connect(options))?.code,
          errorOf(() => module.connect(options))?.name,
        );
      }
    }));

  test('looks a name up with a function of the program', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => it.resume().end());
      const lookup: net.LookupFunction = (host, options, callback) => {
        trace.add('asked for', host, options.all, options.family);
        callback(null, [{ address: module.address, family: 4 }] as never, 4);
      };
      const socket = module.connect({ port, host: 'name.test', lookup });
      trace.watch('client', socket, SOCKET_EVENTS);
      await closed(socket);
      await close(server);
    }));

  test('fails when the name is not found', () =>
    expectSame(async (module, trace) => {
      const socket = module.connect({ port: 80, host: 'name.test', lookup: findNothing });
      trace.watch('client', socket, SOCKET_EVENTS);
      await closed(socket);
    }));

  test('tries the next address when one refuses', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => it.resume().end());
      const lookup: net.LookupFunction = (_host, _options, callback) => {
        const addresses = [module.otherAddress, module.address];
        callback(null, addresses.map((address) => ({ address, family: 4 })) as never, 4);
      };
      const socket = module.connect({ port, host: 'name.test', lookup });
      trace.watch('client', socket, SOCKET_EVENTS);
      await closed(socket);
      trace.add(socket.autoSelectFamilyAttemptedAddresses);
      await close(server);
    }));

  test('fails with all errors when all addresses refuse', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module);
      await close(server);
      const lookup: net.LookupFunction = (_host, _options, callback) => {
        const addresses = [module.otherAddress, module.address];
        callback(null, addresses.map((address) => ({ address, family: 4 })) as never, 4);
      };
      const socket = module.connect({ port, host: 'name.test', lookup });
      trace.watch('client', socket, SOCKET_EVENTS);
      await closed(socket);
    }));

  test('connects from the local port that the program names', () =>
    expectSame(async (module, trace) => {
      const { server, port } = await listen(module, (it) => {
        trace.add(it.remotePort === 45_321);
        it.resume().end();
      });
      const socket = module.connect({ port, host: module.address, localPort: 45_321 });
      await closed(socket);
      await close(server);
    }));
});

describe('Socket', () => {
  test('makes the other side stop sending while the reader pauses', async () => {
    const [a, b] = linkedHosts();
    const server = new Server(b).listen(80);
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const socket = new Socket(a).connect(80, '10.0.0.2');
    const [other] = await accepted;
    const [sent, received] = [createHash('sha256'), createHash('sha256')];
    let isFull = false;
    while (!isFull) {
      const chunk = randomBytes(65_536);
      sent.update(chunk);
      if (!socket.write(chunk)) {
        const drained = once(socket, 'drain');
        isFull = (await Promise.race([drained, idle(b)])) === 'idle';
      }
    }
    // The receive buffer, the send buffer and the buffers of both streams are full. No more bytes
    // are accepted.
    expect(socket.bytesWritten).toBeLessThan(8 * 2 ** 20);
    expect(socket.writableNeedDrain).toBe(true);
    const drained = once(socket, 'drain');
    other.on('data', (chunk: Buffer) => received.update(chunk));
    await drained;
    socket.end();
    await once(other, 'end');
    expect(other.bytesRead).toBe(socket.bytesWritten);
    expect(received.digest('hex')).toBe(sent.digest('hex'));
    server.close();
  });

  test('tries the IPv4 address while the IPv6 address is silent (RFC 8305)', async () => {
    const [a, b] = linkedHosts({ both: ['fd00::2', '10.0.0.2'] });
    a.link.filter = (packet) => packet[0] >>> 4 === 4;
    const server = new Server(b, {}, (it) => it.end('hello')).listen(80);
    const options = { port: 80, host: 'both', autoSelectFamilyAttemptTimeout: 10 };
    const socket = new Socket(a).connect(options);
    await once(socket, 'connect');
    expect(socket.remoteAddress).toBe('10.0.0.2');
    expect(socket.autoSelectFamilyAttemptedAddresses).toEqual(['fd00::2:80', '10.0.0.2:80']);
    socket.destroy();
    server.close();
  });

  test('names the peer when the connectTimeout is over', async () => {
    const [a] = linkedHosts();
    a.link.filter = () => false;
    const socket = new Socket(a).connect({ port: 80, host: '10.0.0.2', connectTimeout: 10 });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'connect', address: '10.0.0.2' });
    expect(error.message).toBe(
      'connect ETIMEDOUT 10.0.0.2:80: no answer through the peer B within 10 ms',
    );
  });

  test('says that the network has no address of the version of the destination', async () => {
    const [a] = linkedHosts({}, [['10.0.0.1'], ['10.0.0.2']]);
    const socket = new Socket(a).connect(80, 'fd00::2');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error).toMatchObject({ code: 'ENETUNREACH', address: 'fd00::2', port: 80 });
  });

  test('says that the local address is not one of the network', async () => {
    const [a] = linkedHosts();
    const socket = new Socket(a).connect({ port: 80, host: '10.0.0.2', localAddress: '10.9.9.9' });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error).toMatchObject({ code: 'EADDRNOTAVAIL', syscall: 'connect' });
  });

  test('fails with the reason for which the network was closed', async () => {
    const [a, b] = linkedHosts();
    const server = new Server(b).listen(80);
    const socket = new Socket(a).connect(80, '10.0.0.2');
    await once(socket, 'connect');
    const waiting = new Socket(a).connect(80, '10.0.0.3');
    const reason = new Error('the reason');
    const failures = Promise.all([once(socket, 'error'), once(waiting, 'error')]);
    await nextTurn();
    a.host.fail(reason);
    expect((await failures).flat()).toEqual([reason, reason]);
    const late = new Socket(a).connect(80, '10.0.0.2');
    expect(await once(late, 'error')).toEqual([reason]);
    server.close();
  });

  test('throws no uncaught error if nobody listens for errors when the network fails', async () => {
    const [a, b] = linkedHosts();
    const server = new Server(b).listen(80);
    const socket = new Socket(a).connect(80, '10.0.0.2');
    await once(socket, 'connect');
    a.host.fail(new Error('the reason'));
    const hadError = await new Promise((resolve) => socket.once('close', resolve));
    expect(hadError).toBe(true);
    server.close();
  });

  test('keeps the process alive while it is open and not unref’d', async () => {
    const [a, b] = linkedHosts();
    const server = new Server(b, {}, (it) => it.resume()).listen(80);
    const socket = new Socket(a);
    expect(a.host.isHeld).toBe(false);
    socket.connect(80, '10.0.0.2');
    expect(a.host.isHeld).toBe(true);
    await once(socket, 'connect');
    socket.unref();
    expect(a.host.isHeld).toBe(false);
    socket.ref();
    expect(a.host.isHeld).toBe(true);
    socket.destroy();
    expect(a.host.isHeld).toBe(false);
    server.close();
  });
});

async function listen(
  module: NetModule,
  onConnection: (socket: net.Socket) => void = (it) => it.on('error', () => {}).resume(),
): Promise<{ server: net.Server; port: number }> {
  const server = module.createServer(onConnection);
  server.listen(0, module.address);
  await once(server, 'listening');
  return { server, port: (server.address() as net.AddressInfo).port };
}

async function close(server: net.Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

/** Resolves when the socket is closed, with or without an error. */
async function closed(socket: net.Socket): Promise<void> {
  if (socket.closed) {
    // `closed` is true a little before 'close' is emitted.
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    return;
  }
  if (socket.listenerCount('error') === 0) socket.on('error', () => {});
  if (socket.listenerCount('data') === 0 && !socket.readableFlowing) socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
}

/** Resolves when the host has received nothing for many turns. */
async function idle({ link }: { link: { received: number } }): Promise<'idle'> {
  let before = -1;
  while (before !== link.received) {
    before = link.received;
    for (let turn = 0; turn < 200; turn++) await nextTurn();
  }
  return 'idle';
}

function findNothing(
  _host: string,
  _options: unknown,
  callback: Parameters<net.LookupFunction>[2],
): void {
  callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '', 0);
}

function errorOf(run: () => unknown): NodeJS.ErrnoException | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function X(count: number): Buffer {
  return Buffer.alloc(count, 'x');
}

function noIdea(): never {
  throw new Error('no idea');
}
