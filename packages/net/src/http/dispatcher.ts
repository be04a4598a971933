/**
 * undici over a network: its connector, its dispatcher and its `fetch`.
 *
 * The package undici is loaded when it is used for the first time, because loading it takes a tenth
 * of a second and 20 MB of memory.
 *
 * @module
 */
import { createRequire } from 'node:module';
import type * as Undici from 'undici';
import type { Connect } from './agents.ts';

/** Options of a connector: those of `buildConnector` of undici, and of tls.connect. */
export type ConnectorOptions = Undici.buildConnector.BuildOptions;

/** A connector for dispatchers of undici: `new Pool(origin, { connect: network.connector })`. */
export type Connector = Undici.buildConnector.connector;

/** The `fetch` of undici, with its types. It also takes a `Request` or `FormData` of Node.js. */
export type Fetch = (
  input: Undici.RequestInfo | Request,
  init?: FetchOptions,
) => Promise<Undici.Response>;

/** Options of `fetch`: those of undici, and a `FormData` of Node.js as body. */
export type FetchOptions = Omit<Undici.RequestInit, 'body'> & {
  body?: Undici.BodyInit | FormData | null;
};

/**
 * Returns a connector. TLS runs inside the tunnel, and undici keeps the TLS sessions.
 *
 * @param options those of tls.connect, as `buildConnector` of undici takes them
 */
export function createConnector(connect: Connect, options: ConnectorOptions = {}): Connector {
  const secure = undici().buildConnector(options);
  const connectTimeout = options.timeout ?? CONNECT_TIMEOUT_MS;
  return (options, callback) => {
    const { protocol, hostname, port, localAddress } = options;
    const isSecure = protocol === 'https:';
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || (isSecure ? 443 : 80)),
      localAddress: localAddress ?? undefined,
      highWaterMark: 65_536,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      connectTimeout,
    });
    const fail = (error: Error): void => callback(error, null);
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail);
      if (!isSecure) return callback(null, socket as never);
      secure({ ...options, httpSocket: socket as never }, callback);
      // The TLS socket ends `socket` itself, after its last bytes. If `socket` could not be
      // half-open, it would end as soon as the other side ends, maybe before those bytes.
      socket.allowHalfOpen = true;
    });
  };
}

/** Returns an agent of undici for all origins of the network. */
export function createDispatcher(connect: Connector): Undici.Agent {
  return new (undici().Agent)({ connect });
}

/**
 * Returns the `fetch` of undici. Without the option `dispatcher`, a request goes to the dispatcher
 * that `dispatcher()` returns. `Request` and `FormData` of Node.js are accepted, although undici
 * has classes of its own.
 */
export function createFetch(dispatcher: () => Undici.Dispatcher): Fetch {
  return async (input, { body, ...init } = {}) => {
    const { fetch, Request: UndiciRequest } = undici();
    const options: Undici.RequestInit = {
      ...init,
      dispatcher: init.dispatcher ?? dispatcher(),
      ...(body !== undefined && { body: body instanceof FormData ? toForm(body) : body }),
    };
    if (!(input instanceof Request)) return fetch(input, options);
    return fetch(new UndiciRequest(input.url, requestInitOf(input)), options);
  };
}

function undici(): typeof Undici {
  return (loaded ??= createRequire(import.meta.url)('undici') as typeof Undici);
}

function requestInitOf(request: Request): Undici.RequestInit {
  const { method, headers, body, redirect, signal, credentials, integrity, referrerPolicy } =
    request;
  return {
    method,
    headers: [...headers],
    redirect,
    signal,
    credentials,
    integrity,
    referrerPolicy,
    ...(body && { body: body as never, duplex: 'half' }),
  };
}

function toForm(form: FormData): Undici.FormData {
  const copy = new (undici().FormData)();
  for (const [name, value] of form) copy.append(name, value);
  return copy;
}

let loaded: typeof Undici | undefined;
/** The default of undici. */
const CONNECT_TIMEOUT_MS = 10_000;
