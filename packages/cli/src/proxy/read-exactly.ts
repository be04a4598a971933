/**
 * `readExactly`: reads a number of bytes from a connection, and leaves the following ones in it.
 *
 * @module
 */
import type { Readable } from 'node:stream';

/**
 * Returns the next `length` bytes, a copy of its own.
 *
 * @throws {Error} the stream has ended, or was closed, before so many bytes came
 */
export async function readExactly(stream: Readable, length: number): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0);
  for (;;) {
    const bytes = stream.destroyed ? null : (stream.read(length) as Buffer | null);
    if (bytes?.length === length) return bytes;
    // At the end, a stream returns what is left.
    if (bytes || stream.readableEnded || stream.destroyed) throw new Error('the client has ended');
    await nextChange(stream);
  }
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
