/**
 * `startDatagramPort`: a UDP port that leads to one target, for `--forward` and `--expose`.
 *
 * Each client, that is each source address and port, gets a socket of its own on the other side, so
 * that answers find their way back. A client is forgotten when no datagram has passed in either
 * direction for a while. When there are too many clients, the one that has been silent the longest
 * is forgotten.
 *
 * @module
 */
import { isIPv6 } from 'node:net';
import { equalBytes, tryParseAddress } from '@litz/core/internals';
import { NameTable } from './name-table.ts';
import { describePort } from './port-service.ts';
import type { ServiceCounts } from './proxy-counts.ts';
import type { DatagramSocket, DatagramSource, ProxyNetwork } from './proxy-network.ts';
import type { ServiceContext } from './service-context.ts';
import type { PortService } from './settings.ts';
import { listenForDatagrams, type RunningService } from './stream-listener.ts';

/** @throws {Failure} (rejects) the service cannot listen at its address */
export async function startDatagramPort(
  service: PortService,
  { network, machine, counts }: ServiceContext,
): Promise<RunningService> {
  const { type, listen, origin } = service;
  const [near, far] = type === 'forward' ? [machine, network] : [network, machine];
  const sockets: DatagramSocket[] = [];
  const sessions = new DatagramSessions(service, far, counts.of(type));
  const close = async (): Promise<void> => {
    sessions.close();
    for (const socket of sockets.splice(0)) socket.close();
  };
  let address = listen;
  try {
    for (const family of familiesOf(listen.host, near)) {
      const socket = near.createSocket(family === 6 ? 'udp6' : 'udp4');
      sockets.push(socket);
      // The port that the system chose for the first family is used for the second one too.
      address = await listenForDatagrams(socket, { ...listen, port: address.port }, origin);
      socket.on('error', () => {});
      socket.on('message', (bytes, source) => sessions.receive(bytes, source, socket));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { description: describePort(service, address), close };
}

/** The clients of a UDP port. */
class DatagramSessions {
  readonly #service: PortService;
  readonly #far: ProxyNetwork;
  readonly #counts: ServiceCounts;
  readonly #names: NameTable;
  readonly #idleMs: number;
  /** By source. The session whose client has been silent the longest comes first. */
  readonly #sessions = new Map<string, Session>();
  #isClosed = false;

  constructor(service: PortService, far: ProxyNetwork, counts: ServiceCounts) {
    this.#service = service;
    this.#far = far;
    this.#counts = counts;
    this.#names = new NameTable(far);
    this.#idleMs = service.idleMs ?? IDLE_MS;
  }

  /** Passes a datagram of a client on. `near` received it; the answers are sent from there too. */
  receive(bytes: Uint8Array, source: DatagramSource, near: DatagramSocket): void {
    const key = `${source.address}|${source.port}`;
    const { host } = this.#service.target;
    // Source port 0 means that no answer is expected (RFC 768), and Node.js cannot send to it.
    if (source.port === 0) {
      this.#counts.datagramsDropped++;
      return;
    }
    this.#names.use(host, (address) => {
      // The look-up of the name may end after this service was closed.
      if (this.#isClosed) return;
      const session =
        address === undefined ? undefined : this.#sessionOf(key, address, source, near);
      if (!session) this.#counts.datagramsDropped++;
      else this.#forward(bytes, session);
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const key of this.#sessions.keys()) this.#end(key);
  }

  #sessionOf(
    key: string,
    address: string,
    source: DatagramSource,
    near: DatagramSocket,
  ): Session | undefined {
    const known = this.#sessions.get(key);
    if (known) {
      this.#sessions.delete(key);
      this.#sessions.set(key, known);
      return known;
    }
    const [longestSilent] = this.#sessions.keys();
    if (this.#sessions.size >= MOST_SESSIONS && longestSilent !== undefined) {
      this.#counts.refuse('too-many');
      this.#end(longestSilent);
    }
    const far = this.#far.createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const timer = this.#idleMs === 0 ? undefined : setTimeout(() => this.#end(key), this.#idleMs);
    const session: Session = { far, address, timer };
    this.#sessions.set(key, session);
    this.#counts.open++;
    this.#counts.opened++;
    far.on('error', () => this.#end(key));
    far.on('message', (answer, from) => {
      const isFromTarget = from.port === this.#service.target.port && isSame(from.address, address);
      if (isFromTarget) this.#answer(answer, source, near, session);
    });
    return session;
  }

  #forward(bytes: Uint8Array, { far, address, timer }: Session): void {
    timer?.refresh();
    this.#counts.datagrams++;
    this.#counts.bytesForth += bytes.length;
    far.send(bytes, this.#service.target.port, address, (error) => {
      if (error) this.#counts.datagramsDropped++;
    });
  }

  #answer(bytes: Uint8Array, to: DatagramSource, near: DatagramSocket, session: Session): void {
    session.timer?.refresh();
    this.#counts.datagrams++;
    this.#counts.bytesBack += bytes.length;
    near.send(bytes, to.port, to.address, (error) => {
      if (error) this.#counts.datagramsDropped++;
    });
  }

  #end(key: string): void {
    const session = this.#sessions.get(key);
    if (!session) return;
    this.#sessions.delete(key);
    clearTimeout(session.timer);
    session.far.close();
    this.#counts.open--;
  }
}

interface Session {
  readonly far: DatagramSocket;
  /** The address of the target. */
  readonly address: string;
  readonly timer: NodeJS.Timeout | undefined;
}

/**
 * Returns whether an answer comes from the address that was asked. Text is not compared, because an
 * IPv6 address has many forms. If 0.0.0.0 or :: was asked, the answer comes from another address,
 * so every address is accepted.
 */
function isSame(source: string, asked: string): boolean {
  const [from, to] = [source, asked].map((text) => tryParseAddress(text.replace(/%.*$/, '')));
  if (!from || !to) return false;
  return to.every((byte) => byte === 0) || equalBytes(from, to);
}

/**
 * Returns the families of the sockets that listen on `host`. If `host` is undefined, the sockets
 * listen on all addresses.
 */
function familiesOf(
  host: string | undefined,
  { addresses = ['0.0.0.0'] }: ProxyNetwork,
): (4 | 6)[] {
  const hosts = host === undefined ? addresses : [host];
  return [...new Set(hosts.map((address) => (isIPv6(address) ? 6 : 4)))];
}

/** The same time as for an association of SOCKS5. */
const IDLE_MS = 300_000;
const MOST_SESSIONS = 1024;
