import { Endpoint, Engine, nobleProvider } from '@litz/core';
import { describe, expect, it } from 'vitest';
import {
  createPerson,
  FLOOD_KINDS,
  floodMessages,
  HandshakeFlood,
  seededRandomBytes,
} from '../src/index.ts';

const receiver = createPerson(1);
const randomBytes = seededRandomBytes(1);
const endpoint = (last: number): Endpoint => new Endpoint(Uint8Array.of(10, 9, 0, last), 51820);

describe('floodMessages', () => {
  it.each([
    ['initiations', 148, 'invalid-handshake'],
    ['responses', 92, 'unknown-index'],
  ] as const)('makes different %s of %d bytes, with a right mac1', (kind, length, drop) => {
    const messages = floodMessages(kind, receiver.publicKey, 3, randomBytes);
    expect(messages.map((message) => message.length)).toEqual([length, length, length]);
    expect(new Set(messages.map((message) => message.toString())).size).toBe(3);
    const engine = new Engine({ randomBytes, unixTime: () => 0 });
    engine.configure({ privateKey: receiver.privateKey }, 0);
    for (const message of messages) engine.handleDatagram(message.slice(), endpoint(9), 0);
    expect(engine.stats.drops.count(drop)).toBe(3);
    // An engine looks at the index of a response before it looks at mac1. So mac1 is compared here.
    for (const message of messages) {
      const body = message.subarray(0, length - 32);
      expect(message.subarray(length - 32)).toEqual(Uint8Array.of(...mac1Of(body), ...ZEROS));
    }
  });
});

describe('HandshakeFlood', () => {
  const messages = floodMessages(FLOOD_KINDS[0], receiver.publicKey, 2, randomBytes);
  const destinations = [endpoint(1), endpoint(2), endpoint(3)];

  it('sends the messages that are due, to each endpoint in turn', () => {
    const { sockets, log } = recordingSockets();
    const flood = new HandshakeFlood({ sockets, messages, destinations, perSecond: 1000 });
    flood.sendDue(2);
    flood.sendDue(2);
    flood.sendDue(4);
    expect(flood.sent).toBe(4);
    const at = (i: number, j: number): unknown => [messages[i], destinations[j]];
    expect(log).toEqual([at(0, 0), at(1, 1), 'flush', 'flush', at(0, 2), at(1, 0), 'flush']);
  });

  it.each([[1_000_000], [Infinity]])(
    'sends at most 1,000 at once, at %d per second',
    (perSecond) => {
      const { sockets } = recordingSockets();
      const flood = new HandshakeFlood({ sockets, messages, destinations, perSecond });
      flood.sendDue(5000);
      expect(flood.sent).toBe(1000);
    },
  );
});

function mac1Of(body: Uint8Array): Uint8Array {
  const [key, mac] = [new Uint8Array(32), new Uint8Array(16)];
  nobleProvider.hash(key, Buffer.from('mac1----'), receiver.publicKey);
  nobleProvider.mac(mac, key, body);
  return mac;
}

function recordingSockets(): {
  sockets: ConstructorParameters<typeof HandshakeFlood>[0]['sockets'];
  log: unknown[];
} {
  const log: unknown[] = [];
  const sockets = {
    send: (buffer: Uint8Array, offset: number, length: number, destination: Endpoint) =>
      void log.push([buffer.subarray(offset, offset + length), destination]),
    flush: () => void log.push('flush'),
  };
  return { sockets, log };
}

const ZEROS = new Uint8Array(16);
