/**
 * Floods a server with handshake messages until SIGTERM, then sends a `FloodReport`. Its command
 * line is `flood-child.js KIND MESSAGES_PER_SECOND SERVER_PUBLIC_KEY`. The rate may be `Infinity`;
 * the key is in base64.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { parseAddress } from '@litz/config';
import { Endpoint, parsePublicKey } from '@litz/core';
import { floodMessages, HandshakeFlood, type FloodKind } from '@litz/testkit';
import { openUdp } from '@litz/udp';
import { sendAnswer } from '../child.ts';

/** What was sent. */
export interface FloodReport {
  messages: number;
  seconds: number;
}

const SOURCES = 1000;
const MESSAGES = 4096;
const SERVER = parseAddress('10.20.3.1');

const [kind, rate, key = ''] = process.argv.slice(2);
const perSecond = Number(rate);
const messages = floodMessages(kind as FloodKind, parsePublicKey(key), MESSAGES, (out) => {
  randomFillSync(out);
});
const destinations = Array.from({ length: SOURCES }, (_, i) => {
  const sourceAddress = Uint8Array.of(10, 8, 1 + (i >> 8), i & 255);
  return new Endpoint(SERVER, 51820, { sourceAddress });
});
const sockets = openUdp({ port: 0 });
const flood = new HandshakeFlood({ sockets, messages, destinations, perSecond });
const end = new AbortController();
process.once('SIGTERM', () => end.abort());
process.stdout.write('ready\n');
const start = performance.now();
while (!end.signal.aborted) {
  flood.sendDue(performance.now() - start);
  // A timer takes a millisecond or more. At full rate, the loop waits only for one turn of the
  // event loop, in which signals are received.
  await (perSecond === Infinity ? setImmediate() : setTimeout(1));
}
const report: FloodReport = {
  messages: sockets.counters.sentDatagrams,
  seconds: (performance.now() - start) / 1000,
};
sendAnswer(report);
sockets.close();
