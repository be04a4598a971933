/**
 * `UapiServerOptions`: the options of a `UapiServer`, and the check of its arguments.
 *
 * @module
 */
import { checkFunction, checkInteger, checkObject, quote, requireText } from '@litz/core/internals';
import type { UapiTarget } from './uapi-answers.ts';

/** Options of `UapiServer.listen`. */
export interface UapiServerOptions {
  /**
   * Path of the socket. Its folder is made if it does not exist. `wg` looks at
   * `UapiServer.path(name)`.
   */
  path: string;
  /** Longest request in bytes; default 256 MiB. A longer one is answered with EINVAL. */
  maxRequestLength?: number;
  /**
   * Bytes that the requests of all connections may take together; default 256 MiB. When they take
   * more, the largest incomplete request is answered with ENOMEM.
   */
  maxTotalLength?: number;
  /**
   * How long a connection may carry no byte while the server waits for its client, in ms. Then the
   * server closes the connection. It waits for the first request, for the rest of a request (it
   * then answers the incomplete request with EIO), and for a client to read its answer. Default 60
   * s. A client may wait as long as it likes between two requests, and for changes of peers.
   */
  idleTimeoutMs?: number;
  /**
   * Maximum number of connections; default 4096. When one more client connects, the connection that
   * has been quiet for the longest time is closed, but only if it has been quiet for more than a
   * second. If none has been quiet for that long, the new connection is closed. So clients that
   * only connect cannot keep others out.
   */
  maxConnections?: number;
  /** Called with the reason why a request was refused. The text contains no key. */
  onRefused?: (error: Error) => void;
  /** Called when the socket was removed or replaced. The server has closed itself. */
  onRemoved?: () => void;
}

/** Checks the arguments. @throws {TypeError | RangeError} one is wrong; the message names it */
export function checkServerArguments(target: UapiTarget, options: UapiServerOptions): void {
  checkObject(target, 'target');
  const functions = target as unknown as Record<string, unknown>;
  for (const name of ['status', 'configure']) checkFunction(functions[name], `target.${name}`);
  checkObject(options, 'options', OPTIONS);
  const { path, onRefused, onRemoved } = options;
  requireText(path, 'path');
  if (path === '' || path.includes('\0')) {
    throw new TypeError(`"path" expected the path of a socket, got ${quote(path)}`);
  }
  for (const name of ['maxRequestLength', 'maxTotalLength', 'maxConnections'] as const) {
    checkInteger(options[name], name, 1, Number.MAX_SAFE_INTEGER);
  }
  checkInteger(options.idleTimeoutMs, 'idleTimeoutMs', 1, LONGEST_TIMEOUT_MS);
  if (onRefused !== undefined) checkFunction(onRefused, 'onRefused');
  if (onRemoved !== undefined) checkFunction(onRemoved, 'onRemoved');
}

const OPTIONS = [
  'path',
  'maxRequestLength',
  'maxTotalLength',
  'idleTimeoutMs',
  'maxConnections',
  'onRefused',
  'onRemoved',
];
/** The longest time of a timer, in ms. */
const LONGEST_TIMEOUT_MS: number = 2 ** 31 - 1;
