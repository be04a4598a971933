import { inspect } from 'node:util';
import { MessageChannel } from 'node:worker_threads';
import { ConfigError, UapiError } from '@litz/config';
import { Endpoint, WireGuardError } from '@litz/core';
import { SystemError } from '@litz/sys';
import { describe, expect, it } from 'vitest';
import {
  fromErrorMessage,
  post,
  queuedMessages,
  reviveConfiguration,
  reviveEvent,
  toErrorMessage,
  type WorkerMessage,
} from '../../src/linux/worker-messages.ts';
import { BOB } from '../in-memory.ts';

const ENDPOINT = new Endpoint(new Uint8Array(16).fill(1), 5, {
  scopeId: 3,
  sourceAddress: new Uint8Array(16),
  sourceInterface: 2,
});

describe('toErrorMessage and fromErrorMessage', () => {
  it('keep what a system error says', () => {
    const sent = new SystemError('bind', 98, 'cannot bind UDP port 5');
    const error = cross(sent);
    expect(error).toBeInstanceOf(SystemError);
    expect(error).toBeInstanceOf(WireGuardError);
    expect(inspect(error)).toBe(inspect(sent));
    expect(error).toMatchObject({
      name: 'SystemError',
      code: 'ERR_LITZ_SYSTEM',
      errno: 'EADDRINUSE',
      errnoNumber: 98,
      syscall: 'bind',
      message: 'cannot bind UDP port 5: bind: EADDRINUSE',
    });
  });

  it.each([
    [new TypeError('t'), TypeError],
    [new RangeError('r'), RangeError],
    [new WireGuardError('ERR_LITZ_INVALID_KEY', 'k'), WireGuardError],
    [new SystemError('bind', 13), SystemError],
    [new UapiError(-98, 'taken', { line: 3 }), UapiError],
    [new ConfigError([{ file: 'f', line: 1, field: 'MTU', message: 'm' }]), ConfigError],
    [new Error('e'), Error],
  ])('keep the class of %s', (error, type) => {
    expect(cross(error)).toBeInstanceOf(type);
    expect(cross(error)).toMatchObject({ message: error.message, name: error.name });
    expect(cross(error).stack).toBe(error.stack);
    expect(Object.entries(cross(error))).toEqual(Object.entries(error));
  });

  it('keep the cause, with its class', () => {
    const cause = new SystemError('open', 13);
    const error = cross(new WireGuardError('ERR_LITZ_WORKER', 'w', { cause }));
    expect(error.cause).toBeInstanceOf(SystemError);
    expect(error.cause).toMatchObject({ syscall: 'open', message: cause.message });
  });

  it('leave behind what does not cross, and what may hold a key', () => {
    const fields = { run: () => {}, key: new Uint8Array(32), list: [new Uint8Array(32)], line: 5 };
    expect(toErrorMessage(Object.assign(new Error('e'), fields)).fields).toEqual({ line: 5 });
  });

  it('make a WireGuardError of a system error where there are no system calls', () => {
    const error = fromErrorMessage(toErrorMessage(new SystemError('bind', 98)));
    expect(error).toMatchObject({
      name: 'SystemError',
      code: 'ERR_LITZ_SYSTEM',
      errno: 'EADDRINUSE',
    });
  });

  it('make an error of what is none', () => {
    expect(cross('thrown')).toMatchObject({ name: 'Error', message: 'thrown' });
  });
});

describe('reviveConfiguration', () => {
  it('gives endpoints their class again', () => {
    const change = { peers: [{ publicKey: BOB.publicKey, endpoint: ENDPOINT }, BOB] };
    const { peers } = reviveConfiguration(structuredClone(change));
    expect(peers?.[0]?.endpoint).toBeInstanceOf(Endpoint);
    expect(peers?.[0]?.endpoint?.equals(ENDPOINT)).toBe(true);
    expect(reviveConfiguration({ listenPort: 1 })).toEqual({ listenPort: 1 });
  });
});

describe('reviveEvent', () => {
  it('gives the endpoints of a roaming peer their class again', () => {
    const peer = BOB.publicKey;
    const event = { type: 'roam', peer, endpoint: ENDPOINT, previous: undefined } as const;
    const revived = reviveEvent(structuredClone(event));
    expect(revived).toEqual(event);
    expect(reviveEvent(structuredClone({ ...event, previous: ENDPOINT }))).toMatchObject({
      previous: expect.any(Endpoint) as Endpoint,
    });
    const drop = { type: 'drop', reason: 'bad-mac1', count: 1, source: ENDPOINT } as const;
    expect(reviveEvent(structuredClone(drop))).toEqual(drop);
    expect(reviveEvent({ type: 'down' })).toEqual({ type: 'down' });
  });
});

describe('queuedMessages', () => {
  it('takes what has come, and does not wait', () => {
    const { port1, port2 } = new MessageChannel();
    post(port1, { type: 'failed', error: FIRST });
    post(port1, { type: 'failed', error: SECOND });
    expect([...queuedMessages<WorkerMessage>(port2)]).toEqual([
      { type: 'failed', error: FIRST },
      { type: 'failed', error: SECOND },
    ]);
    expect([...queuedMessages(port2)]).toEqual([]);
    port1.close();
  });
});

const FIRST = toErrorMessage(new Error('first'));
const SECOND = toErrorMessage(new Error('second'));

/** The error as it is on the other side. */
function cross(error: unknown): Error {
  return fromErrorMessage(structuredClone(toErrorMessage(error)), SystemError);
}
