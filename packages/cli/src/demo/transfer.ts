/**
 * A TCP transfer whose content is checked: the receiver answers with the SHA-256 of the received
 * bytes.
 *
 * @module
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** Every block that the demo sends contains this text. The capture must never find it. */
export const MARKER: Buffer = Buffer.from('litz demo: nobody on the wire may read this ');

export interface TransferResult {
  readonly bytes: number;
  readonly seconds: number;
  /** SHA-256 in hex, of the sent and of the received bytes. */
  readonly sentHash: string;
  readonly receivedHash: string;
}

/** Accepts transfers and answers each with its hash. */
export async function serveTransfers(host: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const hash = createHash('sha256');
    socket.on('data', (chunk) => hash.update(chunk));
    socket.on('end', () => socket.end(hash.digest()));
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, host);
  await once(server, 'listening');
  return server;
}

/** Returns the port on which a server listens. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/**
 * Sends blocks until `bytes` bytes are sent or `milliseconds` have passed, whichever comes first.
 *
 * @throws {Error} the connection failed or ended early
 */
export async function sendTransfer(
  target: { host: string; port: number },
  limits: { bytes: number; milliseconds: number },
): Promise<TransferResult> {
  const socket = connect({ ...target, noDelay: true });
  await once(socket, 'connect');
  const answer = buffer(socket);
  const hash = createHash('sha256');
  const block = createBlock();
  const started = performance.now();
  let bytes = 0;
  while (bytes < limits.bytes && performance.now() - started < limits.milliseconds) {
    block.writeDoubleBE(bytes, MARKER.length);
    hash.update(block);
    bytes += block.length;
    // The block is copied, because the socket keeps bytes that it cannot send yet, and the next
    // pass changes the block.
    if (!socket.write(Buffer.from(block))) await Promise.race([once(socket, 'drain'), answer]);
  }
  socket.end();
  const receivedHash = (await answer).toString('hex');
  const seconds = (performance.now() - started) / 1000;
  return { bytes, seconds, sentHash: hash.digest('hex'), receivedHash };
}

/** Returns random bytes with the marker at the start of each KiB. */
export function createBlock(): Buffer {
  const block = randomBytes(BLOCK_LENGTH);
  for (let i = 0; i < block.length; i += 1024) MARKER.copy(block, i);
  return block;
}

const BLOCK_LENGTH = 64 * 1024;
