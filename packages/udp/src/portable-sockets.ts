/**
 * `bindSockets`: binds sockets of node:dgram, one for each family, on one port.
 *
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import { constants } from 'node:os';
import { SystemError } from '@litz/sys';

/**
 * Binds a socket for each family that the system has, or only for the family of `host`. Each socket
 * is pushed to `opened` as soon as it is bound, so that the caller can close it.
 *
 * @throws {SystemError} (rejects) `errno` 'EADDRINUSE': the port is taken; 'EAFNOSUPPORT': the
 *   system has neither family
 */
export async function bindSockets(
  options: { readonly port: number; readonly host?: string },
  opened: Socket[],
): Promise<{ v4: Socket | undefined; v6: Socket | undefined }> {
  const { port, host } = options;
  const v4 = host?.includes(':') ? undefined : await bind('udp4', port, host, opened);
  const chosen = v4 ? v4.address().port : port;
  const v6 = host && !host.includes(':') ? undefined : await bind('udp6', chosen, host, opened);
  if (!v4 && !v6) {
    throw new SystemError('socket', constants.errno.EAFNOSUPPORT, 'cannot open a UDP socket');
  }
  return { v4, v6 };
}

/** Sets the lengths of the kernel's buffers in bytes, as far as the system allows. */
export function setBufferLengths(socket: Socket, bufferBytes: number = 7 * 1024 * 1024): void {
  for (const set of ['setRecvBufferSize', 'setSendBufferSize'] as const) {
    try {
      socket[set](bufferBytes);
    } catch {
      // Some systems refuse a size above their limit. Their default size works, with more drops.
    }
  }
}

/** Returns the number of a libuv error on this platform; 0 if the error has no number. */
export function errnoOf(error: NodeJS.ErrnoException): number {
  const numbers: Readonly<Record<string, number>> = constants.errno;
  return numbers[error.code ?? ''] ?? Math.abs(error.errno ?? 0);
}

/** Resolves to undefined if the system does not have the family and `host` is undefined. */
function bind(
  type: 'udp4' | 'udp6',
  port: number,
  host: string | undefined,
  opened: Socket[],
): Promise<Socket | undefined> {
  const socket = createSocket({ type, ipv6Only: type === 'udp6', lookup: alreadyAnAddress });
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      socket.close();
      const missing = error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL';
      if (missing && host === undefined) resolve(undefined);
      else {
        const where = `${host ?? (type === 'udp4' ? '0.0.0.0' : '[::]')} port ${port}`;
        reject(new SystemError('bind', errnoOf(error), `cannot bind UDP ${where}`));
      }
    };
    socket.once('error', failed);
    const address = host ?? (type === 'udp4' ? '0.0.0.0' : '::');
    socket.bind({ port, address, exclusive: true }, () => {
      socket.off('error', failed);
      opened.push(socket);
      resolve(socket);
    });
  });
}

/**
 * node:dgram looks up each destination. Here, each destination is an address already. So this
 * function returns the address without the delay of a look-up.
 */
function alreadyAnAddress(
  host: string,
  _options: unknown,
  done: (error: null, address: string, family: number) => void,
): void {
  done(null, host, host.includes(':') ? 6 : 4);
}
