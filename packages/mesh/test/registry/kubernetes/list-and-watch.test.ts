import { describe, expect, test } from 'vitest';
import { KubeApi } from '../../../src/registry/kubernetes/kube-api.ts';
import { LITZ_NODES } from '../../../src/registry/kubernetes/kube-resources.ts';
import { ListAndWatch } from '../../../src/registry/kubernetes/list-and-watch.ts';
import { ManualClock, settle, until } from '../../manual-clock.ts';
import { FakeKubeServer, statusOf } from './fake-kube-server.ts';

const NODES = '/apis/litz.dev/v1/litznodes';

describe('ListAndWatch', () => {
  test('reports all objects, then every change in order', async () => {
    const { server, heard } = await started(['a', 'b']);
    server.put(NODES, { metadata: { name: 'c' } });
    server.put(NODES, { metadata: { name: 'a' } });
    server.delete(NODES, 'b');
    await until(() => heard.length === 4);
    expect(heard).toEqual(['sync a,b', 'put c', 'put a', 'deleted b']);
  });

  test('loses no change that happens between the list and the watch', async () => {
    const { server, clock, heard, loop } = setUp();
    server.put(NODES, { metadata: { name: 'a' } });
    server.answerNext((_, response) => {
      const page = { metadata: { resourceVersion: server.version }, items: [] };
      server.put(NODES, { metadata: { name: 'late' } });
      response.end(JSON.stringify(page));
    });
    loop.start();
    await until(() => heard.length === 2);
    expect(heard).toEqual(['sync ', 'put late']);
    expect(clock.now()).toBe(0);
  });

  test('continues from the last version without a list when the server ends the watch', async () => {
    const { server, clock, heard } = await started(['a']);
    server.put(NODES, { metadata: { name: 'b' } });
    await until(() => heard.length === 2);
    clock.advance(300_000 / 4);
    server.endWatches();
    await until(() => server.requests.length === 3);
    expect(server.requests[2]).toContain('resourceVersion=102&');
    server.put(NODES, { metadata: { name: 'c' } });
    await until(() => heard.includes('put c'));
    expect(heard.filter((line) => line.startsWith('sync'))).toHaveLength(1);
  });

  test('continues from the version of a bookmark', async () => {
    const { server, clock, heard } = await started([]);
    server.bookmark();
    await settle();
    clock.advance(2000);
    server.compact();
    server.bookmark();
    await settle();
    server.endWatches();
    await until(() => server.requests.length === 3);
    await settle();
    expect(server.requests[2]).toContain(`resourceVersion=${server.version}&`);
    expect(heard).toEqual(['sync ']);
  });

  test('requests watches of random lengths, so that the watches of many agents do not end at once', async () => {
    const { server } = await started([], () => 0.5);
    expect(server.requests[1]).toContain('timeoutSeconds=450');
  });

  test.each([
    ['an event', (server: FakeKubeServer) => server.sendEvent(expired())],
    [
      'an answer',
      (server: FakeKubeServer) => {
        server.failNext(410, 'Expired');
        server.endWatches();
      },
    ],
  ])('lists again after a 410 that comes as %s, and reports no problem', async (_, spoil) => {
    const { server, clock, heard } = await started(['a', 'b']);
    clock.advance(2000);
    server.delete(NODES, 'b');
    await until(() => heard.includes('deleted b'));
    spoil(server);
    await until(() => clock.waits[0] === 500 + 500 / 2);
    clock.advance(1000);
    await until(() => heard.includes('sync a'));
    server.put(NODES, { metadata: { name: 'c' } });
    await until(() => heard.includes('put c'));
    expect(heard).toEqual(['sync a,b', 'deleted b', 'sync a', 'put c']);
  });

  test('does not report a list that was cut in the middle', async () => {
    const { server, clock, heard, loop } = setUp();
    for (let i = 0; i < 251; i++) server.put(NODES, { metadata: { name: `node-${i}` } });
    let lists = 0;
    server.answerNext((_, response) => {
      lists++;
      const metadata = { resourceVersion: '1', continue: '250' };
      response.end(JSON.stringify({ metadata, items: [{ metadata: { name: 'half' } }] }));
    });
    server.failNext(410, 'Expired');
    loop.start();
    await until(() => server.requests.length === 2);
    await until(() => clock.waits.length === 1, 'the pause before the next list');
    expect([lists, heard]).toEqual([1, []]);
    clock.advance(10_000);
    await until(() => heard.length === 1);
    expect(heard[0]).not.toContain('half');
  });

  test('reports once that the server is gone, retries with growing pauses, and reports when it is back', async () => {
    const { server, clock, heard } = await started(['a']);
    server.kill();
    await until(() => heard.length === 2);
    expect(heard[1]).toMatch(/^trouble API server http:\/\/fake.test:8001: .*/);
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      await until(() => clock.waits.length === 1);
      waits.push(clock.waits[0]);
      clock.advance(clock.waits[0]);
      await settle();
    }
    expect(waits.every((wait, i) => i === 0 || wait >= waits[i - 1] || wait === 10_000)).toBe(true);
    expect(waits.at(-1)).toBeLessThanOrEqual(10_000);
    expect(heard.filter((line) => line.includes('ECONNREFUSED'))).toHaveLength(1);

    server.start();
    clock.advance(clock.waits[0]);
    await until(() => server.watching === 1);
    clock.advance(1000);
    await until(() => heard.at(-1) === 'trouble undefined');
    server.put(NODES, { metadata: { name: 'b' } });
    await until(() => heard.at(-1) === 'put b');
    expect(heard.filter((line) => line.startsWith('sync'))).toHaveLength(1);
  });

  test('notices a frozen connection', async () => {
    const { server, clock, heard } = await started(['a']);
    // A watch has two timers: it counts as working after 1 s, and as silent after 90 s.
    clock.advance(90_000);
    await until(() => heard.length === 2);
    expect(heard[1]).toBe('trouble API server http://fake.test:8001: silent for 90 s');
    await until(() => clock.waits.length === 1);
    clock.advance(clock.waits[0]);
    await until(() => server.watching === 1);
    server.put(NODES, { metadata: { name: 'b' } });
    await until(() => heard.at(-1) === 'put b');
  });

  test('does not loop without pause if the server ends every watch at once', async () => {
    const { server, clock, heard } = await started(['a']);
    for (let i = 0; i < 5; i++) {
      await until(() => server.watching === 1);
      server.endWatches();
      await until(() => server.watching === 0);
      await until(() => clock.waits.length === 1, 'the pause before the next watch');
      expect(server.watching).toBe(0);
      clock.advance(10_000);
    }
    expect(server.requests.length).toBeLessThanOrEqual(7);
    expect(heard).toEqual(['sync a']);
  });

  test('does not report success while every watch begins with an error', async () => {
    const { server, clock, heard } = await started(['a']);
    for (let i = 0; i < 4; i++) {
      await until(() => server.watching === 1);
      server.sendEvent({ type: 'ERROR', object: statusOf(500, 'InternalError') });
      await until(() => clock.waits.length === 1);
      clock.advance(clock.waits[0]);
    }
    expect(heard).toEqual([
      'sync a',
      'trouble API server http://fake.test:8001: InternalError said the server',
    ]);
  });

  test('sends no request to a busy server before the time in its `Retry-After` is over', async () => {
    const { server, clock, heard, loop } = setUp();
    server.failNext(429, 'TooManyRequests', { 'retry-after': '20' });
    loop.start();
    await until(() => heard.length === 1 && clock.waits.length === 1);
    expect(clock.waits).toEqual([20_000]);
  });

  test('reports for each object only what `read` returns', async () => {
    const { server, clock } = setUp();
    server.put(NODES, { metadata: { name: 'a' }, spec: 7 });
    const api = new KubeApi(server.access, { agent: server.agent, clock });
    const specs: unknown[] = [];
    const loop = new ListAndWatch<unknown>(
      api,
      LITZ_NODES,
      {
        onSync: (values) => specs.push([...values]),
        onObject: (name, value) => specs.push([name, value]),
        onDeleted: nothing,
        onTrouble: nothing,
      },
      { read: ({ spec }) => spec, clock },
    );
    loop.start();
    await until(() => server.watching === 1);
    server.put(NODES, { metadata: { name: 'b' }, spec: 8 });
    await until(() => specs.length === 2);
    await loop.stop();
    expect(specs).toEqual([[['a', 7]], ['b', 8]]);
  });

  test('reports nothing after it was stopped, and leaves no timer', async () => {
    const { server, clock, heard, loop } = await started(['a']);
    await loop.stop();
    server.put(NODES, { metadata: { name: 'b' } });
    await settle();
    expect(heard).toEqual(['sync a']);
    expect(clock.waits).toEqual([]);
    await until(() => server.watching === 0);
  });

  test('can be stopped while it waits', async () => {
    const { server, clock, heard, loop } = setUp();
    server.kill();
    loop.start();
    await until(() => heard.length === 1 && clock.waits.length === 1);
    await loop.stop();
    expect(clock.waits).toEqual([]);
  });
});

interface SetUp {
  server: FakeKubeServer;
  clock: ManualClock;
  /** The reports to the listener. */
  heard: string[];
  loop: ListAndWatch<string>;
}

function setUp(random: () => number = () => 0.25): SetUp {
  const server = new FakeKubeServer();
  const clock = new ManualClock();
  const api = new KubeApi(server.access, { agent: server.agent, clock });
  const heard: string[] = [];
  const loop = new ListAndWatch(
    api,
    LITZ_NODES,
    {
      onSync: (values) => heard.push(`sync ${[...values.keys()].join(',')}`),
      onObject: (name) => heard.push(`put ${name}`),
      onDeleted: (name) => heard.push(`deleted ${name}`),
      onTrouble: (trouble) => heard.push(`trouble ${trouble}`),
    },
    { read: ({ metadata }) => metadata.name, clock, random },
  );
  return { server, clock, heard, loop };
}

async function started(names: string[], random?: () => number): Promise<SetUp> {
  const all = setUp(random);
  for (const name of names) all.server.put(NODES, { metadata: { name } });
  all.loop.start();
  await until(() => all.server.watching === 1);
  return all;
}

function expired(): unknown {
  return { type: 'ERROR', object: statusOf(410, 'Expired') };
}

function nothing(): void {}
