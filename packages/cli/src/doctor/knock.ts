/**
 * `sendToPort` and `sendInside`: send an empty datagram to an endpoint, or into the tunnel, to
 * find out whether a peer can be reached.
 *
 * @module
 */
import { createSocket } from 'node:dgram';

/**
 * Sends an empty datagram to a port. WireGuard does not answer it.
 *
 * @returns 'refused': the machine answers that no program has the port. 'silent': no answer came,
 *   which says little, because a program may ignore the datagram, or the datagram was lost
 */
export function sendToPort(
  address: string,
  port: number,
  waitMs: number = WAIT_MS,
): Promise<'refused' | 'silent'> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const end = (result: 'refused' | 'silent'): void => {
      clearTimeout(timer);
      socket.removeAllListeners('error').on('error', () => {});
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => end('silent'), waitMs);
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      end(code === 'ECONNREFUSED' ? 'refused' : 'silent'),
    );
    // The kernel reports refusals only to a connected socket.
    socket.connect(port, address, (error?: Error) => {
      if (error) end('silent');
      else socket.send(Buffer.alloc(0));
    });
  });
}

/**
 * Sends an empty datagram to the port `discard` of an address inside the tunnel, so that the daemon
 * starts a handshake.
 */
export function sendInside(address: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.on('error', () => {});
    socket.send(Buffer.alloc(0), DISCARD_PORT, address, () => socket.close(() => resolve()));
  });
}

/** The port of the protocol `discard`, RFC 863. */
const DISCARD_PORT = 9;
/** In ms. An answer from the other side of the Earth takes less time than this. */
const WAIT_MS = 700;
