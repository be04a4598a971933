/**
 * `serveSocks`: serves one connection of a SOCKS5 client (RFC 1928).
 *
 * CONNECT and UDP ASSOCIATE are carried out. BIND is refused as a command that is not
 * supported, because `--expose` opens ports inside the tunnel. Names are resolved inside the
 * tunnel. RFC 1928 also asks for GSSAPI. It is not supported, because no common client uses it.
 *
 * @module
 */
import type { Credentials } from './credentials.ts';
import type { ConnectionTable } from './connection-table.ts';
import { endSoon } from './end-soon.ts';
import { dial, joinSockets } from './join-sockets.ts';
import { codeOf, type RefusalReason, type ServiceCounts } from './proxy-counts.ts';
import type { ProxyNetwork, StreamSocket } from './proxy-network.ts';
import { readExactly } from './read-exactly.ts';
import {
  ADDRESS_TYPE,
  addressLength,
  COMMAND,
  formatReply,
  hostOf,
  METHOD,
  PASSWORD_VERSION,
  REPLY,
  replyOf,
  SOCKS_VERSION,
} from './socks-message.ts';
import type { Target } from './addresses.ts';
import { UdpAssociation } from './udp-association.ts';

/** What a session of a client needs. */
export interface SocksContext {
  readonly network: ProxyNetwork;
  readonly table: ConnectionTable;
  readonly counts: ServiceCounts;
  readonly credentials: Credentials | undefined;
  /**
   * Called with a line about a client that was refused or lost, or a target that was not reached.
   */
  readonly log: (line: string) => void;
  /** How long a client may take to send its request. */
  readonly handshakeMs: number;
  /** How long an association lives without datagrams. */
  readonly idleMs: number;
}

/**
 * Serves a connection. Resolves when the connection is closed, or is sure to be closed within
 * seconds. Never rejects.
 */
export async function serveSocks(socket: StreamSocket, context: SocksContext): Promise<void> {
  const { table, counts, log, handshakeMs } = context;
  let isSilent = false;
  const timer = setTimeout(() => {
    isSilent = true;
    socket.destroy();
  }, handshakeMs);
  try {
    const request = await readRequest(socket, context);
    clearTimeout(timer);
    table.serve(socket);
    await (request.command === COMMAND.connect
      ? connectTo(request.target, socket, context)
      : associate(request.target, socket, context));
  } catch (error) {
    const refusal = isSilent ? new Refusal('silent') : error;
    if (refusal instanceof Refusal) counts.refuse(refusal.reason);
    const what = refusal instanceof Refusal ? 'a client was refused' : 'a client was lost';
    log(`${what}: ${(refusal as Error).message}`);
    // What was written, for instance a reply, is sent before the connection is closed.
    endSoon(socket);
  } finally {
    clearTimeout(timer);
  }
}

interface Request {
  readonly command: number;
  readonly target: Target;
}

/** The client is refused. If SOCKS5 has a reply for the reason, the reply has been written. */
class Refusal extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string = REASONS[reason]) {
    super(message);
    this.name = 'Refusal';
    this.reason = reason;
  }
}

async function readRequest(socket: StreamSocket, context: SocksContext): Promise<Request> {
  const [version, count = 0] = await readExactly(socket, 2);
  if (version !== SOCKS_VERSION) throw new Refusal('garbage');
  const offered = await readExactly(socket, count);
  await chooseMethod(socket, offered, context.credentials);
  const [again, command = 0, , type = 0] = await readExactly(socket, 4);
  if (again !== SOCKS_VERSION) throw new Refusal('garbage');
  const isName = type === ADDRESS_TYPE.name;
  const length = isName ? (await readExactly(socket, 1))[0] : addressLength(type);
  if (length === undefined) {
    throw refuse(socket, REPLY.addressTypeNotSupported, 'not-supported');
  }
  const host = hostOf(type, await readExactly(socket, length));
  const port = (await readExactly(socket, 2)).readUInt16BE();
  if (command !== COMMAND.connect && command !== COMMAND.associate) {
    throw refuse(socket, REPLY.commandNotSupported, 'not-supported');
  }
  // An association may name port 0: the client does not know yet from where it will send.
  if (host === undefined || (port === 0 && command === COMMAND.connect)) {
    throw refuse(socket, REPLY.failure, 'garbage');
  }
  return { command, target: { host, port } };
}

/** Agrees on a method, and asks for the password if there is one. */
async function chooseMethod(
  socket: StreamSocket,
  offered: Uint8Array,
  credentials: Credentials | undefined,
): Promise<void> {
  const method = credentials ? METHOD.password : METHOD.none;
  if (!offered.includes(method)) {
    socket.write(Uint8Array.of(SOCKS_VERSION, METHOD.unacceptable));
    throw new Refusal(credentials ? 'no-password' : 'not-supported');
  }
  socket.write(Uint8Array.of(SOCKS_VERSION, method));
  if (!credentials) return;
  const [version, nameLength = 0] = await readExactly(socket, 2);
  if (version !== PASSWORD_VERSION) throw new Refusal('garbage');
  const name = await readExactly(socket, nameLength);
  const [passwordLength = 0] = await readExactly(socket, 1);
  const password = await readExactly(socket, passwordLength);
  const isRight = credentials.match(name, password);
  password.fill(0);
  // RFC 1929: 0 is success; after any other status the server must close the connection.
  socket.write(Uint8Array.of(PASSWORD_VERSION, isRight ? 0 : 1));
  if (!isRight) throw new Refusal('wrong-password');
}

async function connectTo(
  target: Target,
  socket: StreamSocket,
  { network, counts, log }: SocksContext,
): Promise<void> {
  let far: StreamSocket;
  try {
    far = await dial(network, target, { client: socket });
  } catch (error) {
    counts.fail(error);
    log(`a target was not reached: ${codeOf(error)}`);
    endSoon(socket, formatReply(replyOf(error)));
    return;
  }
  socket.write(formatReply(REPLY.succeeded, addressOf(far)));
  await joinSockets(socket, far, counts);
}

async function associate(
  expected: Target,
  socket: StreamSocket,
  { network, counts, idleMs }: SocksContext,
): Promise<void> {
  let association: UdpAssociation;
  try {
    association = await UdpAssociation.open({ control: socket, expected, network, counts, idleMs });
  } catch (error) {
    counts.fail(error);
    throw refuse(socket, replyOf(error), 'not-supported');
  }
  socket.write(formatReply(REPLY.succeeded, association.address));
  await association.ended;
}

/** Writes a reply with a code, and returns the refusal. */
function refuse(socket: StreamSocket, code: number, reason: RefusalReason): Refusal {
  socket.write(formatReply(code));
  return new Refusal(reason);
}

function addressOf({ localAddress, localPort }: StreamSocket): Target {
  return { host: localAddress ?? '0.0.0.0', port: localPort ?? 0 };
}

const REASONS: Readonly<Record<RefusalReason, string>> = {
  garbage: 'it does not speak SOCKS5',
  'no-password': 'it does not offer a password',
  'not-supported': 'it asked for something that this proxy does not do',
  silent: 'it did not say in time what it wants',
  'too-many': 'there are too many connections',
  'wrong-password': 'its name or password is wrong',
};
