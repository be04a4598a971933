/**
 * The text that a user sees when a command fails, and the exit code: 1 for a failure at run time, 2
 * for a wrong command line.
 *
 * @module
 */
import { printable, redactKeys } from '@litz/core/text';

/** A failure whose message alone tells the user what is wrong. */
export class Failure extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'Failure';
    this.exitCode = options.exitCode ?? 1;
  }
}

/**
 * Returns the text for standard error. It contains no keys, and no control characters except line
 * feeds. It contains a stack only if the error is a bug in Litz.
 */
export function describeFailure(error: unknown): string {
  return redactKeys(textOf(error)).split('\n').map(printable).join('\n');
}

/** Returns the exit code of the process: that of a `Failure`, 1 for any other error. */
export function exitCodeOf(error: unknown): number {
  return error instanceof Failure ? error.exitCode : 1;
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(textOf))].join('\n');
  }
  if (!isExpected(error))
    return `internal error, please report it\n${error.stack ?? error.message}`;
  if (isPermission(error) && !/CAP_|--cap-add/.test(error.message)) {
    return `${error.message}\n${PERMISSION_ADVICE}`;
  }
  return error.message;
}

/**
 * Returns whether an error can occur without a bug in Litz. Errors of Litz have a code
 * 'ERR_LITZ_...'; system errors of Node.js have a code like 'ENOENT'.
 */
function isExpected(error: Error): boolean {
  if (error instanceof Failure) return true;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && (code.startsWith('ERR_LITZ_') || /^E[A-Z0-9]+$/.test(code));
}

function isPermission(error: Error): boolean {
  return (error as { code?: unknown }).code === 'ERR_LITZ_PERMISSION';
}

const PERMISSION_ADVICE = `litz needs CAP_NET_ADMIN and /dev/net/tun: run it as root, or start the container with
  --cap-add NET_ADMIN --device /dev/net/tun`;
