import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linesOf } from '../../src/uapi/lines-of.ts';

let near: Socket;
let far: Socket;
let close: () => void;

beforeEach(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'litz-lines-'));
  const server = createServer().listen(join(folder, 's'));
  await once(server, 'listening');
  near = createConnection(join(folder, 's'));
  [far] = (await once(server, 'connection')) as [Socket];
  near.on('error', () => {});
  close = () => {
    for (const socket of [near, far]) socket.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  };
});
afterEach(() => close());

describe('linesOf', () => {
  it('yields the lines, however the bytes are divided into pieces', async () => {
    const text = Buffer.from('one\ntwo ä\n\nlast');
    for (const [index] of text.entries()) near.write(text.subarray(index, index + 1));
    near.end();
    const lines: string[] = [];
    for await (const line of linesOf(far, 6)) lines.push(line);
    expect(lines).toEqual(['one', 'two ä', '', 'last']);
  });

  it.each(['1234567', '1234567\n', 'a\n1234567\n'])(
    'refuses %j, because a line is longer than the limit',
    async (text) => {
      near.write(text);
      const read = async (): Promise<void> => {
        for await (const line of linesOf(far, 6)) expect(line).toBe('a');
      };
      await expect(read()).rejects.toThrow('a line has more than 6 bytes');
      expect(far.destroyed).toBe(true);
    },
  );

  it('leaves the socket open when the caller stops reading lines', async () => {
    near.write('a\nb\n');
    for await (const line of linesOf(far, 6)) {
      expect(line).toBe('a');
      break;
    }
    far.write('answer');
    expect(String((await once(near, 'data'))[0])).toBe('answer');
  });
});
