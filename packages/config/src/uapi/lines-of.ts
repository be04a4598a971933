/**
 * `linesOf`: the lines that a socket receives, with a limit on their length.
 *
 * `node:readline` has no such limit, so the other end could fill the memory with a line that never
 * ends.
 *
 * @module
 */
import type { Socket } from 'node:net';

/**
 * Yields the lines, without their line feed, as UTF-8. The last line is also yielded if it has no
 * line feed. Leaving the iteration does not close the socket.
 *
 * @param longest the longest line in bytes
 * @throws {Error} a line is longer than `longest`, or the connection was lost; the socket is closed
 */
export async function* linesOf(
  socket: Socket,
  longest: number,
): AsyncGenerator<string, void, undefined> {
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const bytes of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    let rest = bytes;
    for (let end = rest.indexOf(LINE_FEED); end !== -1; end = rest.indexOf(LINE_FEED)) {
      const last = rest.subarray(0, end);
      checkLength(socket, length + last.length, longest);
      yield Buffer.concat([...pieces, last]).toString('utf8');
      [pieces, length] = [[], 0];
      rest = rest.subarray(end + 1);
    }
    pieces.push(rest);
    length += rest.length;
    checkLength(socket, length, longest);
  }
  if (length > 0) yield Buffer.concat(pieces).toString('utf8');
}

function checkLength(socket: Socket, length: number, longest: number): void {
  if (length <= longest) return;
  socket.destroy();
  throw new Error(`a line has more than ${longest} bytes`);
}

const LINE_FEED = 0x0a;
