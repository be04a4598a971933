/**
 * `startPort`: a TCP port that leads to one target. `--forward` accepts connections on the machine,
 * and connects to a target inside the tunnel. `--expose` accepts connections inside the tunnel, and
 * connects to a target from the machine.
 *
 * @module
 */
import { formatHostPort } from './addresses.ts';
import { dial, joinSockets, reset } from './join-sockets.ts';
import { codeOf } from './proxy-counts.ts';
import type { StreamSocket } from './proxy-network.ts';
import type { ServiceContext } from './service-context.ts';
import type { PortService } from './settings.ts';
import { closeServer, listenForStreams, type RunningService } from './stream-listener.ts';

/** @throws {Failure} (rejects) the service cannot listen at its address */
export async function startPort(
  service: PortService,
  context: ServiceContext,
): Promise<RunningService> {
  const { type, listen, target, origin } = service;
  const { network, machine, table, log } = context;
  const [near, far] = type === 'forward' ? [machine, network] : [network, machine];
  const counts = context.counts.of(type);
  const serve = async (client: StreamSocket): Promise<void> => {
    if (!table.add(client, counts)) return;
    table.serve(client);
    try {
      const socket = await dial(far, target, { client });
      await joinSockets(client, socket, counts);
    } catch (error) {
      counts.fail(error);
      log(`${origin}: ${formatHostPort(target)} was not reached: ${codeOf(error)}`);
      reset(client);
    }
  };
  const server = near.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.on('connection', (client) => void serve(client));
  const address = await listenForStreams(server, listen, origin);
  return { description: describePort(service, address), close: () => closeServer(server) };
}

/** Returns what a port does: 'TCP port 127.0.0.1:8080 leads to 10.0.0.2:80 in the tunnel'. */
export function describePort(
  { type, protocol, target }: PortService,
  address: PortService['listen'],
): string {
  const [from, to] = type === 'forward' ? ['', ' in the tunnel'] : [' in the tunnel', ''];
  const port = `${protocol.toUpperCase()} port ${formatHostPort(address)}${from}`;
  return `${port} leads to ${formatHostPort(target)}${to}`;
}
