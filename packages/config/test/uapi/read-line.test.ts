import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readLine } from '../../src/uapi/read-line.ts';

const LIMITS = { longest: 6, longestMs: 5000 };

let near: Socket;
let far: Socket;
let close: () => void;

beforeEach(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'litz-line-'));
  const server = createServer({ allowHalfOpen: true }).listen(join(folder, 's'));
  await once(server, 'listening');
  near = createConnection({ path: join(folder, 's'), allowHalfOpen: true });
  [far] = (await once(server, 'connection')) as [Socket];
  near.on('error', () => {});
  close = () => {
    for (const socket of [near, far]) socket.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  };
});
afterEach(() => {
  vi.useRealTimers();
  close();
});

describe('readLine', () => {
  it('returns the first line, and reads the rest, so that the end of the stream is noticed', async () => {
    near.write('one\ntwo\n');
    expect(await readLine(far, LIMITS)).toBe('one');
    expect(far.destroyed).toBe(false);
    const closed = once(far, 'close');
    near.end('x'.repeat(100_000));
    far.end('answer');
    expect(String((await once(near, 'data'))[0])).toBe('answer');
    await closed;
  });

  it.each([
    ['last', 'last'],
    ['', undefined],
  ])('if the stream ends after %j, returns %j', async (text, line) => {
    near.end(text);
    expect(await readLine(far, LIMITS)).toBe(line);
  });

  it('refuses a line that is too long', async () => {
    near.write('1234567');
    await expect(readLine(far, LIMITS)).rejects.toThrow('a line has more than 6 bytes');
    expect(far.destroyed).toBe(true);
  });

  it('rejects if the line is not complete in time, even if bytes keep coming', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const line = readLine(far, LIMITS).catch((error: unknown) => error);
    for (let second = 0; second < 5; second++) {
      expect(far.destroyed).toBe(false);
      near.write('{');
      // Lets the byte arrive.
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      vi.advanceTimersByTime(1000);
    }
    expect(await line).toMatchObject({ code: 'ETIMEDOUT' });
    expect(far.destroyed).toBe(true);
  });

  it('rejects if the connection is lost', async () => {
    const line = readLine(far, LIMITS);
    far.destroy();
    await expect(line).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
  });
});
