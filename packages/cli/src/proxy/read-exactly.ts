/**
 * `readExactly`: reads a number of bytes from a connection, and leaves the later bytes in the
 * stream.
 *
 * @module
 */
import type { Readable } from 'node:stream';

/**
 * Returns a copy of the next `length` bytes.
 *
 * @throws {Error} the stream has ended, or was closed, before so many bytes came
 */
export async function readExactly(stream: Readable, length: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let count = 0;
  while (count < length) {
    // This reads all buffered bytes. If some were left, `nextChange` would resolve at once, and
    // this loop would spin until more bytes come.
    const part = stream.destroyed ? null : (stream.read() as Uint8Array | null);
    if (part) {
      parts.push(part);
      count += part.length;
    } else if (stream.readableEnded || stream.destroyed) {
      throw new Error('the client has ended');
    } else {
      await nextChange(stream);
    }
  }
  const bytes = Buffer.concat(parts);
  if (count > length) stream.unshift(bytes.subarray(length));
  return bytes.subarray(0, length);
}

/** Resolves when there are more bytes, or the stream has ended. */
function nextChange(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const name of EVENTS) stream.off(name, done);
      resolve();
    };
    for (const name of EVENTS) stream.once(name, done);
  });
}

const EVENTS = ['readable', 'end', 'close'];
