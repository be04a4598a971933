import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { askTunnel, ControlServer, type ControlRequest } from '../../src/tunnel/control.ts';

let folder: string;
let lines: string[];
let server: ControlServer | undefined;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'litz-control-')), 'tunnels');
  lines = [];
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(join(folder, '..'), { recursive: true });
});

describe('ControlServer', () => {
  test('does not change where Node.js finds modules', () => {
    // This code runs in a process of its own, because vitest loads modules in another way.
    const code = `import { ControlServer } from './dist/tunnel/control.js';
      const path = '${folder}';
      await ControlServer.listen('wg0', async () => {}, path);
      console.log(import.meta.resolve('@litz/mesh'));
      process.exit(0);`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
      cwd: join(import.meta.dirname, '../..'),
      encoding: 'utf8',
      env: {},
    });
    expect(stdout).toMatch(/packages\/mesh\/dist\/index\.js\n$/);
    expect(stdout).not.toContain('node_modules');
  });

  test('carries out a request, and passes lines of text to the user', async () => {
    const requests: ControlRequest[] = [];
    await listen(async (request, say) => {
      requests.push(request);
      say('one');
      say('two');
    });
    for (const request of [
      { do: 'save' },
      { do: 'reload' },
      { do: 'reload', file: '/a' },
    ] as const) {
      expect(await ask(request)).toBe('done');
    }
    expect(requests).toEqual([{ do: 'save' }, { do: 'reload' }, { do: 'reload', file: '/a' }]);
    expect(lines.slice(0, 2)).toEqual(['one', 'two']);
  });

  test('reports a failure with its message', async () => {
    await listen(async () => {
      throw new Failure('the file is wrong');
    });
    await expect(ask({ do: 'save' })).rejects.toThrow('the file is wrong');
  });

  test.each(['', 'null', '1', '{"do":', '\0\ufffd'])(
    'refuses %j, which is no request',
    async (text) => {
      await listen(async () => {});
      const socket = createConnection(join(folder, 'wg0.sock'));
      socket.write(`${text}\n`);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      expect(JSON.parse(answer.toString())).toEqual({
        failure: 'the request is not a JSON object',
      });
    },
  );

  test('closes the connection if a line is too long', async () => {
    await listen(async () => {});
    const socket = createConnection(join(folder, 'wg0.sock'));
    socket.on('error', () => {});
    let sent = 0;
    const chunk = Buffer.alloc(8192, 0x61);
    const send = (): void => {
      while (!socket.destroyed && socket.write(chunk)) sent += chunk.length;
    };
    socket.on('drain', send);
    send();
    await new Promise((resolve) => socket.once('close', resolve));
    // `sent` also counts what is still in the buffers of the kernel.
    expect(sent).toBeLessThan(4 * 1024 * 1024);
    expect(await ask({ do: 'save' })).toBe('done');
  });

  test('closes a connection whose request takes too long, although bytes arrive', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      await listen(async () => {});
      const socket = createConnection(join(folder, 'wg0.sock'));
      socket.on('error', () => {});
      const closed = new Promise((resolve) => socket.once('close', resolve));
      await once(socket, 'connect');
      for (let second = 0; second < 5; second++) {
        expect(socket.destroyed).toBe(false);
        socket.write('{');
        // Lets the server read the byte.
        for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
        vi.advanceTimersByTime(1000);
      }
      await closed;
    } finally {
      vi.useRealTimers();
    }
  });

  test('when it is closed, still answers the request in progress, and removes its socket', async () => {
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    let asked!: () => void;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    await listen(() => {
      asked();
      return finished;
    });
    const answer = ask({ do: 'down' });
    await isAsked;
    const closed = server!.close();
    finish();
    expect(await answer).toBe('done');
    await closed;
    expect(existsSync(join(folder, 'wg0.sock'))).toBe(false);
  });

  test('keeps serving when a client is killed before it has read the answer', async () => {
    await listen(async () => {});
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on('uncaughtException', note);
    try {
      for (let i = 0; i < 5; i++) {
        let answered!: () => void;
        const isAnswered = new Promise<void>((resolve) => (answered = resolve));
        // The client reads only one byte. Because of the unread bytes, its close is a reset, as
        // when a process is killed.
        const onread = { buffer: Buffer.alloc(1), callback: () => (answered(), false) };
        const socket = createConnection({ path: join(folder, 'wg0.sock'), onread } as never);
        socket.write('garbage\n');
        await isAnswered;
        socket.destroy();
        await once(socket, 'close');
      }
      expect(await ask({ do: 'save' })).toBe('done');
    } finally {
      process.off('uncaughtException', note);
    }
    expect(uncaught).toEqual([]);
  });

  test('has its socket in a folder that only the owner may enter', async () => {
    await listen(async () => {});
    expect(lstatSync(folder).mode & 0o777).toBe(0o700);
  });

  test('refuses a request that it does not know, and keeps serving', async () => {
    await listen(async () => {});
    const socket = createConnection(join(folder, 'wg0.sock'));
    socket.end('{"do":"dance"}\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(String(answer)).toContain('another version of litz');
    expect(await ask({ do: 'save' })).toBe('done');
  });

  test('replaces a socket that a killed process left, but not a socket that answers', async () => {
    await listen(async () => {});
    await expect(ControlServer.listen('wg0', async () => {}, folder)).rejects.toThrow('another');
    await server!.close();
    writeFileSync(join(folder, 'wg0.sock'), '');
    await listen(async () => {});
    expect(await ask({ do: 'save' })).toBe('done');
  });

  test('does not listen in a folder that another user may write to', async () => {
    await listen(async () => {});
    await server!.close();
    chmodSync(folder, 0o777);
    await expect(listen(async () => {})).rejects.toThrow('mode 0777');
    await expect(ask({ do: 'save' })).rejects.toThrow('mode 0777');
  });
});

describe('askTunnel', () => {
  test('distinguishes an absent tunnel from a killed tunnel, whose socket it removes', async () => {
    expect(await ask({ do: 'down' })).toBe('absent');
    await listen(async () => {});
    await server!.close();
    writeFileSync(join(folder, 'wg0.sock'), '');
    expect(await ask({ do: 'down' })).toBe('killed');
    expect(await ask({ do: 'down' })).toBe('absent');
  });
});

async function listen(handler: Parameters<typeof ControlServer.listen>[1]): Promise<void> {
  server = await ControlServer.listen('wg0', handler, folder);
}

function ask(request: ControlRequest): ReturnType<typeof askTunnel> {
  return askTunnel('wg0', request, (line) => lines.push(line), folder);
}
