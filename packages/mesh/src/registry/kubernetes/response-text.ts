/**
 * Reads the text of a response, as a whole or line by line. Silence is treated as a failure,
 * because a connection whose other end was frozen or unplugged gives no other sign.
 *
 * @module
 */
import type { Readable } from 'node:stream';
import type { Clock } from '../clock.ts';
import { KubeError, textOfError } from './kube-error.ts';

export interface ReadingOptions {
  readonly clock: Clock;
  /**
   * In milliseconds. The longest time without a byte. For `readLines`, it is the longest time
   * without a complete line.
   */
  readonly silence: number;
  /** The prefix of each error, such as `API server https://10.0.0.1:6443`. */
  readonly from: string;
}

/**
 * Reads the whole text. Destroys the body at the end.
 *
 * @throws {KubeError} the body was silent for longer than `silence`, was not complete after
 *   `SLOWEST` times `silence`, was cut, or is longer than `MAX_TEXT`. `isTooLong` is true only in
 *   the last case
 */
export async function readText(body: Readable, options: ReadingOptions): Promise<string> {
  const { clock, silence, from } = options;
  const seconds = Math.round((silence * SLOWEST) / 1000);
  // Without this limit, the wait for a server that sends a byte from time to time would never end.
  const cancel = clock.after(silence * SLOWEST, () =>
    body.destroy(new KubeError(`${from}: the response is not complete after ${seconds} s`)),
  );
  const pieces: string[] = [];
  let length = 0;
  try {
    for await (const chunk of chunks(body, options)) {
      pieces.push(chunk);
      length += chunk.length;
      if (length > MAX_TEXT) throw tooLong(`${from}: the response is too long`);
    }
    return pieces.join('');
  } finally {
    cancel();
  }
}

/**
 * Yields complete lines as they arrive, without the newline. The body may be endless.
 *
 * @throws {KubeError} there was no complete line for too long, the body was cut, or a line is
 *   longer than `MAX_LINE`
 */
export async function* readLines(
  body: Readable,
  options: ReadingOptions,
): AsyncGenerator<string, void, void> {
  /** The pieces of the incomplete line. They are joined once, when the line is complete. */
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of chunks(body, options, '\n')) {
    const lines = chunk.split('\n');
    const rest = lines.pop() ?? '';
    for (const [i, line] of lines.entries()) {
      yield i === 0 ? pieces.join('') + line : line;
      pieces = [];
      length = 0;
    }
    pieces.push(rest);
    length += rest.length;
    if (length > MAX_LINE) throw tooLong(`${options.from}: a line of the response is too long`);
  }
}

/** @param sign the text that a chunk must contain to be a sign of life; default: anything */
async function* chunks(
  body: Readable,
  { clock, silence, from }: ReadingOptions,
  sign = '',
): AsyncGenerator<string, void, void> {
  const seconds = Math.round(silence / 1000);
  const arm = (): (() => void) =>
    clock.after(silence, () => body.destroy(new KubeError(`${from}: silent for ${seconds} s`)));
  let cancel = arm();
  try {
    for await (const chunk of body as AsyncIterable<string>) {
      const isAlive = chunk.includes(sign);
      if (isAlive) cancel();
      yield chunk;
      if (isAlive) cancel = arm();
    }
  } catch (error) {
    if (error instanceof KubeError) throw error;
    throw new KubeError(`${from}: ${textOfError(error)}`, { status: 0, cause: error });
  } finally {
    cancel();
    body.destroy();
  }
}

function tooLong(message: string): KubeError {
  return new KubeError(message, { status: 0, isTooLong: true });
}

/**
 * In characters. The longest text. A page of 100 records has about 0.2 megabytes. If a page is too
 * long, `KubeApi.list` requests smaller pages.
 */
const MAX_TEXT = 16 * 1024 * 1024;
/** In characters. The longest line. etcd refuses an object of more than 1.5 MB. */
const MAX_LINE = 4 * 1024 * 1024;
/** A response may take this many times the longest silence. */
const SLOWEST = 4;
