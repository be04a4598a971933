/**
 * `readLine`: reads the one line that a client or a server waits for. The length of the line and
 * the time for it are limited.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { checkInteger, checkObject } from '@litz/core/internals';
import { linesOf } from './lines-of.ts';

/** Limits of the line that the other end sends. */
export interface LineLimits {
  /** The longest line in bytes. */
  readonly longest: number;
  /** In how many ms the whole line must arrive. Bytes that arrive do not extend this time. */
  readonly longestMs: number;
}

/**
 * Returns the first line that a socket receives, without its line feed; undefined if the stream
 * ends before a byte came. The end of the stream also ends a line. The socket stays open. What
 * comes later is read and ignored, so that the end of the stream is noticed.
 *
 * @throws {TypeError | RangeError} (rejects) an argument is wrong
 * @throws {Error} (rejects) the line is longer than `longest`, the connection was lost, or the line
 *   takes longer than `longestMs` (the `code` is then `ETIMEDOUT`); the socket is closed
 */
export async function readLine(socket: Socket, limits: LineLimits): Promise<string | undefined> {
  checkObject(socket, 'socket');
  checkObject(limits, 'limits', ['longest', 'longestMs']);
  const { longest, longestMs } = limits;
  checkInteger(longest, 'longest', 1, Number.MAX_SAFE_INTEGER);
  checkInteger(longestMs, 'longestMs', 1, LONGEST_TIMER_MS);
  // The other end may go away at any time, also after its line. Without a listener, the error of
  // the socket would end the process.
  socket.on('error', () => {});
  // This is not the timeout of the socket, because each byte would restart that timeout.
  // oxlint-disable-next-line no-restricted-globals -- this folder needs Node.js
  const timer = setTimeout(() => socket.destroy(new LateError(longestMs)), longestMs);
  let line: string | undefined;
  try {
    for await (const first of linesOf(socket, longest)) {
      line = first;
      break;
    }
  } finally {
    clearTimeout(timer);
  }
  socket.resume();
  return line;
}

class LateError extends Error {
  readonly code = 'ETIMEDOUT';

  constructor(ms: number) {
    super(`no whole line came within ${ms} ms`);
  }
}

/** The longest time of `setTimeout`, in ms. */
const LONGEST_TIMER_MS: number = 2 ** 31 - 1;
