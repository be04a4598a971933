/**
 * `NetworkAgent` and `NetworkHttpsAgent`: the agents of node:http and node:https over a network.
 *
 * @module
 */
import { Agent as HttpAgent, type AgentOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import type { ConnectOptions } from '../tcp/connect-options.ts';
import type { Socket } from '../tcp/socket.ts';

/** Makes a connection: `Network.connect`. */
export type Connect = (options: ConnectOptions) => Socket;

/** An agent for `http.request`, whose connections go through the tunnel. */
export class NetworkAgent extends HttpAgent {
  readonly #connect: Connect;

  constructor(connect: Connect, options: AgentOptions = {}) {
    super(options);
    this.#connect = connect;
  }

  /** @internal Called by node:http. */
  override createConnection(options: object): Duplex {
    return this.#connect(connectOptionsOf(options));
  }
}

/**
 * An agent for `https.request`, whose connections go through the tunnel. TLS runs inside the
 * tunnel.
 */
export class NetworkHttpsAgent extends HttpsAgent {
  readonly #connect: Connect;

  constructor(connect: Connect, options: AgentOptions = {}) {
    super(options);
    this.#connect = connect;
  }

  /** @internal Called by node:https. The overridden method keeps TLS sessions, to resume them. */
  override createConnection(options: object, callback?: never): Duplex {
    const socket = this.#connect(connectOptionsOf(options));
    const secure = super.createConnection({ ...options, socket } as never, callback) as Duplex;
    // The TLS socket ends `socket` itself, after its last bytes. If `socket` could not be
    // half-open, it would end as soon as the other side ends, maybe before those bytes.
    socket.allowHalfOpen = true;
    return secure;
  }
}

/** Leaves out the signal: it belongs to the request, which ends its connection itself. */
function connectOptionsOf(options: object): ConnectOptions {
  const { signal: _signal, ...rest } = options as ConnectOptions;
  return rest;
}
