import { MessageChannel } from 'node:worker_threads';
import type { DeviceConfiguration } from '@litz/config';
import { parsePresharedKey, parsePublicKey } from '@litz/core';
import { expect, describe, it, onTestFinished } from 'vitest';
import type { DeviceRequest } from '../../src/driver.ts';
import { RequestTurns } from '../../src/linux/request-turns.ts';
import {
  postRequest,
  queuedMessages,
  type RequestMessage,
  type WorkerMessage,
} from '../../src/linux/worker-messages.ts';
import { markRefused } from '../../src/refusal.ts';

const PRESHARED_KEY = parsePresharedKey(new Uint8Array(32).fill(7));

describe('RequestTurns', () => {
  it('answers requests in order, as many in one call as there is time for', () => {
    const { turns, ask, answers, spend } = setUp(({ type }) =>
      atOnce(() => {
        spend(0.2);
        return type;
      }),
    );
    expect(turns.take()).toBe(false);
    for (let i = 0; i < 4; i++) ask({ type: 'stats' });
    // A call answers requests for 0.5 ms. Each answer takes 0.2 ms, so the third one is the last.
    expect(turns.take()).toBe(true);
    expect(answers()).toEqual([1, 2, 3].map((id) => ({ type: 'answer', id, answer: 'stats' })));
    expect(turns.take()).toBe(false);
    expect(answers()).toMatchObject([{ id: 4 }]);
  });

  it('lets packets pass between the steps of a request, and finishes the request before the next one', () => {
    const done: string[] = [];
    const { turns, ask, answers, spend } = setUp(function* ({ type }) {
      for (let i = 0; i < (type === 'configure' ? 5 : 0); i++) {
        done.push(`step ${i}`);
        spend(0.3);
        yield;
      }
      done.push(type);
      return undefined;
    });
    ask({ type: 'configure', change: {} });
    ask({ type: 'snapshot', read: 1 });
    expect(turns.take()).toBe(true);
    expect(done).toEqual(['step 0', 'step 1']);
    expect(turns.take()).toBe(true);
    expect(answers()).toEqual([]);
    while (turns.take());
    expect(done.slice(4)).toEqual(['step 4', 'configure', 'snapshot']);
    expect(answers()).toMatchObject([{ id: 1 }, { id: 2 }]);
  });

  it('reads the very many peers of a request in several calls, and keeps their order', () => {
    const changes: DeviceConfiguration[] = [];
    const { turns, ask, spend } = setUp(
      (request) => {
        if (request.type === 'configure') changes.push(request.change);
        return atOnce(() => undefined);
      },
      () => spend(0.1),
    );
    const sent = peers(1000);
    ask({ type: 'configure', change: { listenPort: 7, peers: sent } });
    ask({ type: 'configure', change: { peers: sent.slice(0, 1) } });
    let taken = 1;
    while (turns.take()) taken++;
    expect(taken).toBeGreaterThan(3);
    const [first, second] = changes;
    expect(first.listenPort).toBe(7);
    expect(first.peers?.map((peer) => peer.persistentKeepalive)).toEqual(sent.map((_, i) => i));
    expect(second.peers).toHaveLength(1);
  });

  it.each([
    ['answered', undefined, ['answer']],
    ['refused', markRefused(new RangeError('no')), ['refused']],
    ['crashed', new Error('a bug'), []],
  ])('wipes the secrets of a request when it is %s, and not before', (_, error, answered) => {
    let secrets: Uint8Array[] = [];
    const { turns, ask, answers } = setUp(function* (request) {
      secrets = secretsOf(request);
      yield;
      expect(secrets.map(([first]) => first)).toEqual(Array(200).fill(7));
      if (error) throw error;
      return undefined;
    });
    ask({ type: 'configure', change: { peers: peers(200) } });
    let crash: unknown;
    try {
      while (turns.take());
    } catch (thrown) {
      crash = thrown;
    }
    expect(crash).toBe(answered.length === 0 ? error : undefined);
    expect(answers().map(({ type }) => type)).toEqual(answered);
    expect(secrets.every((key) => key.every((byte) => byte === 0))).toBe(true);
  });

  it('wipes the secrets of unanswered requests when it is closed', () => {
    const begun: Uint8Array[] = [];
    const { turns, ask, port, spend } = setUp(function* (request) {
      begun.push(...secretsOf(request));
      for (;;) {
        spend(1);
        yield;
      }
    });
    ask({ type: 'configure', change: { peers: peers(2) } });
    turns.take();
    expect(begun).toHaveLength(2);
    ask({ type: 'configure', change: { peers: peers(100) } });
    turns.close();
    expect(begun.every((key) => key.every((byte) => byte === 0))).toBe(true);
    expect([...queuedMessages(port)]).toEqual([]);
  });
});

function peers(count: number): NonNullable<DeviceConfiguration['peers']> {
  return Array.from({ length: count }, (_, i) => ({
    publicKey: parsePublicKey(new Uint8Array(32).fill(9)),
    presharedKey: PRESHARED_KEY,
    persistentKeepalive: i,
  }));
}

function secretsOf(request: DeviceRequest): Uint8Array[] {
  const { peers: given = [] } = (request as { change: DeviceConfiguration }).change;
  return given.map(({ presharedKey }) => presharedKey!);
}

/** An answer without steps. */
function* atOnce(answer: () => unknown): Generator<void, unknown, undefined> {
  yield* [];
  return answer();
}

/** @param onNow called whenever the time is read */
function setUp(
  answer: (request: DeviceRequest) => Generator<void, unknown, undefined>,
  onNow: () => void = () => {},
) {
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port1.close());
  let time = 0;
  let lastId = 0;
  const now = (): number => {
    onNow();
    return time;
  };
  return {
    port: port2,
    turns: new RequestTurns({ port: port2, answer, now }),
    ask: (request: RequestMessage['request']) => postRequest(port1, ++lastId, request),
    answers: () => [...queuedMessages<WorkerMessage>(port1)],
    spend: (ms: number) => void (time += ms),
  };
}
