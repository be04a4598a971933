import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UapiClient } from '@litz/config/uapi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CaptureOptions, UapiTarget } from '../../src/index.ts';
import { UapiServer } from '../../src/index.ts';
import { CaptureLimitError } from '../../src/capture/device-captures.ts';
import { BOB } from '../in-memory.ts';
import { readBlocks, readOptions } from '../capture/read-pcapng.ts';

let folder: string;
let path: string;
let server: UapiServer;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-capture-'));
  path = join(folder, 's');
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

describe('UapiCapture', () => {
  it('sends what is captured, and the rest after the client has stopped the capture', async () => {
    const target = new Target();
    await serve(target);
    const end = new AbortController();
    const request = { peers: [BOB.publicKey], side: 'inner', snapLength: 96 } as const;
    const received: string[] = [];
    for await (const bytes of new UapiClient(path).capture(request, { signal: end.signal })) {
      received.push(Buffer.from(bytes).toString());
      end.abort();
    }
    expect(received.join('')).toBe('beginrest');
    expect(target.asked).toEqual([request]);
    // The bytes could be keys, so they are wiped.
    expect(target.pieces.every((piece) => piece.every((byte) => byte === 0))).toBe(true);
  });

  it('stops when the client is gone, and when it sends more bytes', async () => {
    const target = new Target();
    await serve(target);
    for (const leave of ['destroy', 'write'] as const) {
      const client = createConnection(path);
      client.on('error', () => {});
      client.write('litz_capture=1\n\n');
      await once(client, 'data');
      const stopped = target.untilStopped();
      if (leave === 'destroy') client.destroy();
      else client.write('get=1\n\n');
      await expect(stopped).resolves.toBeUndefined();
      client.destroy();
    }
  });

  it('sends the rest before the server is paused, which happens when another process takes it over', async () => {
    const target = new Target();
    await serve(target);
    const received: string[] = [];
    let paused: Promise<void> | undefined;
    for await (const bytes of new UapiClient(path).capture()) {
      received.push(Buffer.from(bytes).toString());
      paused ??= server.pause();
    }
    await paused;
    expect(received.join('')).toBe('beginrest');
    expect(target.reasons[0]).toBe('a new process takes the place of the daemon (litz upgrade)');
  });

  it('sends the rest before the server is closed, and tells the device why the capture ends', async () => {
    const target = new Target();
    await serve(target);
    const received: string[] = [];
    let closed: Promise<void> | undefined;
    for await (const bytes of new UapiClient(path).capture()) {
      received.push(Buffer.from(bytes).toString());
      closed ??= server.close();
    }
    await closed;
    expect(received.join('')).toBe('beginrest');
    expect(target.reasons[0]).toBe('the daemon has ended');
  });

  it('refuses a request with an errno', async () => {
    const target = new Target();
    await serve(target);
    const refusals = [
      ['side=left\n', 'errno=-22\n\n'],
      ['what\n', 'errno=-71\n\n'],
    ] as const;
    for (const [lines, answer] of refusals) expect(await ask(lines)).toBe(answer);
    target.error = new CaptureLimitError('full');
    await expect(new UapiClient(path).capture().next()).rejects.toThrow('8 captures');
    target.error = new TypeError('"snapLength" is wrong');
    expect(await ask('snap_length=1\n')).toBe('errno=-22\n\n');
    await server.close();
    await serve({ status: target.status, configure: target.configure });
    expect(await ask('')).toBe('errno=-22\n\n');
  });

  it('ends the file at an error, and writes the error into the last block', async () => {
    const target = new Target();
    target.lateError = new Error('the packet loop failed');
    const reasons: string[] = [];
    server = await UapiServer.listen(target, {
      path,
      onRefused: ({ message }) => reasons.push(message),
    });
    const answer = await ask('');
    const [before, last] = [answer.slice(0, 14), Buffer.from(answer.slice(14), 'latin1')];
    expect(before).toBe('errno=0\n\nbegin');
    const [{ type, body }, ...others] = readBlocks(last);
    expect([type, others]).toEqual([5, []]);
    expect(readOptions(body.subarray(12)).get(1)?.toString()).toBe('the packet loop failed');
    expect(reasons).toEqual(['the packet loop failed']);
  });

  it('says what is wrong when a daemon does not support captures, or does not answer', async () => {
    await serve(new Target());
    const old = join(folder, 'old');
    const closing = createServer((socket) => socket.once('data', () => socket.end())).listen(old);
    const silent = join(folder, 'silent');
    const waiting = createServer((socket) => socket.resume()).listen(silent);
    try {
      await expect(new UapiClient(old).capture().next()).rejects.toThrow('has no captures');
      const hasty = new UapiClient(silent, { timeoutMs: 50 });
      await expect(hasty.capture().next()).rejects.toThrow('no answer for 50 ms');
      const nobody = new UapiClient(join(folder, 'nobody'));
      await expect(nobody.capture().next()).rejects.toThrow('there is no such socket');
    } finally {
      closing.close();
      waiting.close();
    }
  });
});

class Target implements UapiTarget {
  readonly asked: CaptureOptions[] = [];
  readonly pieces: Buffer[] = [];
  /** Why the capture was stopped; undefined: its client stopped it. */
  readonly reasons: (string | undefined)[] = [];
  error: Error | undefined = undefined;
  /** Thrown after the first piece. */
  lateError: Error | undefined = undefined;
  #stopped: () => void = () => {};

  status: UapiTarget['status'] = async () => ({ listenPort: 1, fwmark: 0, peers: [] });
  configure: UapiTarget['configure'] = async () => {};

  async capture(options: CaptureOptions): ReturnType<NonNullable<UapiTarget['capture']>> {
    this.asked.push(options);
    if (this.error) throw this.error;
    let stop!: () => void;
    const stopped = new Promise<void>((resolve) => (stop = resolve));
    const piece = (text: string): Buffer => {
      const bytes = Buffer.from(text);
      this.pieces.push(bytes);
      return bytes;
    };
    const { lateError } = this;
    return {
      stop: async (reason) => {
        this.reasons.push(reason);
        stop();
        this.#stopped();
      },
      async *[Symbol.asyncIterator]() {
        yield piece('begin');
        if (lateError) throw lateError;
        await stopped;
        yield piece('rest');
      },
    };
  }

  untilStopped(): Promise<void> {
    return new Promise((resolve) => (this.#stopped = resolve));
  }
}

async function serve(target: UapiTarget): Promise<void> {
  server = await UapiServer.listen(target, { path });
}

async function ask(lines: string): Promise<string> {
  const client = createConnection(path);
  client.write(`litz_capture=1\n${lines}\n`);
  let heard = '';
  client.on('data', (bytes) => (heard += bytes.toString('latin1')));
  await once(client, 'close');
  return heard;
}
