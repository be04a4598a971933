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
  /** In milliseconds. The longest time without a byte. */
  readonly silence: number;
  /** The prefix of each error, such as `API server https://10.0.0.1:6443`. */
  readonly from: string;
}

/**
 * Reads the whole text. Destroys the body at the end.
 *
 * @throws {KubeError} the body was silent for too long, was cut, or is longer than `MAX_TEXT`
 */
export async function readText(body: Readable, options: ReadingOptions): Promise<string> {
  let text = '';
  for await (const chunk of chunks(body, options)) {
    text += chunk;
    if (text.length > MAX_TEXT) throw new KubeError(`${options.from}: the response is too long`);
  }
  return text;
}

/** Yields complete lines as they arrive, without the newline. Otherwise like `readText`. */
export async function* readLines(
  body: Readable,
  options: ReadingOptions,
): AsyncGenerator<string, void, void> {
  let text = '';
  for await (const chunk of chunks(body, options)) {
    let end = chunk.indexOf('\n');
    if (end !== -1) end += text.length;
    text += chunk;
    let start = 0;
    for (; end !== -1; end = text.indexOf('\n', start)) {
      yield text.slice(start, end);
      start = end + 1;
    }
    text = text.slice(start);
    if (text.length > MAX_TEXT)
      throw new KubeError(`${options.from}: a line of the response is too long`);
  }
}

async function* chunks(
  body: Readable,
  { clock, silence, from }: ReadingOptions,
): AsyncGenerator<string, void, void> {
  const seconds = Math.round(silence / 1000);
  const arm = (): (() => void) =>
    clock.after(silence, () => body.destroy(new KubeError(`${from}: silent for ${seconds} s`)));
  let cancel = arm();
  try {
    for await (const chunk of body) {
      cancel();
      yield chunk as string;
      cancel = arm();
    }
  } catch (error) {
    if (error instanceof KubeError) throw error;
    throw new KubeError(`${from}: ${textOfError(error)}`, { status: 0, cause: error });
  } finally {
    cancel();
    body.destroy();
  }
}

/** In characters. A page has 250 objects, and etcd refuses an object of more than 1.5 MB. */
const MAX_TEXT = 64 * 1024 * 1024;
