/**
 * `KubeError`: why a request to the API server failed, in words that say what to do.
 *
 * @module
 */

export interface KubeErrorDetails {
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** `Expired`, `Forbidden`, ... of the API server; empty where there is none. */
  readonly reason?: string;
  /** In milliseconds. When the server wants to be asked again. */
  readonly retryAfter?: number;
  readonly cause?: unknown;
}

export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly code = 'ERR_LITZ_KUBERNETES';
  readonly status: number;
  readonly reason: string;
  readonly retryAfter: number;

  constructor(message: string, details: KubeErrorDetails = { status: 0 }) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.status = details.status;
    this.reason = details.reason ?? '';
    this.retryAfter = details.retryAfter ?? 0;
  }

  /** The version that was asked for is gone: only a new list helps. */
  get isExpired(): boolean {
    return this.status === 410 || this.reason === 'Expired' || this.reason === 'Gone';
  }
}

/** Any error's text, for messages. */
export function textOfError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node's AggregateError of a name with several addresses has no text of its own.
  if (error.message === '' && error instanceof AggregateError) {
    return error.errors.map(textOfError).join('; ');
  }
  return error.message;
}
