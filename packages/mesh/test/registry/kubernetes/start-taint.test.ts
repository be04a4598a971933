import { describe, expect, test } from 'vitest';
import { KubeApi } from '../../../src/registry/kubernetes/kube-api.ts';
import {
  keepRemovingStartTaint,
  removeStartTaint,
  START_TAINT,
} from '../../../src/registry/kubernetes/start-taint.ts';
import { ManualClock, settle, until } from '../../manual-clock.ts';
import { FakeKubeServer } from './fake-kube-server.ts';

const NODES = '/api/v1/nodes';
const OURS = { key: START_TAINT, effect: 'NoSchedule' };
const OTHER = { key: 'other', effect: 'NoExecute' };

describe('removeStartTaint', () => {
  test('removes its own taint, and no other', async () => {
    const { server, api } = setUp();
    server.put(NODES, { metadata: { name: 'n1' }, spec: { taints: [OTHER, OURS] } });
    server.answerNext((_, response) => response.end(JSON.stringify(server.get(NODES, 'n1'))));
    server.answerNext((_, response) => {
      server.put(NODES, { metadata: { name: 'n1' }, spec: { taints: [OTHER] } });
      response.end('{}');
    });
    expect(await removeStartTaint(api, 'n1')).toBe(true);
    expect(server.requests[1]).toBe(`PATCH ${NODES}/n1?fieldManager=litz-agent`);
    expect(server.headers[1]['content-type']).toBe('application/json-patch+json');
    expect(JSON.parse(server.bodies[1])).toEqual([
      { op: 'test', path: '/spec/taints/1', value: OURS },
      { op: 'remove', path: '/spec/taints/1' },
    ]);
  });

  test.each([
    ['no taints', {}],
    ['other taints', { taints: [OTHER] }],
  ])('writes nothing where there are %s', async (_, spec) => {
    const { server, api } = setUp();
    server.put(NODES, { metadata: { name: 'n1' }, spec });
    expect(await removeStartTaint(api, 'n1')).toBe(false);
    expect(server.requests).toEqual([`GET ${NODES}/n1`]);
  });

  test('writes nothing if there is no Node', async () => {
    expect(await removeStartTaint(setUp().api, 'n1')).toBe(false);
  });

  test('reads the list again if another writer changed it meanwhile', async () => {
    const { server, api } = setUp();
    server.put(NODES, { metadata: { name: 'n1' }, spec: { taints: [OTHER, OURS] } });
    server.answerNext((_, response) => response.end(JSON.stringify(server.get(NODES, 'n1'))));
    server.answerNext((_, response) => {
      server.put(NODES, { metadata: { name: 'n1' }, spec: { taints: [OURS] } });
      response.writeHead(422);
      response.end(JSON.stringify({ code: 422, message: 'the test failed' }));
    });
    server.answerNext((_, response) => response.end(JSON.stringify(server.get(NODES, 'n1'))));
    server.answerNext((_, response) => {
      server.put(NODES, { metadata: { name: 'n1' }, spec: { taints: [] } });
      response.end('{}');
    });
    expect(await removeStartTaint(api, 'n1')).toBe(true);
    expect(JSON.parse(server.bodies[3])[1]).toEqual({ op: 'remove', path: '/spec/taints/0' });
  });

  test('names the RBAC rule that is missing', async () => {
    const { server, api } = setUp();
    server.put(NODES, { metadata: { name: 'n1' }, spec: { taints: [OURS] } });
    server.answerNext((_, response) => response.end(JSON.stringify(server.get(NODES, 'n1'))));
    server.failNext(403, 'Forbidden');
    await expect(removeStartTaint(api, 'n1')).rejects.toThrow(
      'apiGroups: [""], resources: ["nodes"], verbs: ["patch"]',
    );
  });
});

describe('keepRemovingStartTaint', () => {
  test('retries while the API server fails, and reports why', async () => {
    const { server, api } = setUp();
    server.put(NODES, { metadata: { name: 'n1' }, spec: {} });
    const [clock, troubles, ending] = [new ManualClock(), [] as unknown[], new AbortController()];
    for (let i = 0; i < 2; i++) {
      server.answerNext((_, response) => {
        response.statusCode = 503;
        response.end('{}');
      });
    }
    const removed = keepRemovingStartTaint(api, 'n1', {
      key: START_TAINT,
      signal: ending.signal,
      onTrouble: (trouble) => troubles.push(trouble),
      clock,
      random: () => 0,
    });
    for (let i = 0; i < 2; i++) {
      await until(() => troubles.length === i + 1 && clock.waits.length === 1);
      clock.advance(1000);
    }
    expect(await removed).toBe(false);
    expect(troubles).toEqual([
      expect.stringContaining('503'),
      expect.stringContaining('503'),
      undefined,
    ]);
    expect(server.requests).toHaveLength(3);
  });

  test('ends when its signal is aborted', async () => {
    const { server, api } = setUp();
    server.answerNext((_, response) => {
      response.statusCode = 503;
      response.end('{}');
    });
    const ending = new AbortController();
    const removed = keepRemovingStartTaint(api, 'n1', {
      key: START_TAINT,
      signal: ending.signal,
      onTrouble: () => {},
      clock: new ManualClock(),
    });
    await settle();
    ending.abort();
    expect(await removed).toBeUndefined();
    expect(server.requests).toHaveLength(1);
  });
});

function setUp() {
  const server = new FakeKubeServer();
  const clock = new ManualClock();
  return { server, api: new KubeApi(server.access, { agent: server.agent, clock }) };
}
