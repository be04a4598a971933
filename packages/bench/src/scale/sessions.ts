/**
 * Measures many sessions: the look-up of a receiver index among them, and their memory.
 *
 * @module
 */
import { Endpoint, publicKeyOf, type Engine, type PublicKey } from '@litz/core';
import { arithmeticProvider } from './arithmetic-provider.ts';
import { createEngine } from './configure.ts';
import { manyPeers, privateKeyNumber } from './many-peers.ts';
import { settledMemory } from './memory.ts';

export interface SessionFigures {
  /**
   * Time to open one transport message of a random session with a cipher that does nothing, in ns.
   */
  openNs: number;
  /** Time to reject a message with an unknown index, in ns. */
  unknownNs: number;
  /** Heap and array buffers that a session adds to its peer, in bytes. */
  sessionBytes: number;
}

/** Measures `count` sessions. Node.js must run with --expose-gc. */
export function measureSessions(count: number): SessionFigures {
  const server = createEngine();
  server.configure({ privateKey: privateKeyNumber(SERVER), peers: manyPeers(count) }, NOW);
  const before = settledMemory();
  const indices = establishSessions(server, count);
  const after = settledMemory();
  const messages = transportMessages(indices);
  return {
    openNs: timeOpening(server, messages, indices.length),
    unknownNs: timeUnknown(server),
    sessionBytes: (after.heap - before.heap) / count,
  };
}

/**
 * Does a handshake with each peer. The server is the responder. Returns the receiver index that the
 * server has chosen for each session.
 */
function establishSessions(server: Engine, count: number): Int32Array {
  const client = createEngine();
  const publicKey = publicKeyOf(privateKeyNumber(SERVER), arithmeticProvider);
  client.configure({ peers: [{ publicKey, endpoint: SERVER_ENDPOINT }] }, NOW);
  const indices = new Int32Array(count);
  for (let i = 0; i < count; i++) indices[i] = handshake(server, client, publicKey, i);
  if (server.stats.completedHandshakes !== count) throw new Error('a handshake failed');
  return indices;
}

/**
 * Does one handshake. One client plays all peers: it is configured with the key of each peer, one
 * after the other. Each handshake has a later time, because the server's budget for handshakes
 * grows with time.
 */
function handshake(server: Engine, client: Engine, publicKey: PublicKey, number: number): number {
  const now = NOW + number * HANDSHAKE_INTERVAL_MS;
  client.configure({ privateKey: privateKeyNumber(number) }, now);
  client.connect(publicKey, now);
  const response = exchange(client, server, now);
  if (response?.[0] !== 2) throw new Error(`peer ${number} got no response`);
  // The client answers with the keepalive that confirms the session.
  client.handleDatagram(response, SERVER_ENDPOINT, now);
  exchange(client, server, now);
  while (client.pollEvent());
  while (server.pollEvent());
  return new DataView(response.buffer, response.byteOffset).getInt32(4, true);
}

/** Delivers the client's datagrams to the server. Returns a copy of the server's answer. */
function exchange(client: Engine, server: Engine, now: number): Uint8Array | undefined {
  for (let sent = client.pollTransmit(); sent; sent = client.pollTransmit()) {
    server.handleDatagram(sent.datagram.slice(), CLIENT_ENDPOINT, now);
  }
  return server.pollTransmit()?.datagram.slice();
}

/** Makes one empty transport message of 32 bytes for each index, in random order. */
function transportMessages(indices: Int32Array): Uint8Array {
  const shuffled = shuffle(indices.slice());
  const messages = new Uint8Array(shuffled.length * MESSAGE_LENGTH);
  const view = new DataView(messages.buffer);
  shuffled.forEach((index, i) => {
    messages[i * MESSAGE_LENGTH] = 4;
    view.setInt32(i * MESSAGE_LENGTH + 4, index, true);
  });
  return messages;
}

function timeOpening(server: Engine, messages: Uint8Array, count: number): number {
  const view = new DataView(messages.buffer);
  const rounds = Math.ceil(OPENINGS / count);
  let elapsed = 0;
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < count; i++) {
      view.setUint32(i * MESSAGE_LENGTH + 8, round + 1 + FIRST_COUNTER, true);
    }
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      const opened = server.openDatagram(
        messages,
        i * MESSAGE_LENGTH,
        MESSAGE_LENGTH,
        CLIENT_ENDPOINT,
        0,
        NOW,
      );
      if (typeof opened === 'string') throw new Error(`a message was dropped: ${opened}`);
    }
    // The first round is the warm-up and is not counted.
    if (round >= 0) elapsed += performance.now() - start;
  }
  return (elapsed * 1e6) / (rounds * count);
}

function timeUnknown(server: Engine): number {
  const message = new Uint8Array(MESSAGE_LENGTH);
  message[0] = 4;
  const view = new DataView(message.buffer);
  const rejectMany = (count: number): void => {
    for (let i = 0; i < count; i++) {
      view.setInt32(4, Math.imul(i, 0x9e3779b1), true);
      server.openDatagram(message, 0, MESSAGE_LENGTH, CLIENT_ENDPOINT, 0, NOW);
    }
  };
  rejectMany(OPENINGS / 10);
  const start = performance.now();
  rejectMany(OPENINGS);
  return ((performance.now() - start) * 1e6) / OPENINGS;
}

/** Shuffles in place, in the same way in each run. */
function shuffle(values: Int32Array): Int32Array {
  let state = 1;
  for (let i = values.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [values[i], values[j]] = [values[j] ?? 0, values[i] ?? 0];
  }
  return values;
}

const NOW = 1000;
/**
 * The simulated time from one handshake to the next. It is so short that 100,000 handshakes end
 * before the first session expires.
 */
const HANDSHAKE_INTERVAL_MS = 1;
const SERVER = 0xffffff;
const SERVER_ENDPOINT = new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820);
const CLIENT_ENDPOINT = new Endpoint(Uint8Array.of(192, 0, 2, 2), 51820);
const MESSAGE_LENGTH = 32;
/** At least this many messages are measured. */
const OPENINGS = 1_000_000;
/** The counter of the first messages. The messages that confirmed the sessions had counter 0. */
const FIRST_COUNTER = 1;
