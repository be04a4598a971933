import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatErrnoResponse, formatGetResponse } from '../../src/uapi/get-response.ts';
import { RequestSplitter } from '../../src/uapi/request-splitter.ts';
import { UapiClient } from '../../src/uapi/uapi-client.ts';

const EMPTY = { listenPort: 0, fwmark: 0, peers: [] };
let directory: string;
let path: string;
let server: Server | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'litz-uapi-'));
  path = join(directory, 'wg0.sock');
});

afterEach(async () => {
  await stop();
  rmSync(directory, { recursive: true });
});

describe('UapiClient', () => {
  it('gets the status of a device', async () => {
    await serve((socket) => socket.write(formatGetResponse({ ...EMPTY, listenPort: 7 })));
    await expect(new UapiClient(path).get()).resolves.toEqual({ ...EMPTY, listenPort: 7 });
  });

  it('sends the given change', async () => {
    const bodies: string[] = [];
    await serve((socket, bytes) => {
      for (const request of new RequestSplitter().push(bytes)) {
        if (request.operation === 'set') bodies.push(request.body);
      }
      socket.write(formatErrnoResponse(0));
    });
    await new UapiClient(path).set({ listenPort: 51820, replacePeers: true });
    expect(bodies).toEqual(['listen_port=51820\nreplace_peers=true\n']);
  });

  it('does not connect if the change is wrong', async () => {
    let connections = 0;
    await serve(() => connections++);
    const client = new UapiClient(path);
    await expect(client.set({ privateKey: 'abc' })).rejects.toThrow('"privateKey": private key');
    await expect(client.set({ listenPort: 99_999 })).rejects.toThrow(RangeError);
    expect(connections).toBe(0);
  });

  it('reads an answer that comes byte by byte', async () => {
    await serve((socket) => {
      const text = formatGetResponse({ ...EMPTY, fwmark: 3 });
      const next = (at: number): void => {
        if (at < text.length) socket.write(text[at], () => next(at + 1));
      };
      next(0);
    });
    await expect(new UapiClient(path).get()).resolves.toMatchObject({ fwmark: 3 });
  });

  it('throws the errno of the answer', async () => {
    await serve((socket) => socket.write(formatErrnoResponse(-98)));
    await expect(new UapiClient(path).set({ listenPort: 1 })).rejects.toMatchObject({
      code: 'ERR_LITZ_UAPI',
      errno: -98,
    });
  });

  it('explains why the daemon could not be reached', async () => {
    await expect(new UapiClient(path).get()).rejects.toMatchObject({
      code: 'ERR_LITZ_UAPI',
      errno: -5,
      message: expect.stringMatching(/wg0\.sock: there is no such socket.*Is the daemon running/),
      cause: expect.objectContaining({ code: 'ENOENT' }),
    });
    // A regular file gives the same error as the socket file of a daemon that has ended.
    writeFileSync(path, '');
    await expect(new UapiClient(path).get()).rejects.toThrow(
      `${path}: no program listens there (ECONNREFUSED)`,
    );
  });

  it.each<[unknown, string]>([
    [undefined, '"path" expected a string, got undefined'],
    ['', '"path" expected the path of a socket, got ""'],
    ['/run/a\0b', '"path" expected the path of a socket, got "/run/a\\u0000b"'],
    [`/${'a'.repeat(107)}`, '"path" expected at most 107 bytes, got 108'],
  ])('refuses %j as a path', (wrong, text) => {
    expect(() => new UapiClient(wrong as string)).toThrow(text);
  });

  it.each([undefined, '', '..', '../wg0', 'a b', 'sixteen-letters-', 'wg0\0'])(
    'refuses %j as the name of an interface',
    (name) => {
      expect(() => UapiClient.of(name as string)).toThrow(/^"interfaceName" expected the name/);
    },
  );

  it.each([0, -1, Number.NaN, Infinity, '5'])('refuses a time-out of %j', (timeoutMs) => {
    const options = { timeoutMs: timeoutMs as number };
    expect(() => new UapiClient(path, options)).toThrow('"timeoutMs" expected a number above 0');
  });

  it('does not connect for a change that is not an object', async () => {
    let connections = 0;
    await serve(() => connections++);
    const set = new UapiClient(path).set('listen_port=1' as never);
    await expect(set).rejects.toThrow('"change" expected an object, got a string');
    expect(connections).toBe(0);
  });

  it('rejects if the connection is closed without an answer', async () => {
    await serve((socket) => socket.destroy());
    await expect(new UapiClient(path).get()).rejects.toMatchObject({ code: 'ERR_LITZ_UAPI' });
  });

  it('gives up if no answer comes', async () => {
    await serve(() => {});
    await expect(new UapiClient(path, { timeoutMs: 1 }).get()).rejects.toMatchObject({
      code: 'ERR_LITZ_TIMEOUT',
    });
  });

  it('gives up on an endless answer', async () => {
    await serve((socket) => socket.write('a=1\n'.repeat(1000)));
    const client = new UapiClient(path, { maxResponseLength: 1000 });
    await expect(client.get()).rejects.toThrow('too long');
  });

  it('shows no name or path that may be a key in an error', () => {
    const key = Buffer.alloc(32, 7).toString('base64');
    for (const make of [() => UapiClient.of(`${key}\n`), () => new UapiClient(`${key}\0`)]) {
      expect(make).toThrow('(a key, not shown)');
    }
  });

  describe('changes', () => {
    it('returns each report when it comes, in pieces of any size', async () => {
      const text = 'litz_resync=true\nlitz_cursor=5\n\nlitz_cursor=6\n\nlitz_cursor=7\n\n';
      let asked = '';
      await serve((socket, bytes) => {
        asked += bytes.toString('latin1');
        const next = (at: number): void => {
          if (at < text.length) socket.write(text[at] ?? '', () => next(at + 1));
        };
        next(0);
      });
      const cursors: number[] = [];
      for await (const { cursor, isResync } of new UapiClient(path).changes({ from: 3 })) {
        expect(isResync).toBe(cursor === 5);
        cursors.push(cursor);
        if (cursor === 7) break;
      }
      expect(cursors).toEqual([5, 6, 7]);
      expect(asked).toBe('litz_changes=3\n\n');
    });

    it('waits without a time limit for each report after the first', async () => {
      await serve((socket) => {
        socket.write('litz_cursor=5\n\n');
        setTimeout(() => socket.write('litz_cursor=6\n\n'), 30);
      });
      const changes = new UapiClient(path, { timeoutMs: 10 }).changes();
      expect((await changes.next()).value).toMatchObject({ cursor: 5 });
      expect((await changes.next()).value).toMatchObject({ cursor: 6 });
      await changes.return();
    });

    it('gives up on a daemon that sends nothing', async () => {
      await serve(() => {});
      const changes = new UapiClient(path, { timeoutMs: 1 }).changes();
      await expect(changes.next()).rejects.toMatchObject({ code: 'ERR_LITZ_TIMEOUT' });
    });

    it('throws an error that says that the daemon has ended', async () => {
      await serve((socket) => socket.end('litz_cursor=5\n\n'));
      const changes = new UapiClient(path).changes();
      await changes.next();
      await expect(changes.next()).rejects.toThrow(`${path}: the daemon has ended`);
    });

    it('explains a closed connection, and names the errno of an answer', async () => {
      await serve((socket) => socket.end());
      await expect(new UapiClient(path).changes().next()).rejects.toThrow('it is not Litz');
      await stop();
      await serve((socket) => socket.end('errno=-16\n\n'));
      await expect(new UapiClient(path).changes().next()).rejects.toThrow('-16 (EBUSY)');
    });

    it('throws an error that says that there is no daemon', async () => {
      await expect(new UapiClient(path).changes().next()).rejects.toThrow(
        'there is no such socket',
      );
    });

    it('ends without an error if the signal is aborted before the call or while it waits', async () => {
      await serve((socket) => socket.write('litz_cursor=5\n\n'));
      const stopping = new AbortController();
      const changes = new UapiClient(path).changes({ signal: stopping.signal });
      await changes.next();
      const waiting = changes.next();
      stopping.abort();
      await expect(waiting).resolves.toMatchObject({ done: true });
      const late = new UapiClient(path).changes({ signal: stopping.signal });
      await expect(late.next()).resolves.toMatchObject({ done: true });
    });

    it('refuses a wrong cursor, and an endless report', async () => {
      await expect(new UapiClient(path).changes({ from: -1 }).next()).rejects.toThrow('"from"');
      await serve((socket) => socket.write('a=1\n'.repeat(1000)));
      const client = new UapiClient(path, { maxResponseLength: 1000 });
      await expect(client.changes().next()).rejects.toThrow('too long');
    });
  });

  describe('with keepsConnection', () => {
    const keeping = { keepsConnection: true };

    it('sends one request after the other over one connection, until the client is closed', async () => {
      const sockets = await serveFwmarks();
      const client = new UapiClient(path, keeping);
      expect((await client.get()).fwmark).toBe(1);
      expect((await client.get()).fwmark).toBe(2);
      expect(sockets).toHaveLength(1);

      client.close();
      await until(() => sockets[0].closed);
      expect((await client.get()).fwmark).toBe(3);
      expect(sockets).toHaveLength(2);
      client.close();
    });

    it('rejects a request if the client is closed, even while the answer arrives', async () => {
      let isAsked!: () => void;
      const asked = new Promise<void>((resolve) => (isAsked = resolve));
      const timers: NodeJS.Timeout[] = [];
      await serve((socket) => {
        timers.push(setInterval(() => socket.write('p'), 1));
        isAsked();
      });
      const client = new UapiClient(path, keeping);
      const answer = client.get();
      await asked;
      client.close();
      await expect(answer).rejects.toThrow('the connection was closed');
      for (const timer of timers) clearInterval(timer);
    });

    it('uses more connections for requests at the same time, and keeps one', async () => {
      const sockets = await serveFwmarks();
      const client = new UapiClient(path, keeping);
      await Promise.all([client.get(), client.get(), client.get()]);
      expect(sockets).toHaveLength(3);
      await until(() => sockets.filter(({ closed }) => closed).length === 2);
      await client.get();
      expect(sockets).toHaveLength(3);
      client.close();
    });

    it('connects again when the daemon has closed the connection meanwhile', async () => {
      const sockets = await serveFwmarks();
      const client = new UapiClient(path, keeping);
      await client.get();
      // The client may not have noticed yet that the connection is closed. Then it writes the
      // request to this connection.
      sockets[0].destroy();
      await until(() => sockets[0].closed);
      expect((await client.get()).fwmark).toBe(2);
      sockets[1].destroy();
      await new Promise((resolve) => sockets[1].once('close', () => setImmediate(resolve)));
      await new Promise((resolve) => setImmediate(resolve));
      expect((await client.get()).fwmark).toBe(3);
      client.close();
    });

    it('does not send a request again that the daemon may have carried out', async () => {
      let requests = 0;
      await serve((socket) => {
        requests++;
        if (requests === 2) socket.destroy();
        else socket.write(formatErrnoResponse(0));
      });
      const client = new UapiClient(path, keeping);
      await client.set({ listenPort: 1 });
      await expect(client.set({ listenPort: 2 })).rejects.toThrow('the connection was closed');
      expect(requests).toBe(2);
      await client.set({ listenPort: 3 });
      expect(requests).toBe(3);
      client.close();
    });

    it('does not keep a connection on which the daemon sends bytes without a request', async () => {
      const sockets = await serveFwmarks();
      const client = new UapiClient(path, keeping);
      await client.get();
      sockets[0].write(formatGetResponse({ ...EMPTY, fwmark: 99 }));
      await until(() => sockets[0].closed);
      expect((await client.get()).fwmark).toBe(2);
      client.close();
    });

    it('refuses a value of keepsConnection that is not a boolean', () => {
      const options = { keepsConnection: 1 as unknown as boolean };
      expect(() => new UapiClient(path, options)).toThrow('"keepsConnection" expected');
    });
  });

  it('finds the socket of an interface in /var/run/wireguard', () => {
    expect(UapiClient.of('wg0').path).toBe('/var/run/wireguard/wg0.sock');
  });
});

/**
 * Starts a daemon that answers each request with a status whose mark is the number of the request.
 * Returns the connections of the daemon.
 */
async function serveFwmarks(): Promise<Socket[]> {
  const sockets: Socket[] = [];
  let requests = 0;
  await serve((socket) => {
    if (!sockets.includes(socket)) sockets.push(socket);
    socket.write(formatGetResponse({ ...EMPTY, fwmark: ++requests }));
  });
  return sockets;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

async function stop(): Promise<void> {
  const closing = server;
  server = undefined;
  if (closing) await new Promise((resolve) => closing.close(resolve));
}

/** Starts a daemon that calls `answer` with the bytes of each read. */
async function serve(answer: (socket: Socket, bytes: Buffer) => void): Promise<void> {
  const listening = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => answer(socket, bytes));
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(path, resolve));
}
