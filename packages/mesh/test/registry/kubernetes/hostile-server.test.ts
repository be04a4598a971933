/**
 * Tests of a broken or hostile API server: its answers must not use much memory or time of the
 * agent, and must have no effect after the server is honest again.
 *
 * @module
 */
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { KubeApi } from '../../../src/registry/kubernetes/kube-api.ts';
import { LITZ_NODES } from '../../../src/registry/kubernetes/kube-resources.ts';
import { ListAndWatch } from '../../../src/registry/kubernetes/list-and-watch.ts';
import { ManualClock, settle, until } from '../../manual-clock.ts';
import { FakeKubeServer, statusOf } from './fake-kube-server.ts';

const NODES = '/apis/litz.dev/v1/litznodes';
const SERVER = 'API server http://fake.test:8001';

describe('a list', () => {
  test('is ended if it repeats itself, and the error names the kind of the objects', async () => {
    const { server, api } = setUp();
    for (let i = 0; i < 3; i++) server.answerNext((_, response) => page(response, ['a'], 'same'));
    await expect(names(api)).rejects.toThrow(
      `${SERVER}: the list of litznodes.litz.dev repeats itself or has more than 50000 objects`,
    );
    expect(server.requests).toHaveLength(2);
  });

  test('is given up after 50,000 objects if it has no end', async () => {
    const { server, api } = setUp();
    const items = Array.from({ length: 10_000 }, (_, i) => `n${i}`);
    let asked = 0;
    const answerNext = (): void =>
      server.answerNext((_, response) => {
        asked++;
        answerNext();
        page(response, items, String(asked));
      });
    answerNext();
    await expect(names(api)).rejects.toThrow('has more than 50000 objects');
    expect(asked).toBe(6);
  });

  test('is read in smaller pages after a page was too long, and so is the next list', async () => {
    const { server, api } = setUp();
    server.put(NODES, { metadata: { name: 'a' } });
    const bomb = gzipSync(Buffer.alloc(17 * 1024 * 1024, ' '));
    server.answerNext((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(bomb);
    });
    expect(await names(api)).toEqual(['a']);
    expect(await names(api)).toEqual(['a']);
    expect(server.requests.map((line) => /limit=\d+/.exec(line)?.[0])).toEqual([
      'limit=100',
      'limit=12',
      'limit=12',
    ]);
  });

  test('is ended if a single object is too long', async () => {
    const { server, api } = setUp();
    for (let i = 0; i < 4; i++) {
      server.answerNext((_, response) => response.end(Buffer.alloc(17 * 1024 * 1024, ' ')));
    }
    await expect(names(api)).rejects.toThrow(`${SERVER}: the response is too long`);
    expect(server.requests.at(-1)).toContain('limit=1');
  });

  test('is ended after two minutes if it comes byte by byte', async () => {
    const { server, api, clock } = setUp();
    let trickle!: () => void;
    server.answerNext((_, response) => {
      response.writeHead(200);
      trickle = () => response.write(' ');
      trickle();
    });
    let error: unknown;
    const asked = names(api).catch((thrown: unknown) => (error = thrown));
    await until(() => clock.waits.length === 2);
    for (let at = 0; at < 119; at += 17) {
      clock.advance(17_000);
      trickle();
      await settle();
    }
    expect(error).toBeUndefined();
    clock.advance(1000);
    await asked;
    expect(error).toMatchObject({ message: `${SERVER}: the response is not complete after 120 s` });
    expect(clock.waits).toEqual([]);
  });

  test.each<[string, (response: ServerResponse) => void, string]>([
    [
      'a redirect',
      (response) => {
        response.writeHead(302, { location: 'http://elsewhere.test/' });
        response.end();
      },
      `${SERVER}: status 302`,
    ],
    [
      'an HTML page',
      (response) => {
        response.writeHead(200, { 'content-type': 'text/html' });
        response.end('<html>');
      },
      `${SERVER}: the response to list is not JSON`,
    ],
    ['a number', (response) => response.end('5'), `${SERVER}: the response to a list request`],
    [
      'another protocol',
      (response) => {
        const lines = ['HTTP/1.1 101 Switching Protocols', 'upgrade: x', 'connection: upgrade'];
        response.socket?.end(`${lines.join('\r\n')}\r\n\r\n`);
      },
      `${SERVER}: status 101, which is no answer to a request`,
    ],
    ['not HTTP', (response) => response.socket?.end('SSH-2.0-x\r\n\r\n'), SERVER],
    [
      'headers without end',
      (response) => response.socket?.end(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n`),
      SERVER,
    ],
    [
      'plain text that is marked as gzip',
      (response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' });
        response.end('plain');
      },
      SERVER,
    ],
  ])('that is %s is refused, and the error names the server', async (_, answer, message) => {
    const { server, api, clock } = setUp();
    server.answerNext((__, response) => answer(response));
    const asked = names(api).catch((thrown: unknown) => thrown);
    await settle();
    clock.advance(30_000);
    const error = await asked;
    expect(error).toMatchObject({ name: 'KubeError' });
    expect((error as Error).message).toContain(message);
  });

  test('may contain an object with the name __proto__', async () => {
    const { server, api } = setUp();
    const item = '{"metadata":{"name":"__proto__"},"__proto__":{"polluted":true},"spec":{}}';
    server.answerNext((_, response) =>
      response.end(`{"metadata":{"resourceVersion":"1"},"items":[${item}]}`),
    );
    expect(await names(api)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('a watch', () => {
  test.each([
    [
      'never ends its line',
      (response: ServerResponse) => fill(response, 'x'),
      'a line of the response is too long',
    ],
    [
      'sends events without an object',
      (response: ServerResponse) => response.write('{"type":"ADDED"}\n'),
      'a watch event without type',
    ],
  ])('that %s is ended, and the next one is followed', async (_, spoil, message) => {
    const { server, clock, heard } = await started(['a']);
    server.answerNext((__, response) => {
      response.writeHead(200);
      spoil(response);
    });
    clock.advance(2000);
    server.endWatches();
    await until(() => heard.length === 2);
    expect(heard[1]).toContain(message);
    clock.advance(clock.waits[0]);
    await until(() => server.watching === 1);
    server.put(NODES, { metadata: { name: 'b' } });
    await until(() => heard.at(-1) === 'put b');
  });

  test('is ended like a silent watch if it sends bytes but no line', async () => {
    const { server, clock, heard } = await started(['a']);
    let trickle!: () => void;
    server.answerNext((_, response) => {
      response.writeHead(200);
      trickle = () => response.write('x');
      trickle();
    });
    clock.advance(2000);
    server.endWatches();
    await until(() => trickle !== undefined);
    for (let at = 0; at < 90; at += 10) {
      expect(heard).toEqual(['sync a']);
      await settle();
      clock.advance(10_000);
      trickle();
    }
    await until(() => heard.length === 2);
    expect(heard[1]).toBe(`trouble ${SERVER}: silent for 90 s`);
  });

  test.each([
    [400, 'BadRequest'],
    [504, 'Timeout'],
  ])(
    'is replaced by a list if the server refuses it with status %i, because the requested version came from a dishonest server',
    async (code, reason) => {
      const { server, clock, heard } = await started(['a']);
      server.sendEvent({
        type: 'BOOKMARK',
        object: { metadata: { resourceVersion: '99999999999999999999' } },
      });
      clock.advance(2000);
      server.put(NODES, { metadata: { name: 'b' } });
      server.delete(NODES, 'a');
      await settle();
      heard.length = 0;
      const asked = server.requests.length;
      for (let i = 0; i < 5; i++) {
        server.failNext(code, reason);
        if (i === 0) server.endWatches();
        else clock.advance(clock.waits[0]);
        await until(() => server.requests.length === asked + i + 1);
        await until(() => clock.waits.length === 1 && clock.waits[0] <= 10_000);
      }
      clock.advance(clock.waits[0]);
      await until(() => heard.includes('sync b'));
      await until(() => server.watching === 1);
      clock.advance(1000);
      expect(heard).toEqual([
        `trouble ${SERVER}: ${reason} said the server`,
        'sync b',
        'trouble undefined',
      ]);
    },
  );

  test('is tried again after a minute at most, even if the server wants a longer pause', async () => {
    const { server, clock, heard, loop } = setUpLoop();
    server.failNext(429, 'TooManyRequests', { 'retry-after': '1e9' });
    loop.start();
    await until(() => heard.length === 1 && clock.waits.length === 1);
    expect(clock.waits).toEqual([60_000]);
  });

  test('keeps the known objects if it ends with an error', async () => {
    const { server, heard } = await started(['a']);
    server.sendEvent({ type: 'ERROR', object: statusOf(500, 'InternalError') });
    await until(() => heard.length === 2);
    expect(heard.filter((line) => line.startsWith('deleted'))).toEqual([]);
  });
});

/** Writes without end, as fast as the other end reads. */
function fill(response: ServerResponse, letter: string): void {
  const piece = Buffer.alloc(65_536, letter);
  const write = (): void => {
    if (response.destroyed) return;
    if (response.write(piece)) setImmediate(write);
    else response.once('drain', write);
  };
  write();
}

function page(response: ServerResponse, items: readonly string[], next: string): void {
  const metadata = { resourceVersion: '1', continue: next };
  response.end(JSON.stringify({ metadata, items: items.map((name) => ({ metadata: { name } })) }));
}

async function names(api: KubeApi): Promise<string[]> {
  const found: string[] = [];
  for await (const { items } of api.list(LITZ_NODES)) {
    found.push(...items.map(({ metadata }) => metadata.name));
  }
  return found;
}

function apiOf(server: FakeKubeServer, clock = new ManualClock()): KubeApi {
  return new KubeApi(server.access, { agent: server.agent, clock });
}

function setUp(): { server: FakeKubeServer; api: KubeApi; clock: ManualClock } {
  const server = new FakeKubeServer();
  const clock = new ManualClock();
  return { server, clock, api: apiOf(server, clock) };
}

interface Loop {
  server: FakeKubeServer;
  clock: ManualClock;
  /** The reports to the listener. */
  heard: string[];
  loop: ListAndWatch<unknown>;
}

function setUpLoop(): Loop {
  const { server, api, clock } = setUp();
  const heard: string[] = [];
  const loop = new ListAndWatch<unknown>(
    api,
    LITZ_NODES,
    {
      onSync: (values) => heard.push(`sync ${[...values.keys()].join()}`),
      onObject: (name) => heard.push(`put ${name}`),
      onDeleted: (name) => heard.push(`deleted ${name}`),
      onTrouble: (trouble) => heard.push(`trouble ${trouble}`),
    },
    { read: () => undefined, clock, random: () => 0.25 },
  );
  return { server, clock, heard, loop };
}

async function started(objects: readonly string[]): Promise<Loop> {
  const parts = setUpLoop();
  for (const name of objects) parts.server.put(NODES, { metadata: { name } });
  parts.loop.start();
  await until(() => parts.server.watching === 1);
  return parts;
}
