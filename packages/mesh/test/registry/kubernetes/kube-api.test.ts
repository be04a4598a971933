import { describe, expect, test } from 'vitest';
import { KubeApi } from '../../../src/registry/kubernetes/kube-api.ts';
import { KubeError } from '../../../src/registry/kubernetes/kube-error.ts';
import { LITZ_NODES } from '../../../src/registry/kubernetes/kube-resources.ts';
import { ManualClock, settle, until } from '../../manual-clock.ts';
import { FakeKubeServer } from './fake-kube-server.ts';

const NODES = '/apis/litz.dev/v1/litznodes';

describe('KubeApi', () => {
  test('lists page by page, and decompresses gzip', async () => {
    const { api, server } = setUp();
    for (let i = 0; i < 251; i++) server.put(NODES, { metadata: { name: `node-${i}` } });
    const pages: number[] = [];
    const names = new Set<string>();
    for await (const { items, resourceVersion } of api.list(LITZ_NODES)) {
      pages.push(items.length);
      for (const { metadata } of items) names.add(metadata.name);
      expect(resourceVersion).toBe(server.version);
    }
    expect(pages).toEqual([100, 100, 51]);
    expect(names.size).toBe(251);
    expect(server.requests).toEqual([
      `GET ${NODES}?limit=100`,
      `GET ${NODES}?limit=100&continue=100`,
      `GET ${NODES}?limit=100&continue=200`,
    ]);
    expect(server.headers[0]['accept-encoding']).toBe('gzip');
  });

  test('selects by field and by label', async () => {
    const { api, server } = setUp();
    const selection = { fieldSelector: 'metadata.name=a', labelSelector: 'x=y' };
    for await (const page of api.list(LITZ_NODES, selection)) expect(page.items).toEqual([]);
    expect(server.requests).toEqual([
      `GET ${NODES}?fieldSelector=metadata.name%3Da&labelSelector=x%3Dy&limit=100`,
    ]);
  });

  test('reads one object, and returns undefined if there is none', async () => {
    const { api, server } = setUp();
    server.put(NODES, { metadata: { name: 'a' }, spec: { port: 1 } });
    expect(await api.read(LITZ_NODES, 'a')).toMatchObject({ spec: { port: 1 } });
    expect(await api.read(LITZ_NODES, 'b')).toBeUndefined();
  });

  test('skips objects without a name', async () => {
    const { api, server } = setUp();
    server.answerNext((_, response) =>
      response.end(
        '{"metadata":{"resourceVersion":"1"},"items":[null,{},{"metadata":{"name":"a"}}]}',
      ),
    );
    for await (const { items } of api.list(LITZ_NODES)) {
      expect(items.map(({ metadata }) => metadata.name)).toEqual(['a']);
    }
  });

  test('applies fields, with the kind and the name of the field manager', async () => {
    const { api, server } = setUp();
    await api.apply(LITZ_NODES, { metadata: { name: 'a' }, spec: { port: 1 } });
    expect(server.requests).toEqual([`PATCH ${NODES}/a?fieldManager=litz-agent&force=true`]);
    expect(server.headers[0]['content-type']).toBe('application/apply-patch+yaml');
    expect(JSON.parse(server.bodies[0])).toEqual({
      apiVersion: 'litz.dev/v1',
      kind: 'LitzNode',
      metadata: { name: 'a' },
      spec: { port: 1 },
    });
    await api.apply(LITZ_NODES, { metadata: { name: 'a' }, status: {} }, 'status');
    expect(server.requests[1]).toBe(`PATCH ${NODES}/a/status?fieldManager=litz-agent&force=true`);
  });

  test('deletes an object, also if it is already gone', async () => {
    const { api, server } = setUp();
    server.put(NODES, { metadata: { name: 'a' } });
    await api.remove(LITZ_NODES, 'a');
    await api.remove(LITZ_NODES, 'a');
    expect(server.get(NODES, 'a')).toBeUndefined();
    expect(server.requests).toHaveLength(2);
  });

  test('escapes the parts of a path', async () => {
    const { api, server } = setUp();
    await api.read(LITZ_NODES, '../../secrets?x');
    expect(server.requests).toEqual([`GET ${NODES}/..%2F..%2Fsecrets%3Fx`]);
  });

  test('watches from a version, with bookmarks', async () => {
    const { api, server } = setUp();
    server.put(NODES, { metadata: { name: 'a' } });
    const from = server.version;
    const seen: string[] = [];
    const watching = (async () => {
      const options = { resourceVersion: from, timeoutSeconds: 300 };
      for await (const event of await api.watch(LITZ_NODES, options)) {
        seen.push(`${event.type} ${event.object.metadata.name} ${event.resourceVersion}`);
      }
    })();
    await until(() => server.watching === 1);
    server.put(NODES, { metadata: { name: 'b' } });
    server.put(NODES, { metadata: { name: 'a' } });
    server.bookmark();
    server.delete(NODES, 'b');
    await until(() => seen.length === 4);
    server.endWatches();
    await watching;
    expect(seen).toEqual(['ADDED b 102', 'MODIFIED a 103', 'BOOKMARK  104', 'DELETED b 105']);
    expect(server.requests).toEqual([
      `GET ${NODES}?resourceVersion=101&timeoutSeconds=300&watch=true&allowWatchBookmarks=true`,
    ]);
  });

  test('joins events that come in pieces, also if a character is cut', async () => {
    const { api, server } = setUp();
    const bytes = Buffer.from(added('käse') + added('b') + added('c'));
    server.answerNext((_, response) => {
      const cuts = [0, 3, bytes.indexOf(0xc3) + 1, 120, bytes.length];
      let next = 1;
      const write = (): void => {
        response.write(bytes.subarray(cuts[next - 1], cuts[next]));
        if (++next < cuts.length) setImmediate(write);
        else response.end();
      };
      write();
    });
    const names: string[] = [];
    const options = { resourceVersion: '1', timeoutSeconds: 300 };
    for await (const { object } of await api.watch(LITZ_NODES, options)) {
      names.push(object.metadata.name);
    }
    expect(names).toEqual(['käse', 'b', 'c']);
  });

  test.each([
    ['a response with status 410', (server: FakeKubeServer) => server.failNext(410, 'Gone')],
    ['an event of a watch with status 200', (server: FakeKubeServer) => server.compact()],
  ])('reports that a version is too old after %s', async (_, spoil) => {
    const { api, server } = setUp();
    spoil(server);
    await expect(drain(api)).rejects.toSatisfy(
      (error) => error instanceof KubeError && error.isExpired,
    );
  });

  test.each([
    ['no JSON', 'nonsense\n', 'the response to watch is not JSON'],
    ['no event', '{"type":"ADDED","object":{}}\n', 'without type, name or version'],
    ['an event of another type', '{"type":"MOVED","object":{}}\n', 'without type, name or version'],
  ])('refuses a watch with %s', async (_, text, message) => {
    const { api, server } = setUp();
    server.answerNext((__, response) => response.end(text));
    await expect(drain(api)).rejects.toThrow(message);
  });

  test('reports that no answer came, after the time limit', async () => {
    const { api, server, clock } = setUp();
    server.answerNext(() => {});
    const reading = api.read(LITZ_NODES, 'a').catch((error: unknown) => error);
    await until(() => server.requests.length === 1);
    clock.advance(29_999);
    await settle();
    clock.advance(1);
    expect(await reading).toMatchObject({
      message: 'API server http://fake.test:8001: silent for 30 s',
    });
    expect(clock.waits).toEqual([]);
  });

  test('ends a watch that is silent for 90 s; a bookmark counts as traffic', async () => {
    const { api, server, clock } = setUp();
    let ended: unknown;
    const watching = drain(api).catch((error: unknown) => (ended = error));
    await until(() => server.watching === 1);
    clock.advance(89_000);
    server.bookmark();
    await settle();
    clock.advance(89_000);
    await settle();
    expect(ended).toBeUndefined();
    clock.advance(1_000);
    await watching;
    expect(ended).toMatchObject({ message: 'API server http://fake.test:8001: silent for 90 s' });
    await until(() => server.watching === 0, 'the end of the connection');
  });

  test('does not report a failure if the server has closed an idle connection', async () => {
    const { api, server } = setUp();
    await api.read(LITZ_NODES, 'a');
    server.answerNext((request) => request.socket.destroy());
    await expect(api.read(LITZ_NODES, 'a')).resolves.toBeUndefined();
    expect(server.requests).toHaveLength(3);
  });

  test('names the server that does not answer', async () => {
    const { api, server } = setUp();
    server.kill();
    await expect(api.read(LITZ_NODES, 'a')).rejects.toThrow(
      'API server http://fake.test:8001: connect ECONNREFUSED',
    );
  });

  test('names the rule that gives a missing right', async () => {
    const { api, server } = setUp();
    server.failNext(403, 'Forbidden');
    await expect(api.apply(LITZ_NODES, { metadata: { name: 'a' } }, 'status')).rejects.toThrow(
      'apiGroups: ["litz.dev"], resources: ["litznodes/status"], verbs: ["patch"]',
    );
  });

  test('names what to install if the kind is unknown', async () => {
    const { api, server } = setUp();
    server.failNext(404, 'NotFound');
    await expect(drain(api)).rejects.toThrow(
      'litznodes.litz.dev is not known to the API server: apply crds/litznodes.yaml',
    );
  });

  test('reads how long a busy server wants no requests', async () => {
    const { api, server } = setUp();
    server.failNext(429, 'TooManyRequests', { 'retry-after': '7' });
    await expect(drain(api)).rejects.toMatchObject({ status: 429, retryAfter: 7000 });
  });

  test('shows an error of the server as one line, and the page of a proxy as its status number', async () => {
    const { api, server } = setUp();
    server.answerNext((_, response) => {
      response.writeHead(500);
      response.end(JSON.stringify({ message: `a\n\u001b[31mb${'c'.repeat(1000)}` }));
    });
    await expect(drain(api)).rejects.toThrow(/^API server http:\/\/fake.test:8001: a \[31mbc+$/);
    server.answerNext((_, response) => {
      response.writeHead(502);
      response.end('<html>');
    });
    await expect(drain(api)).rejects.toThrow('API server http://fake.test:8001: status 502');
  });

  test('reads the token again and repeats the request once if the server refuses the token', async () => {
    const server = new FakeKubeServer();
    let reads = 0;
    let isStale = true;
    const token = {
      source: '/token',
      text: () => `token-${++reads}\n`,
      forget: () => (isStale = false),
    };
    const api = new KubeApi({ ...server.access, token }, { agent: server.agent });
    server.failNext(401, 'Unauthorized');
    await expect(api.read(LITZ_NODES, 'a')).resolves.toBeUndefined();
    expect(isStale).toBe(false);
    expect(server.headers.map(({ authorization }) => authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-2',
    ]);
    server.failNext(401, 'Unauthorized');
    server.failNext(401, 'Unauthorized');
    await expect(api.read(LITZ_NODES, 'a')).rejects.toThrow('is not accepted (/token)');
  });

  test('aborts pending requests when it is closed', async () => {
    const { api, server } = setUp();
    const watching = drain(api).catch((error: unknown) => error);
    await until(() => server.watching === 1);
    api.close();
    expect(await watching).toBeInstanceOf(KubeError);
    await until(() => server.watching === 0);
  });

  test('ends a watch when its signal is aborted', async () => {
    const { api, server } = setUp();
    const cut = new AbortController();
    const watching = drain(api, cut.signal).catch((error: unknown) => error);
    await until(() => server.watching === 1);
    cut.abort();
    expect(await watching).toBeInstanceOf(KubeError);
  });
});

function setUp(): { api: KubeApi; server: FakeKubeServer; clock: ManualClock } {
  const server = new FakeKubeServer();
  const clock = new ManualClock();
  return { api: new KubeApi(server.access, { agent: server.agent, clock }), server, clock };
}

async function drain(api: KubeApi, signal?: AbortSignal): Promise<void> {
  const options = { resourceVersion: '1', timeoutSeconds: 300 };
  for await (const event of await api.watch(LITZ_NODES, options, signal)) void event;
}

function added(name: string): string {
  const object = { metadata: { name, resourceVersion: '1' } };
  return `${JSON.stringify({ type: 'ADDED', object })}\n`;
}
