/**
 * `endSoon`: ends a connection so that its client still gets the last bytes.
 *
 * @module
 */
import type { Duplex } from 'node:stream';

/**
 * Sends the last bytes and the end. What the client still sends is ignored: closing a socket with
 * unread bytes would send a reset, and the client might lose the answer. A client that does not end
 * its side is cut off after a few seconds.
 */
export function endSoon(socket: Duplex, bytes?: Uint8Array | string): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  if (bytes === undefined) socket.end();
  else socket.end(bytes);
  // Bytes of the client are discarded until it ends its side. Then the socket is closed.
  socket.resume();
}

const LINGER_MS = 5000;
