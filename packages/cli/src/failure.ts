/**
 * What a person sees when a command fails, and the exit code: 1 for what went wrong while running, 2
 * for a command line that makes no sense.
 *
 * @module
 */
import { printable, redactKeys } from '@litz/core/internals';

/** A failure in words that need no more explanation. */
export class Failure extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'Failure';
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The text for standard error, without what may be a key or steers a terminal. A stack only where the mistake is ours. */
export function describeFailure(error: unknown): string {
  return redactKeys(textOf(error)).split('\n').map(printable).join('\n');
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!isExpected(error))
    return `internal error, please report it\n${error.stack ?? error.message}`;
  if (isPermission(error) && !/CAP_|--cap-add/.test(error.message)) {
    return `${error.message}\n${PERMISSION_ADVICE}`;
  }
  return error.message;
}

export function exitCodeOf(error: unknown): number {
  return error instanceof Failure ? error.exitCode : 1;
}

/** Ours have a code 'ERR_LITZ_...', Node's for the outside world one such as 'ENOENT'. */
function isExpected(error: Error): boolean {
  if (error instanceof Failure) return true;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && (code.startsWith('ERR_LITZ_') || /^E[A-Z0-9]+$/.test(code));
}

function isPermission(error: Error): boolean {
  return (error as { code?: unknown }).code === 'ERR_LITZ_PERMISSION';
}

const PERMISSION_ADVICE = `CAP_NET_ADMIN is needed, and /dev/net/tun: run litz as root, or give the container
  --cap-add NET_ADMIN --device /dev/net/tun`;
