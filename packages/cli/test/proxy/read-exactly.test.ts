import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { readExactly } from '../../src/proxy/read-exactly.ts';
import { nextTurn } from './loopback.ts';

describe('readExactly', () => {
  test('waits for all bytes, and leaves the bytes after them in the stream', async () => {
    const stream = new PassThrough();
    const read = readExactly(stream, 3);
    stream.write(Uint8Array.of(1));
    stream.write(Uint8Array.of(2, 3, 4));
    expect([...(await read)]).toEqual([1, 2, 3]);
    expect([...(await readExactly(stream, 0))]).toEqual([]);
    expect([...(await readExactly(stream, 1))]).toEqual([4]);
  });

  test('leaves the rest of the stream to another reader', async () => {
    const stream = new PassThrough();
    stream.end('abcdef');
    expect(String(await readExactly(stream, 2))).toBe('ab');
    let rest = '';
    for await (const part of stream) rest += String(part);
    expect(rest).toBe('cdef');
  });

  test('lets other work happen while bytes are missing', async () => {
    const stream = new PassThrough();
    stream.write('a');
    const read = readExactly(stream, 2);
    for (let turns = 0; turns < 5; turns++) await nextTurn();
    stream.write('bc');
    expect(String(await read)).toBe('ab');
  });

  test('rejects if the stream ends, or is closed, too early', async () => {
    const ended = new PassThrough();
    ended.end('a');
    await expect(readExactly(ended, 2)).rejects.toThrow('the client has ended');
    await expect(readExactly(ended, 1)).rejects.toThrow('the client has ended');
    const closed = new PassThrough();
    const read = readExactly(closed, 1);
    closed.destroy();
    await expect(read).rejects.toThrow('the client has ended');
  });
});
