import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { dial, HALF_CLOSED_MS, joinSockets } from '../../src/proxy/join-sockets.ts';
import { ServiceCounts } from '../../src/proxy/proxy-counts.ts';
import {
  connectTo,
  LoopbackNetwork,
  nextTurn,
  readAll,
  TestServer,
  until,
  unusedPort,
} from './loopback.ts';

const network = new LoopbackNetwork();
const opened: { close(): Promise<void> }[] = [];

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));

afterEach(async () => {
  vi.useRealTimers();
  for (const server of opened.splice(0)) await server.close();
});

describe('joinSockets', () => {
  test('passes bytes on, and passes the end of one direction on while the other direction stays open', async () => {
    const { client, target, counts, joined } = await joinedPair();
    client.end('question');
    expect(String(await readAll(target))).toBe('question');
    target.write('answer');
    const [answer] = (await once(client, 'data')) as [Buffer];
    expect(String(answer)).toBe('answer');
    expect(counts.open).toBe(1);
    target.end(' is over');
    expect(String(await readAll(client))).toBe(' is over');
    await joined;
    expect(counts).toMatchObject({ open: 0, opened: 1, bytesForth: 8, bytesBack: 14 });
  });

  test('passes a reset of the client on as a reset', async () => {
    const { client, target, joined } = await joinedPair();
    const lost = once(target, 'error');
    client.write('x');
    await once(target, 'data');
    client.resetAndDestroy();
    expect(await lost).toMatchObject([{ code: 'ECONNRESET' }]);
    await joined;
  });

  test('passes a reset of the target on as a reset', async () => {
    const { client, target, joined } = await joinedPair();
    const lost = once(client, 'error');
    target.write('x');
    await once(client, 'data');
    target.resetAndDestroy();
    expect(await lost).toMatchObject([{ code: 'ECONNRESET' }]);
    await joined;
  });

  test('slows down a sender whose receiver does not read', async () => {
    const { client, target, counts, joined } = await joinedPair();
    const length = 64 << 20;
    client.end(Buffer.alloc(length));
    let before = -1;
    // The loop ends when the buffers of the kernel and of the streams are full.
    while (before !== counts.bytesForth) {
      before = counts.bytesForth;
      for (let turns = 0; turns < 1000; turns++) await nextTurn();
    }
    expect(counts.bytesForth).toBeGreaterThan(0);
    expect(counts.bytesForth).toBeLessThan(length / 2);
    expect((await readAll(target)).length).toBe(length);
    target.end();
    client.resume();
    await joined;
  });

  test('ends a half-closed connection that is silent', async () => {
    const { client, target, counts, joined } = await joinedPair();
    client.end();
    await readAll(target);
    await until(() => vi.getTimerCount() > 0);
    vi.advanceTimersByTime(HALF_CLOSED_MS - 1);
    target.write('x');
    await once(client, 'data');
    vi.advanceTimersByTime(HALF_CLOSED_MS - 1);
    expect(counts.open).toBe(1);
    vi.advanceTimersByTime(1);
    await joined;
    expect(counts.open).toBe(0);
  });
});

describe('dial', () => {
  test('connects to a name', async () => {
    const server = await echo();
    const socket = await dial(network, { host: 'inside.test', port: server.port });
    socket.end('x');
    expect(String(await readAll(socket as Socket))).toBe('x');
  });

  test.each([
    ['ECONNREFUSED', '127.0.0.1'],
    ['ENOTFOUND', 'outside.test'],
  ])('rejects with %s', async (code, host) => {
    await expect(dial(network, { host, port: await unusedPort() })).rejects.toMatchObject({ code });
  });

  test('rejects with ETIMEDOUT if nobody answers', async () => {
    const attempt = dial(silentNetwork(), { host: '10.0.0.9', port: 80 }).catch(
      (error: unknown) => error,
    );
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await attempt).toMatchObject({
      code: 'ETIMEDOUT',
      message: 'connect ETIMEDOUT 10.0.0.9:80',
    });
  });

  test('ends the attempt if the client has gone', async () => {
    const server = await echo();
    const client = await connectTo(server.port);
    const attempt = dial(silentNetwork(), { host: '10.0.0.9', port: 80 }, { client });
    client.destroy();
    await expect(attempt).rejects.toMatchObject({ code: 'ECANCELED' });
    const late = dial(network, { host: '127.0.0.1', port: server.port }, { client });
    await expect(late).rejects.toMatchObject({ code: 'ECANCELED' });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('gives the target only five seconds more if the client has ended its side', async () => {
    const [client, accepted] = await pair();
    const attempt = dial(silentNetwork(), { host: '10.0.0.9', port: 80 }, { client: accepted });
    const failed = attempt.catch((error: unknown) => error);
    client.end();
    await until(() => accepted.readableEnded);
    await vi.advanceTimersByTimeAsync(4999);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await failed).toMatchObject({ code: 'ECANCELED' });
  });

  test('keeps the bytes that the client sends during the attempt, and the end of its side', async () => {
    const server = await echo();
    const [client, accepted] = await pair();
    client.end('question');
    await nextTurn();
    const target = { host: '127.0.0.1', port: server.port };
    const far = await dial(network, target, { client: accepted });
    const joined = joinSockets(accepted, far, new ServiceCounts());
    expect(String(await readAll(client))).toBe('question');
    await joined;
  });
});

/** Returns a network in which no look-up ever ends, so every attempt to connect waits. */
function silentNetwork(): LoopbackNetwork {
  const silent = new LoopbackNetwork();
  silent.lookup = () => {};
  return Object.assign(silent, {
    connect: (options: Parameters<LoopbackNetwork['connect']>[0]) =>
      LoopbackNetwork.prototype.connect.call(silent, { ...options, host: 'silent.test' }),
  });
}

/** Returns both ends of a connection. */
async function pair(): Promise<[Socket, Socket]> {
  const server = await TestServer.start(() => {});
  opened.push(server);
  const client = await connectTo(server.port);
  await until(() => server.sockets.length === 1);
  return [client, server.sockets[0]];
}

async function echo(): Promise<TestServer> {
  const server = await TestServer.echo();
  opened.push(server);
  return server;
}

/** Returns a client and a target whose connections are joined. */
async function joinedPair(): Promise<{
  client: Socket;
  target: Socket;
  counts: ServiceCounts;
  joined: Promise<void>;
}> {
  const [front, back] = [await TestServer.start(() => {}), await TestServer.start(() => {})];
  opened.push(front, back);
  const [client, far] = [await connectTo(front.port), await connectTo(back.port)];
  await until(() => front.sockets.length > 0 && back.sockets.length > 0);
  const counts = new ServiceCounts();
  const joined = joinSockets(front.sockets[0], far, counts);
  return { client, target: back.sockets[0], counts, joined };
}
