/**
 * `listenForStreams`: listens for TCP connections. `closeServer`: stops listening.
 * `listenForDatagrams`: binds a UDP socket. If a port cannot be used, the error names the flag or
 * the section that asked for the port.
 *
 * @module
 */
import { Failure } from '../failure.ts';
import { formatHostPort, type ListenAddress } from './addresses.ts';
import type { DatagramSocket, StreamServer } from './proxy-network.ts';

/** A service that runs. */
export interface RunningService {
  /** What the service does and where, for the user: 'SOCKS5 proxy on 127.0.0.1:1080'. */
  readonly description: string;
  /** Stops the service. Resolves when its port is free. */
  close(): Promise<void>;
}

/**
 * Starts a server. Resolves with the address that it listens on.
 *
 * @param origin the flag or the section that asked for the server
 * @throws {Failure} (rejects) the server cannot listen at this address
 */
export async function listenForStreams(
  server: StreamServer,
  listen: ListenAddress,
  origin: string,
): Promise<ListenAddress> {
  const { host, port } = listen;
  try {
    await listening(server, () => server.listen(host === undefined ? { port } : { port, host }));
  } catch (error) {
    throw listenFailure(error, listen, origin);
  }
  // An error says that a connection could not be accepted, for instance for lack of descriptors.
  // The server goes on.
  server.on('error', () => {});
  return boundAddress(server.address(), listen);
}

/** Binds a UDP socket, as `listenForStreams` does with a server. */
export async function listenForDatagrams(
  socket: DatagramSocket,
  listen: ListenAddress,
  origin: string,
): Promise<ListenAddress> {
  const { host, port } = listen;
  try {
    const place = host === undefined ? { port } : { port, address: host };
    await listening(socket, () => socket.bind(place));
  } catch (error) {
    throw listenFailure(error, listen, origin);
  }
  return boundAddress(socket.address(), listen);
}

/** Closes a server. Resolves when its port is free. Its connections must be closed already. */
export function closeServer(server: StreamServer): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Calls `begin`. Resolves at 'listening', and rejects at 'error'. */
function listening(emitter: Listening, begin: () => void): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    emitter.once('error', reject);
    emitter.once('listening', () => {
      emitter.off('error', reject);
      resolve();
    });
    begin();
  });
}

/** What a server and a socket have in common. */
interface Listening {
  once(event: 'listening', listener: () => void): unknown;
  once(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

function boundAddress(
  address: ReturnType<StreamServer['address']>,
  { host }: ListenAddress,
): ListenAddress {
  const port = typeof address === 'object' && address ? address.port : 0;
  return { host, port };
}

function listenFailure(error: unknown, listen: ListenAddress, origin: string): Failure {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const reason = REASONS[code] ?? message;
  const place = formatHostPort(listen);
  return new Failure(`${origin}: cannot listen on ${place}: ${reason}`, { cause: error });
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has this port (EADDRINUSE)',
  EADDRNOTAVAIL: 'there is no such address (EADDRNOTAVAIL)',
  EACCES: 'this user may not use this port: give a port above 1023 (EACCES)',
  ENOTFOUND: 'there is no such name (ENOTFOUND)',
};
