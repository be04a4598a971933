import { once } from 'node:events';
import type * as net from 'node:net';
import { describe, expect, test } from 'vitest';
import { Server, Socket } from '../../src/index.ts';
import { linkedHosts } from '../linked-hosts.ts';
import { expectSame } from '../side-by-side.ts';

const SERVER_EVENTS = ['listening', 'error', 'drop', 'close'];

describe('Server, compared with node:net', () => {
  test('listens, and closes', () =>
    expectSame(async (module, trace) => {
      const server = module.createServer();
      trace.watch('server', server, SERVER_EVENTS);
      trace.add(server.listening, server.address());
      trace.add(server.listen(0, module.address) === server);
      await once(server, 'listening');
      const { address, family } = server.address() as net.AddressInfo;
      trace.add(server.listening, address, family);
      await new Promise((resolve) => server.close(resolve));
      trace.add(server.listening, server.address());
    }));

  test('refuses to listen twice, and to close twice', () =>
    expectSame(async (module, trace) => {
      const server = module.createServer().listen(0, module.address);
      await once(server, 'listening');
      try {
        server.listen(0, module.address);
      } catch (error) {
        trace.add((error as NodeJS.ErrnoException).code);
      }
      await new Promise((resolve) => server.close(resolve));
      await new Promise<void>((resolve) => {
        server.close((error) => {
          trace.add(error);
          resolve();
        });
      });
    }));

  test('says that a port is taken', () =>
    expectSame(async (module, trace) => {
      const first = module.createServer().listen(0, module.address);
      await once(first, 'listening');
      const { port } = first.address() as net.AddressInfo;
      const second = module.createServer();
      trace.watch('second', second, SERVER_EVENTS);
      second.listen({ port, host: module.address });
      await new Promise((resolve) => second.once('error', resolve));
      trace.add(second.listening);
      // The second server may try again.
      second.listen(0, module.address);
      await new Promise((resolve) => second.once('listening', resolve));
      await Promise.all([first, second].map((it) => new Promise((resolve) => it.close(resolve))));
    }));

  test('counts connections, and drops those above the limit', () =>
    expectSame(async (module, trace) => {
      const server = module.createServer((it) => it.resume()).listen(0, module.address);
      await once(server, 'listening');
      server.maxConnections = 1;
      server.on('drop', (data) => trace.add('drop', Object.keys(data ?? {}).toSorted()));
      const { port } = server.address() as net.AddressInfo;
      const first = module.connect(port, module.address);
      await Promise.all([once(first, 'connect'), once(server, 'connection')]);
      const second = module.connect(port, module.address);
      second.on('error', () => {}).resume();
      await Promise.all([once(server, 'drop'), once(second, 'close')]);
      trace.add(await connectionsOf(server));
      first.end().resume();
      await once(first, 'close');
      await new Promise((resolve) => server.close(resolve));
      trace.add(await connectionsOf(server));
    }));

  test('emits close when its connections have ended', () =>
    expectSame(async (module, trace) => {
      const server = module.createServer((it) => it.resume()).listen(0, module.address);
      await once(server, 'listening');
      const { port } = server.address() as net.AddressInfo;
      const socket = module.connect(port, module.address).resume();
      await Promise.all([once(socket, 'connect'), once(server, 'connection')]);
      trace.watch('server', server, SERVER_EVENTS);
      server.close(() => trace.add('callback'));
      trace.add(server.listening);
      socket.on('end', () => trace.add('the client has ended'));
      socket.end();
      await once(server, 'close');
    }));

  test('makes paused sockets', () =>
    expectSame(async (module, trace) => {
      const server = module.createServer({ pauseOnConnect: true }).listen(0, module.address);
      await once(server, 'listening');
      const { port } = server.address() as net.AddressInfo;
      const accepted = once(server, 'connection') as Promise<[net.Socket]>;
      const socket = module.connect(port, module.address);
      socket.end('hello');
      socket.resume();
      const [other] = await accepted;
      trace.add(other.isPaused(), other.readableFlowing);
      trace.add(String(Buffer.concat(await other.toArray())));
      await new Promise((resolve) => server.close(resolve));
    }));

  test('is closed by a signal', () =>
    expectSame(async (module, trace) => {
      const abort = new AbortController();
      const server = module.createServer();
      trace.watch('server', server, SERVER_EVENTS);
      server.listen({ port: 0, host: module.address, signal: abort.signal });
      await once(server, 'listening');
      abort.abort();
      await once(server, 'close');
      trace.add(server.listening);
    }));
});

describe('Server', () => {
  test('listens at all addresses, or at all IPv4 addresses', async () => {
    const [a, b] = linkedHosts();
    const all = new Server(b, {}, (it) => it.resume().end('all')).listen(80);
    const four = new Server(b, {}, (it) => it.resume().end('four')).listen(81, '0.0.0.0');
    expect(all.address()).toEqual({ address: '::', family: 'IPv6', port: 80 });
    expect(four.address()).toEqual({ address: '0.0.0.0', family: 'IPv4', port: 81 });
    expect(await textFrom(new Socket(a).connect(80, '10.0.0.2'))).toBe('all');
    expect(await textFrom(new Socket(a).connect(80, 'fd00::2'))).toBe('all');
    expect(await textFrom(new Socket(a).connect(81, '10.0.0.2'))).toBe('four');
    await expect(textFrom(new Socket(a).connect(81, 'fd00::2'))).rejects.toThrow('ECONNREFUSED');
    all.close();
    four.close();
  });

  test('listens at the address of a name', async () => {
    const [, b] = linkedHosts();
    const server = new Server(b).listen({ port: 80, host: 'localhost' });
    await once(server, 'listening');
    expect(server.address()).toEqual({ address: '10.0.0.2', family: 'IPv4', port: 80 });
    server.close();
  });

  test('says that an address is not one of the network', async () => {
    const [, b] = linkedHosts();
    const server = new Server(b).listen(80, '10.9.9.9');
    const [error] = (await once(server, 'error')) as [NodeJS.ErrnoException];
    expect(error.message).toBe('listen EADDRNOTAVAIL: address not available 10.9.9.9:80');
  });

  test('fails with the reason for which the network was closed', async () => {
    const [, b] = linkedHosts();
    const server = new Server(b).listen(80);
    const reason = new Error('the reason');
    const failed = new Promise<void>((resolve) => server.once('close', resolve));
    const errors: Error[] = [];
    server.on('error', (error) => errors.push(error));
    b.host.fail(reason);
    await failed;
    expect(errors).toEqual([reason]);
    expect(await once(new Server(b).listen(80), 'error')).toEqual([reason]);
  });

  test('keeps the process alive while it listens and is not unref’d', async () => {
    const [, b] = linkedHosts();
    const server = new Server(b).listen(80);
    expect(b.host.isHeld).toBe(true);
    server.unref();
    expect(b.host.isHeld).toBe(false);
    server.ref();
    await server[Symbol.asyncDispose]();
    expect(b.host.isHeld).toBe(false);
  });
});

async function textFrom(socket: Socket): Promise<string> {
  return String(Buffer.concat(await socket.toArray()));
}

function connectionsOf(server: net.Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
}
