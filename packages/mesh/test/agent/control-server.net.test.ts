/**
 * Tests the control socket of an agent with correct and faulty clients.
 *
 * @module
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { sendControlRequest, type ControlRequest } from '../../src/agent/control-request.ts';
import { ControlServer } from '../../src/agent/control-server.ts';

let folder: string;
let path: string;
let server: ControlServer;
const asked: ControlRequest[] = [];

describe('ControlServer', () => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'litz-control-'));
    path = join(folder, 'agent.sock');
    asked.length = 0;
    server = await ControlServer.listen(path, async (request) => {
      asked.push(request);
      return Promise.resolve(`did ${request.command}`);
    });
  });

  afterEach(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  it('answers on a socket that only its owner can use', async () => {
    expect(await sendControlRequest(path, { command: 'down' })).toBe('did down');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('answers a client that has closed its side after the request', async () => {
    const socket = connect();
    socket.end('{"command":"status"}\n');
    expect(await textOf(socket)).toBe('{"ok":true,"result":"did status"}\n');
  });

  it.each([
    ['text that is not JSON', 'garbage\n'],
    ['null', 'null\n'],
    ['another command', '{"command":"__proto__"}\n'],
    ['a command without its field', '{"command":"rotate-key"}\n'],
    ['a line without an end', 'status'],
    ['an empty request', ''],
  ])('carries out nothing and continues to serve after a bad request: %s', async (_, text) => {
    const socket = connect();
    socket.end(text);
    expect(await textOf(socket)).not.toContain('"ok":true');
    expect(asked).toEqual([]);
    expect(await sendControlRequest(path, { command: 'status' })).toBe('did status');
  });

  it('reads no more bytes than a request can have', async () => {
    const socket = connect();
    socket.write('x'.repeat(1_000_000));
    expect(await textOf(socket)).toBe('');
    expect(asked).toEqual([]);
    expect(await sendControlRequest(path, { command: 'status' })).toBe('did status');
  });

  it('ends although an idle connection is open, and leaves no file', async () => {
    const socket = createConnection(path);
    const text = textOf(socket);
    await once(socket, 'connect');
    await sendControlRequest(path, { command: 'status' });
    server.close();
    expect(await text).toBe('');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('allows one server for each path', async () => {
    await expect(ControlServer.listen(path, () => Promise.resolve())).rejects.toThrow(
      'an agent is already running for this interface',
    );
  });
});

describe('sendControlRequest', () => {
  it('ends after its time limit if the agent does not answer', async () => {
    const place = mkdtempSync(join(tmpdir(), 'litz-silent-'));
    const silent = createServer(() => {});
    onTestFinished(() => {
      silent.close();
      rmSync(place, { recursive: true });
    });
    const socket = join(place, 's');
    silent.listen(socket);
    await once(silent, 'listening');
    await expect(
      sendControlRequest(socket, { command: 'status' }, { longestMs: 100 }),
    ).rejects.toThrow(/has not answered for .* may still carry out the request/);
  });

  it.each([
    ['ends before it has answered', '{"ok":', /the agent ended before it answered/],
    ['answers without end', undefined, /a line has more than 67108864 bytes/],
  ])('reports that the program behind the socket %s', async (_, text, reason) => {
    const place = mkdtempSync(join(tmpdir(), 'litz-silent-'));
    const piece = Buffer.alloc(1024 * 1024, 0x20);
    const program = createServer((socket) => {
      socket.on('error', () => {});
      if (text !== undefined) socket.end(text);
      else {
        const send = (): void => {
          while (!socket.destroyed && socket.write(piece));
        };
        socket.on('drain', send);
        send();
      }
    });
    onTestFinished(() => {
      program.close();
      rmSync(place, { recursive: true });
    });
    const socket = join(place, 's');
    program.listen(socket);
    await once(program, 'listening');
    await expect(sendControlRequest(socket, { command: 'status' })).rejects.toThrow(reason);
  });
});

function connect(): Socket {
  const socket = createConnection({ path, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  return socket;
}

async function textOf(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return text;
}
