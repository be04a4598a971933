/**
 * A UDP relay in front of a WireGuard node on the same machine:
 * `loss-relay-child.js PORT TO_PORT SHARE DELAY_MS SEED`. It loses a share of the datagrams and
 * delays the others, in both directions. The seed decides which datagrams are lost.
 *
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import { seededRandom } from '@litz/testkit';

const [port = 0, to = 0, loss = 0, delayMs = 0, seed = 1] = process.argv.slice(2).map(Number);
const random = seededRandom(seed);
const front = createSocket('udp4');
const back = createSocket('udp4');
let client: { port: number; address: string } | undefined;
/** Datagrams on their way, in the order in which they leave. */
const waiting: { at: number; bytes: Uint8Array; send: (bytes: Uint8Array) => void }[] = [];

function pass(bytes: Uint8Array, send: (bytes: Uint8Array) => void): void {
  if (random() < loss) return;
  waiting.push({ at: performance.now() + delayMs, bytes, send });
}

function release(): void {
  const now = performance.now();
  let count = 0;
  while (count < waiting.length && waiting[count]!.at <= now) count++;
  for (const { bytes, send } of waiting.splice(0, count)) send(bytes);
}

function listening(socket: Socket, at: number): Promise<void> {
  return new Promise((resolve) => socket.bind(at, '0.0.0.0', resolve));
}

front.on('message', (bytes, from) => {
  client = from;
  pass(bytes, (it) => back.send(it, to, '127.0.0.1'));
});
back.on('message', (bytes) => {
  pass(bytes, (it) => client && front.send(it, client.port, client.address));
});
await Promise.all([listening(front, port), listening(back, 0)]);
setInterval(release, 1);
process.stdout.write('ready\n');
