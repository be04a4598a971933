/**
 * `startSocks`: a SOCKS5 proxy on an address of the machine.
 *
 * @module
 */
import { createServer } from 'node:net';
import { formatHostPort } from './addresses.ts';
import type { ServiceContext } from './service-context.ts';
import type { ProxyService } from './settings.ts';
import { serveSocks } from './socks-session.ts';
import { closeServer, listenForStreams, type RunningService } from './stream-listener.ts';

/** @throws {Failure} (rejects) the service cannot listen at its address */
export async function startSocks(
  service: ProxyService,
  context: ServiceContext,
): Promise<RunningService> {
  const counts = context.counts.of('socks5');
  const { table, log, network } = context;
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true });
  server.on('connection', (socket) => {
    if (!table.add(socket, counts)) return;
    void serveSocks(socket, {
      network,
      table,
      counts,
      credentials: service.credentials,
      log: (line) => log(`${service.origin}: ${line}`),
      handshakeMs: HANDSHAKE_MS,
      idleMs: ASSOCIATION_MS,
    });
  });
  const address = await listenForStreams(server, service.listen, service.origin);
  return {
    description: `SOCKS5 proxy on ${formatHostPort(address)}`,
    close: () => closeServer(server),
  };
}

/** How long a client may take to send its request. */
const HANDSHAKE_MS = 10_000;
/**
 * RFC 4787, REQ-5: a mapping for UDP lives for two minutes or longer; five minutes are recommended.
 */
const ASSOCIATION_MS = 300_000;
