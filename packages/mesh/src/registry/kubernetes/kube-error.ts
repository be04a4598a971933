/**
 * `KubeError`: the reason why a request to the API server failed, and what to do.
 *
 * @module
 */

/** The details of a failed request to the API server. */
export interface KubeErrorDetails {
  /** The HTTP status. 0 if there was no response. */
  readonly status: number;
  /** The API server's reason, such as `Expired` or `Forbidden`. Empty if it gave none. */
  readonly reason?: string;
  /** In milliseconds. How long the server wants the client to wait before the next try. */
  readonly retryAfter?: number;
  /** True if the response is longer than Litz reads. A smaller request may help. */
  readonly isTooLong?: boolean;
  readonly cause?: unknown;
}

/**
 * A request to the API server failed. The message says what is missing, for example which right.
 */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly code = 'ERR_LITZ_KUBERNETES';
  readonly status: number;
  readonly reason: string;
  readonly retryAfter: number;
  readonly isTooLong: boolean;

  constructor(message: string, details: KubeErrorDetails = { status: 0 }) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.status = details.status;
    this.reason = details.reason ?? '';
    this.retryAfter = details.retryAfter ?? 0;
    this.isTooLong = details.isTooLong ?? false;
  }

  /** True if the requested version is no longer available. A new list is needed then. */
  get isExpired(): boolean {
    return this.status === 410 || this.reason === 'Expired' || this.reason === 'Gone';
  }

  /**
   * True if a watch may have failed because its version is not from this server: the version is not
   * a number, or it is too high (`Timeout: Too large resource version`).
   */
  get mayBeOfVersion(): boolean {
    return [400, 422, 500, 504].includes(this.status);
  }
}

/** Returns the text of any error, for messages. */
export function textOfError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // For a host name with several addresses, Node.js throws an AggregateError without a text of its
  // own.
  if (error.message === '' && error instanceof AggregateError) {
    return error.errors.map(textOfError).join('; ');
  }
  return error.message;
}
