/**
 * `EtcdError`: etcd has refused a call, or etcd cannot be reached.
 *
 * @module
 */
import { quote } from '@litz/core/internals';

/** The gRPC status codes that Litz distinguishes. */
export const GRPC_CODES = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unavailable: 14,
  unauthenticated: 16,
} as const;

export class EtcdError extends Error {
  override readonly name = 'EtcdError';
  /** The gRPC status code. */
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /**
   * True if a new token may help. Either the call had no token, because etcd had no users at that
   * time, or the token is too old.
   */
  get needsNewToken(): boolean {
    if (this.code === GRPC_CODES.unauthenticated) return true;
    return /invalid auth token|auth store is old|user name is empty/.test(this.message);
  }

  /** True if the user has no permission. */
  get isDenied(): boolean {
    return this.code === GRPC_CODES.permissionDenied;
  }

  /** True if the requested revision was compacted. */
  get isCompacted(): boolean {
    return this.code === GRPC_CODES.outOfRange && this.message.includes('compacted');
  }

  /** True if the answer was too large. A smaller request may help. */
  get isTooLarge(): boolean {
    return this.code === GRPC_CODES.resourceExhausted && this.message.includes('at once');
  }

  /** True if the lease no longer exists. */
  get isLeaseGone(): boolean {
    return this.code === GRPC_CODES.notFound && this.message.includes('lease');
  }

  /** True if authentication is not enabled in etcd. */
  get isAuthenticationOff(): boolean {
    return this.message.includes('authentication is not enabled');
  }
}

/** Returns the error in headers or trailers; undefined if there is none. */
export function errorOfTrailers(headers: Readonly<Record<string, unknown>>): EtcdError | undefined {
  const status = headers['grpc-status'];
  if (status === undefined) return undefined;
  const code = Number(status);
  if (code === GRPC_CODES.ok) return undefined;
  return new EtcdError(code, explainAnswer(code, decoded(headers['grpc-message'])));
}

/** Returns etcd's message, with advice if there is some. */
export function explainAnswer(code: number, message: string): string {
  const said = message === '' ? `gRPC status ${code}` : quote(message).slice(1, -1);
  const advice = ADVICE.find(([words]) => message.includes(words))?.[1];
  return advice === undefined ? said : `${said}: ${advice}`;
}

/** Returns why a connection could not be made, with advice if there is some. */
export function explainConnection(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const said = error.message === '' ? code : error.message;
  const advice = CONNECTION_ADVICE.find(([pattern]) => pattern.test(`${code} ${said}`))?.[1];
  return advice === undefined ? said : `${advice} (${code || said})`;
}

/** Decodes percent encoding. Returns the text itself if the encoding is wrong. */
function decoded(text: unknown): string {
  if (typeof text !== 'string') return '';
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The advice for messages of etcd that contain these words. */
const ADVICE: readonly (readonly [words: string, advice: string])[] = [
  [
    'user name is empty',
    'etcd requires --etcd-user and --etcd-password-file, or a certificate with a user name as its CN',
  ],
  ['space exceeded', 'the database of etcd is full and refuses writes: compact and defragment it'],
];

/**
 * Advice by the error code and the words of Node.js and OpenSSL. `etcd-tls.ts` explains errors of
 * certificates.
 */
const CONNECTION_ADVICE: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/ECONNREFUSED/, 'no server listens on this port'],
  [/ENOTFOUND|EAI_AGAIN/, 'the host name cannot be resolved'],
  [/EHOSTUNREACH|ENETUNREACH/, 'there is no route to the host'],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH|EPROTO/,
    'the server does not use TLS: use etcd:// for connections without TLS',
  ],
  [
    /ERR_HTTP2_ERROR|Protocol error/,
    'the server does not speak HTTP/2: it is not etcd, or it uses TLS, which needs etcds://',
  ],
  [/closed before|ECONNRESET/, 'the server ended the connection'],
];
