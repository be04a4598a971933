import { MessageChannel } from 'node:worker_threads';
import { inspect } from 'node:util';
import { ConfigError, UapiError, type DeviceConfiguration } from '@litz/config';
import {
  Endpoint,
  parseCidr,
  parsePresharedKey,
  PublicKey,
  WireGuardError,
  type PresharedKey,
  type PrivateKey,
} from '@litz/core';
import { isZeroKey } from '@litz/core/internals';
import { SystemError } from '@litz/sys';
import { describe, expect, it } from 'vitest';
import {
  fromErrorMessage,
  post,
  postAnswer,
  postRequest,
  queuedMessages,
  reviveAnswer,
  reviveChange,
  reviveEvent,
  toErrorMessage,
  type PeersMessage,
  type RequestMessage,
  type WorkerMessage,
} from '../../src/linux/worker-messages.ts';
import type { SnapshotSlice } from '../../src/device-status.ts';
import { packPrefixes } from '../../src/linux/packed-prefixes.ts';
import { wipeBuffer } from '../../src/linux/secret-buffer.ts';
import type { CheckedDeviceChange } from '../../src/plane/data-plane.ts';
import { ALICE, BOB } from '../in-memory.ts';
import { runSteps } from '@litz/core/internals';

const ENDPOINT = new Endpoint(new Uint8Array(16).fill(1), 5, {
  scopeId: 3,
  zone: 'wan',
  sourceAddress: new Uint8Array(16),
  sourceInterface: 2,
});

describe('toErrorMessage and fromErrorMessage', () => {
  it('keep the fields of a system error', () => {
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

  it('leave out values that cannot be cloned or may contain a key', () => {
    const fields = { run: () => {}, key: new Uint8Array(32), list: [new Uint8Array(32)], line: 5 };
    expect(toErrorMessage(Object.assign(new Error('e'), fields)).fields).toEqual({ line: 5 });
  });

  it('keep the code and errno of a system error if the class SystemError is not given', () => {
    const error = fromErrorMessage(toErrorMessage(new SystemError('bind', 98)));
    expect(error).toMatchObject({
      name: 'SystemError',
      code: 'ERR_LITZ_SYSTEM',
      errno: 'EADDRINUSE',
    });
  });

  it('turn any thrown value into an error', () => {
    expect(cross('thrown')).toMatchObject({ name: 'Error', message: 'thrown' });
  });
});

describe('reviveChange', () => {
  it('restores the classes of keys and endpoints, one peer per step', () => {
    const { publicKey } = BOB;
    const change = {
      peers: [{ publicKey, nextPublicKey: ALICE.publicKey, endpoint: ENDPOINT }, { publicKey }],
    };
    const steps = reviveChange(structuredClone(change));
    expect([steps.next().done, steps.next().done]).toEqual([false, false]);
    const { peers } = steps.next().value as CheckedDeviceChange;
    expect(peers).toEqual(change.peers);
    expect(peers[0].endpoint?.equals(ENDPOINT)).toBe(true);
    const keys = [peers[0].publicKey, peers[0].nextPublicKey, peers[1].publicKey];
    for (const key of keys) expect(key).toBeInstanceOf(PublicKey);
  });

  it('keeps the other fields, and does not copy the secrets', () => {
    const { privateKey } = ALICE;
    const change = { listenPort: 1, fwmark: 2, privateKey, nextPrivateKey: null };
    const revived = runSteps(reviveChange(change));
    expect(revived).toEqual({ ...change, replacePeers: false, peers: [] });
    expect(revived.privateKey).toBe(privateKey);
    expect(runSteps(reviveChange({ replacePeers: true }))).toMatchObject({ replacePeers: true });
  });

  it('reads prefixes that are packed, and those that are not', () => {
    const allowedIps = [parseCidr('10.0.0.0/8'), parseCidr('::/0')];
    for (const change of [
      { peers: [{ ...PEER, allowedIps }] },
      packPrefixes({ peers: [{ ...PEER, allowedIps }] }),
    ]) {
      const { peers } = runSteps(reviveChange(change));
      expect([...peers[0].allowedIps!]).toMatchObject([
        { prefixLength: 8, address: Uint8Array.of(10, 0, 0, 0) },
        { prefixLength: 0, address: new Uint8Array(16) },
      ]);
    }
  });
});

describe('postRequest and postAnswer', () => {
  it('move secrets in one buffer, so that wiping the buffer wipes all of them', () => {
    const { port1, port2 } = new MessageChannel();
    const peers = [{ ...PEER, presharedKey: PRESHARED_KEY }, PEER, { ...PEER, presharedKey: null }];
    const nextPrivateKey = BOB.privateKey;
    const change = { privateKey: ALICE.privateKey, nextPrivateKey, peers };
    postRequest(port1, 5, { type: 'configure', change });
    const [message] = queuedMessages<RequestMessage>(port2);
    const { id, request, secrets } = message;
    const { change: sent } = request as { change: DeviceConfiguration };
    const { privateKey, peers: others } = sent;
    expect(id).toBe(5);
    expect([privateKey?.buffer, others?.[0]?.presharedKey?.buffer]).toEqual([secrets, secrets]);
    expect([...privateKey!]).toEqual([...ALICE.privateKey]);
    expect(sent.nextPrivateKey?.buffer).toBe(secrets);
    expect([...sent.nextPrivateKey!]).toEqual([...BOB.privateKey]);
    expect([...others![0].presharedKey!]).toEqual([...PRESHARED_KEY]);
    expect(others?.slice(1).map(({ presharedKey }) => presharedKey)).toEqual([undefined, null]);
    wipeBuffer(secrets);
    expect(isZeroKey(privateKey!) && isZeroKey(sent.nextPrivateKey!)).toBe(true);
    // The original keys belong to the caller, so they are not wiped.
    expect(isZeroKey(ALICE.privateKey) || isZeroKey(PRESHARED_KEY)).toBe(false);
    port1.close();
  });

  it('send very many peers in messages of 64, each with its secrets', () => {
    const { port1, port2 } = new MessageChannel();
    const peers = Array.from({ length: 2 * 64 + 1 }, (_, i) => {
      return { ...PEER, presharedKey: PRESHARED_KEY, persistentKeepalive: i };
    });
    postRequest(port1, 5, { type: 'configure', change: { listenPort: 7, peers } });
    const messages = [...queuedMessages<RequestMessage | PeersMessage>(port2)];
    const last = messages.at(-1) as RequestMessage;
    const { change } = last.request as { change: DeviceConfiguration };
    expect(change.listenPort).toBe(7);
    const lists = [...(messages.slice(0, -1) as PeersMessage[]), change].map((some) => some.peers!);
    expect(lists.map(({ length }) => length)).toEqual([64, 64, 1]);
    expect(lists.flat().map((peer) => peer.persistentKeepalive)).toEqual(peers.map((_, i) => i));
    messages.forEach(({ secrets }, i) => {
      expect(lists[i].every(({ presharedKey }) => presharedKey!.buffer === secrets)).toBe(true);
    });
    postRequest(port1, 6, { type: 'configure', change: { peers: peers.slice(0, 64) } });
    expect([...queuedMessages(port2)]).toHaveLength(1);
    port1.close();
  });

  it('restore the classes of keys, so that printing a status shows no secret key', () => {
    const { port1, port2 } = new MessageChannel();
    const privateKey = ALICE.privateKey.slice() as PrivateKey;
    const presharedKey = PRESHARED_KEY.slice() as PresharedKey;
    const snapshot = { ...SNAPSHOT, privateKey, peers: [{ ...STATUS, presharedKey }, STATUS] };
    postAnswer(port1, 6, { snapshot, isLast: true });
    expect([isZeroKey(privateKey), isZeroKey(presharedKey)]).toEqual([true, true]);
    const [message] = queuedMessages<WorkerMessage & { type: 'answer' }>(port2);
    const revived = reviveAnswer(message.answer, message.secrets) as SnapshotSlice;
    expect(revived).toEqual({
      isLast: true,
      snapshot: {
        ...SNAPSHOT,
        privateKey: ALICE.privateKey,
        peers: [{ ...STATUS, presharedKey: PRESHARED_KEY }, STATUS],
      },
    });
    expect(new Uint8Array(message.secrets!).every((byte) => byte === 0)).toBe(true);
    const shown = `${inspect(revived, { depth: null })} ${JSON.stringify(revived)}`;
    expect(shown.match(/hidden/g)).toHaveLength(4);
    for (const key of [ALICE.privateKey, PRESHARED_KEY]) {
      for (const form of ['hex', 'base64'] as const) {
        expect(shown).not.toContain(Buffer.from(key).toString(form));
      }
    }
    expect(shown).toContain(BOB.publicKey.toBase64());
    port1.close();
  });

  it('restore the classes of the keys of a rotation, and wipe the secret ones', () => {
    const { port1, port2 } = new MessageChannel();
    const nextPrivateKey = BOB.privateKey.slice() as PrivateKey;
    const rotating = {
      ...STATUS,
      nextPublicKey: ALICE.publicKey,
      sessionStaticKeys: { own: BOB.publicKey, peer: ALICE.publicKey },
    };
    postAnswer(port1, 6, {
      snapshot: { ...SNAPSHOT, nextPrivateKey, peers: [rotating] },
      isLast: true,
    });
    expect(isZeroKey(nextPrivateKey)).toBe(true);
    const [message] = queuedMessages<WorkerMessage & { type: 'answer' }>(port2);
    const { snapshot } = reviveAnswer(message.answer, message.secrets) as SnapshotSlice;
    expect(snapshot).toEqual({ ...SNAPSHOT, nextPrivateKey: BOB.privateKey, peers: [rotating] });
    expect(inspect(snapshot)).not.toContain(BOB.privateKey.toBase64());
    expect(snapshot.peers[0]?.sessionStaticKeys?.own.toBase64()).toBe(BOB.publicKey.toBase64());
    expect(isZeroKey(new Uint8Array(message.secrets!).subarray(0, 32))).toBe(true);
    port1.close();
  });

  it('copy a saved state into shared memory, and wipe the original', () => {
    const { port1, port2 } = new MessageChannel();
    const state = Uint8Array.of(1, 2, 3);
    postAnswer(port1, 9, { state, fds: [4] });
    const [message] = queuedMessages<{ answer: { state: Uint8Array } }>(port2);
    expect([...message.answer.state]).toEqual([1, 2, 3]);
    expect(message.answer).toMatchObject({ fds: [4] });
    expect(message.answer.state.buffer).toBeInstanceOf(SharedArrayBuffer);
    // The state was wiped, not transferred: a transferred buffer would have no bytes.
    expect([...state]).toEqual([0, 0, 0]);
    port1.close();
  });

  it('do not change other requests and answers', () => {
    const { port1, port2 } = new MessageChannel();
    postRequest(port1, 7, { type: 'stats' });
    postAnswer(port1, 8, true);
    expect([...queuedMessages(port2)]).toEqual([
      { id: 7, request: { type: 'stats' } },
      { type: 'answer', id: 8, answer: true },
    ]);
    expect(reviveAnswer(true, undefined)).toBe(true);
    port1.close();
  });
});

describe('reviveEvent', () => {
  it('returns an equal event, with the class of the endpoints restored', () => {
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
    const keys = { own: ALICE.publicKey, peer };
    const handshake = { type: 'handshake', peer, role: 'initiator', keys, durationMs: 1 } as const;
    expect(reviveEvent(structuredClone(handshake))).toEqual(handshake);
    const unanswered = {
      type: 'unanswered',
      peer,
      endpointName: 'a:1',
      endpoint: ENDPOINT,
    } as const;
    expect(reviveEvent(structuredClone(unanswered))).toEqual(unanswered);
    const without = { ...unanswered, endpoint: undefined };
    expect(reviveEvent(structuredClone(without))).toEqual(without);
    const other = { type: 'session', peer, state: 'up' } as const;
    expect(reviveEvent(structuredClone(other)).type === 'session').toBe(true);
    expect(reviveEvent(structuredClone(other))).toEqual(other);
  });
});

describe('queuedMessages', () => {
  it('returns the messages that have arrived, and does not wait', () => {
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

const PRESHARED_KEY = parsePresharedKey(new Uint8Array(32).fill(0xa7));
const PEER = { publicKey: BOB.publicKey };
const STATUS = {
  publicKey: BOB.publicKey,
  persistentKeepalive: 0,
  allowedIps: [],
  lastHandshakeUnixMs: 0,
  receivedBytes: 0,
  sentBytes: 0,
  sessionUp: false,
  drops: {},
};
const SNAPSHOT = { name: 'wg0', mtu: 1420, up: true, listenPort: 1, fwmark: 0 };
const FIRST = toErrorMessage(new Error('first'));
const SECOND = toErrorMessage(new Error('second'));

/** Returns the error as the other thread gets it. */
function cross(error: unknown): Error {
  return fromErrorMessage(structuredClone(toErrorMessage(error)), SystemError);
}
