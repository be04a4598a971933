/**
 * `EtcdError`: what etcd, or the way to it, has against a call.
 *
 * @module
 */
import { quote } from '@litz/core/internals';

/** The codes of gRPC that are told apart here. */
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
  /** Of gRPC. */
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Whether a new token may help: there was none before users were, or it is too old. */
  get isOfToken(): boolean {
    if (this.code === GRPC_CODES.unauthenticated) return true;
    return /invalid auth token|auth store is old|user name is empty/.test(this.message);
  }

  /** Whether the user may not do it. */
  get isDenied(): boolean {
    return this.code === GRPC_CODES.permissionDenied;
  }

  /** Whether what was asked for is no longer kept. */
  get isCompacted(): boolean {
    return this.code === GRPC_CODES.outOfRange && this.message.includes('compacted');
  }

  /** Whether less of it at once may be asked for. */
  get isTooLarge(): boolean {
    return this.code === GRPC_CODES.resourceExhausted && this.message.includes('at once');
  }

  /** Whether there is no such lease any more. */
  get isOfLease(): boolean {
    return this.code === GRPC_CODES.notFound && this.message.includes('lease');
  }

  /** Whether etcd knows no users at all. */
  get isWithoutUsers(): boolean {
    return this.message.includes('authentication is not enabled');
  }
}

/** The error that headers or trailers tell; undefined for none. */
export function errorOfTrailers(headers: Readonly<Record<string, unknown>>): EtcdError | undefined {
  const status = headers['grpc-status'];
  if (status === undefined) return undefined;
  const code = Number(status);
  if (code === GRPC_CODES.ok) return undefined;
  return new EtcdError(code, explainAnswer(code, decoded(headers['grpc-message'])));
}

/** What etcd says, with what to do where that is known. */
export function explainAnswer(code: number, message: string): string {
  const said = message === '' ? `gRPC status ${code}` : quote(message).slice(1, -1);
  const advice = ADVICE.find(([words]) => message.includes(words))?.[1];
  return advice === undefined ? said : `${said}: ${advice}`;
}

/** What keeps a connection from being made, with what to do where that is known. */
export function explainConnection(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const said = error.message === '' ? code : error.message;
  const advice = CONNECTION_ADVICE.find(([pattern]) => pattern.test(`${code} ${said}`))?.[1];
  return advice === undefined ? said : `${advice} (${code || said})`;
}

/** Percent encoding, which a server may get wrong. */
function decoded(text: unknown): string {
  if (typeof text !== 'string') return '';
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** By what etcd says. */
const ADVICE: readonly (readonly [words: string, advice: string])[] = [
  [
    'user name is empty',
    'etcd wants --etcd-user and --etcd-password-file, or a certificate with a user as its CN',
  ],
  [
    'space exceeded',
    'etcd is full and takes no writes; it needs a compaction and a defragmentation',
  ],
];

/** By the code and the words of Node and OpenSSL; what is wrong with certificates is said elsewhere. */
const CONNECTION_ADVICE: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/ECONNREFUSED/, 'nobody listens there'],
  [/ENOTFOUND|EAI_AGAIN/, 'the name is not known'],
  [/EHOSTUNREACH|ENETUNREACH/, 'no route leads there'],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH|EPROTO/,
    'the server speaks no TLS: etcd:// is for plain connections',
  ],
  [
    /ERR_HTTP2_ERROR|Protocol error/,
    'the server speaks no HTTP/2: it is no etcd, or it speaks TLS, which is etcds://',
  ],
  [/closed before|ECONNRESET/, 'the server ended the connection'],
];
