import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DeviceStatus } from '@litz/config';
import { UapiClient, untrustedFolder } from '@litz/config/uapi';
import { createPerson } from '@litz/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  UapiServer,
  type Device,
  type UapiServerOptions,
  type UapiTarget,
} from '../../src/index.ts';
import { ALICE, BOB, memoryDevice } from '../in-memory.ts';

const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex');
const posix = process.platform === 'win32' ? describe.skip : describe;

let folder: string;
let path: string;
let device: Device;
let server: UapiServer | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'litz-uapi-'));
  path = join(folder, 'wireguard', 'wg0.sock');
  // One test expects that a mark cannot be set. Portable sockets cannot set it, not even as root.
  ({ device } = await memoryDevice(ALICE, { udp: 'portable' }));
});

afterEach(async () => {
  await server?.close();
  server = undefined;
  await device.close();
  rmSync(folder, { recursive: true, force: true });
});

posix('UapiServer', () => {
  it('answers several get and set requests of a connection in order', async () => {
    await serve();
    const { listenPort } = await device.status();
    const answer = await ask(
      'get=1\n\n' +
        `set=1\npublic_key=${hex(BOB.publicKey)}\nallowed_ip=10.0.0.2/32\n\n` +
        'get=1\n\n',
    );
    const [before, set, after] = answer.split('\n\n');
    expect(before).toBe(`private_key=${hex(ALICE.privateKey)}\nlisten_port=${listenPort}\nerrno=0`);
    expect(set).toBe('errno=0');
    expect(after).toContain(`\npublic_key=${hex(BOB.publicKey)}\n`);
    expect(after).toContain('\nallowed_ip=10.0.0.2/32\n');
  });

  it('answers requests that arrive in pieces, one after the other', async () => {
    let release!: () => void;
    const held = new Promise<void>((resolve) => (release = resolve));
    const asked: string[] = [];
    const target: UapiTarget = {
      status: async () => {
        asked.push('get');
        await held;
        return { listenPort: 1, fwmark: 0, peers: [] };
      },
      configure: () => Promise.resolve(void asked.push('set')),
    };
    server = await UapiServer.listen(target, { path });
    const socket = await connect();
    socket.write('get=1\n\n');
    await vi.waitFor(() => expect(asked).toEqual(['get']));
    socket.write('set=1\n\n');
    expect(await ask('set=1\n\n')).toBe('errno=0\n\n');
    expect(asked).toEqual(['get', 'set']);
    release();
    await vi.waitFor(() => expect(asked).toEqual(['get', 'set', 'set']));
    socket.destroy();
  });

  it('works with the typed client', async () => {
    await serve();
    const client = new UapiClient(path);
    const { publicKey } = BOB;
    await client.set({ listenPort: 0, peers: [{ publicKey, persistentKeepalive: 7 }] });
    const status: DeviceStatus = await client.get();
    expect(status).toMatchObject({ peers: [{ publicKey, persistentKeepalive: 7 }] });
    expect(status.listenPort).toBe((await device.status()).listenPort);
  });

  it('returns the keys of a rotation to a client that asks for them', async () => {
    await serve();
    const { publicKey } = BOB;
    const next = createPerson(9);
    const client = new UapiClient(path);
    await client.set({
      nextPrivateKey: next.privateKey,
      peers: [{ publicKey, nextPublicKey: next.publicKey }],
    });
    // The next key of the device cannot be the next key of a peer, so the peer gets none.
    expect(await client.get({ keys: true })).toMatchObject({ nextPrivateKey: next.privateKey });
    const nextPublicKey = createPerson(8).publicKey;
    await client.set({ peers: [{ publicKey, nextPublicKey }] });
    expect((await client.get({ keys: true })).peers).toMatchObject([{ publicKey, nextPublicKey }]);
    expect(await ask('get=1\n\n')).not.toContain('litz_');
    await client.set({
      privateKey: next.privateKey,
      peers: [{ publicKey, promotePublicKey: true }],
    });
    expect(await ask('get=1\nlitz_keys=true\n\n')).not.toContain('litz_');
    expect(await client.get()).toMatchObject({
      privateKey: next.privateKey,
      peers: [{ publicKey: nextPublicKey }],
    });
    const refused = client.set({ privateKey: null, nextPrivateKey: ALICE.privateKey });
    await expect(refused).rejects.toMatchObject({ errno: -22 });
  });

  it('sets, returns and removes the name of an endpoint, and shows it only to a client that asks', async () => {
    await serve();
    const { publicKey } = BOB;
    const set = (lines: string): Promise<string> =>
      ask(`set=1\npublic_key=${hex(publicKey)}\n${lines}\n`);
    const name = async (): Promise<string | undefined> =>
      /litz_endpoint_name=.*/.exec(await ask('get=1\nlitz_stats=true\n\n'))?.[0];
    expect(await set('litz_endpoint_name=vpn.example:51820\n')).toBe('errno=0\n\n');
    expect(await name()).toBe('litz_endpoint_name=vpn.example:51820');
    expect(await ask('get=1\n\n')).not.toContain('litz_');
    expect(await set('endpoint=192.0.2.1:5\n')).toBe('errno=0\n\n');
    expect(await name()).toBe('litz_endpoint_name=vpn.example:51820');
    expect(await set('litz_endpoint_name=other.example:1\n')).toBe('errno=0\n\n');
    expect(await name()).toBe('litz_endpoint_name=other.example:1');
    expect(await set('litz_endpoint_name=\n')).toBe('errno=0\n\n');
    expect(await name()).toBeUndefined();
    for (const again of ['remove=true\n', '']) {
      await set('litz_endpoint_name=vpn.example:51820\n');
      const replace = again === '' ? 'replace_peers=true\n' : '';
      await ask(`set=1\n${replace}public_key=${hex(publicKey)}\n${again}\n`);
      await set('');
      expect(await name()).toBeUndefined();
    }
  });

  it('changes nothing if the name of an endpoint is wrong', async () => {
    await serve();
    const peer = `public_key=${hex(BOB.publicKey)}\n`;
    await ask(`set=1\n${peer}litz_endpoint_name=vpn.example:51820\n\n`);
    const all = 'get=1\nlitz_keys=true\nlitz_stats=true\n\n';
    const before = await ask(all);
    for (const name of [
      'vpn.example',
      'vpn.example:0',
      '192.0.2.1:1',
      '[::1]:1',
      'a b:1',
      'a:1 ',
    ]) {
      const lines = `listen_port=9\n${peer}persistent_keepalive_interval=9\nlitz_endpoint_name=${name}\n`;
      expect(await ask(`set=1\n${lines}\n`)).toBe('errno=-22\n\n');
      expect(await ask(all)).toBe(before);
    }
    expect(await ask('set=1\nlitz_endpoint_name=a:1\n\n')).toBe('errno=-22\n\n');
  });

  it('passes on a name that is not ASCII without changing it', async () => {
    await serve();
    const client = new UapiClient(path);
    await client.set({ peers: [{ publicKey: BOB.publicKey, endpointName: 'büro.example:1' }] });
    expect((await client.get({ keys: true })).peers[0]?.endpointName).toBe('büro.example:1');
    expect((await device.peers())[0]?.endpointName).toBe('büro.example:1');
  });

  it.each([
    ['an unknown key', 'set=1\nfoo=bar\n\n', 'errno=-22\n\n'],
    ['a wrong value', 'set=1\nlisten_port=70000\n\n', 'errno=-22\n\n'],
    ['a line without a value', 'set=1\nfoo\n\n', 'errno=-71\n\n'],
    ['a mark that cannot be set', 'set=1\nfwmark=5\n\n', 'errno=-98\n\n'],
    ['a get with an unknown line', 'get=1\nfoo=bar\n\n', 'errno=-22\n\n'],
    ['an unknown operation', 'put=1\n\n', ''],
    ['bytes that are not text', Buffer.from([0xff, 0xfe, 0, 10, 10]), ''],
  ])(
    'answers %s with an errno or closes the connection, and serves other clients',
    async (_, request, answer) => {
      await serve();
      expect(await ask(request, { end: true })).toBe(answer);
      expect(await ask('get=1\n\n')).toMatch(/errno=0\n\n$/);
    },
  );

  it('keeps a quiet client that follows changes, however many others connect', async () => {
    await serve({ maxConnections: 1, idleTimeoutMs: 20 });
    const changes = new UapiClient(path).changes();
    expect((await changes.next()).value).toMatchObject({ isResync: true, peers: [] });
    await expect(new UapiClient(path).get()).rejects.toMatchObject({ code: 'ERR_LITZ_UAPI' });
    await new Promise((resolve) => setTimeout(resolve, 60));
    await device.configure({ peers: [{ publicKey: BOB.publicKey }] });
    const { value } = await changes.next();
    expect(value).toMatchObject({ isResync: false, peers: [{ publicKey: BOB.publicKey }] });
    await changes.return();
  });

  it('reports why it refused a request, without the key in it', async () => {
    const refused: string[] = [];
    const key = hex(BOB.publicKey);
    await serve({ onRefused: ({ message }) => refused.push(message) });
    await ask(`set=1\nlisten_port=${key}\n\n`);
    expect(refused).toEqual([expect.stringContaining('listen_port: expected 0 to 65535')]);
    expect(refused.join()).not.toContain(key);
  });

  it('answers EADDRINUSE for a port that is taken, and changes nothing', async () => {
    await serve();
    const other = await memoryDevice(BOB);
    const { listenPort } = await other.device.status();
    const peer = `public_key=${hex(BOB.publicKey)}`;
    expect(await ask(`set=1\nlisten_port=${listenPort}\n${peer}\n\n`)).toBe('errno=-98\n\n');
    expect(await device.peers()).toEqual([]);
    await other.device.close();
  });

  it('refuses a request that is longer than the limit', async () => {
    await serve({ maxRequestLength: 1000 });
    const line = 'persistent_keepalive_interval=1\n';
    const request = `set=1\npublic_key=${hex(BOB.publicKey)}\n${line.repeat(100)}`;
    expect(await ask(request)).toBe('errno=-22\n\n');
  });

  it('answers EIO when the device is closed', async () => {
    await serve();
    await device.close();
    expect(await ask('get=1\n\n')).toBe('errno=-5\n\n');
  });

  it('serves many connections, however they end', async () => {
    await serve();
    const idle = await Promise.all(Array.from({ length: 20 }, () => connect()));
    for (const [i, socket] of idle.entries()) if (i % 2) socket.destroy();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('get=1\n\n')));
    expect(new Set(answers).size).toBe(1);
    for (const socket of idle) socket.destroy();
  });

  it('serves a thousand clients at once, beside a thousand idle ones', async () => {
    await serve();
    const idle = await Promise.all(Array.from({ length: 1000 }, () => connect()));
    const answers = await Promise.all(Array.from({ length: 1000 }, () => ask('get=1\n\n')));
    expect(answers.filter((answer) => answer.endsWith('errno=0\n\n'))).toHaveLength(1000);
    for (const socket of idle) socket.destroy();
  });

  it('closes the connection that has been quiet for the longest time when a new client comes', async () => {
    const clock = vi.spyOn(performance, 'now');
    try {
      await serve({ maxConnections: 3 });
      const silent: Socket[] = [];
      for (const now of [1000, 2000, 3000]) {
        clock.mockReturnValue(now);
        silent.push(await connectAndAsk());
      }
      // No connection has been quiet for longer than a second, so the new client is refused.
      clock.mockReturnValue(1900);
      expect(await ask('get=1\n\n')).toBe('');
      clock.mockReturnValue(3500);
      expect(await ask('get=1\n\n')).toMatch(/errno=0\n\n$/);
      await vi.waitFor(() => expect(silent.map((s) => s.destroyed)).toEqual([true, false, false]));
      for (const socket of silent) socket.destroy();
    } finally {
      clock.mockRestore();
    }
  });

  it('answers a client that closes its writing side after its requests', async () => {
    await serve();
    const peer = `public_key=${hex(BOB.publicKey)}\n`;
    expect(await ask('get=1\n\n', { end: true })).toMatch(/errno=0\n\n$/);
    expect(await ask(`set=1\n${peer}\nget=1\n\n`, { end: true })).toMatch(
      /^errno=0\n\n[^]*\npublic_key=[^]*errno=0\n\n$/,
    );
    expect(await ask(`set=1\n${peer}remove=true`, { end: true })).toBe('errno=0\n\n');
    expect(await device.peers()).toEqual([]);
  });

  it('closes a connection on which nothing arrives', async () => {
    // Long enough for the request below, also on a busy machine.
    await serve({ idleTimeoutMs: 300 });
    const socket = await connect();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(await ask('get=1\n\n')).toMatch(/errno=0\n\n$/);
  });

  it('refuses the largest incomplete request when all requests together are too long', async () => {
    await serve({ maxTotalLength: 300_000 });
    const answers = [200_000, 90_000, 50_000].map(async (length) => {
      const line = 'persistent_keepalive_interval=1\n';
      const start = `set=1\npublic_key=${hex(BOB.publicKey)}\n`;
      const socket = await connect();
      socket.write(start + line.repeat(length / line.length));
      return socket;
    });
    const [large, ...others] = await Promise.all(answers);
    expect(await text(large, 1)).toBe('errno=-12\n\n');
    for (const socket of others) {
      socket.write('\n');
      expect(await text(socket, 1)).toBe('errno=0\n\n');
    }
    large.destroy();
  });

  it('carries out set requests one after the other', async () => {
    let running = 0;
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const target: UapiTarget = {
      status: () => device.status(),
      configure: async () => {
        running++;
        await opened;
        running--;
        expect(running).toBe(0);
      },
    };
    server = await UapiServer.listen(target, { path });
    const answers = Promise.all(Array.from({ length: 5 }, () => ask('set=1\n\n')));
    await vi.waitFor(() => expect(running).toBe(1));
    // A get does not wait for the sets. When it is answered, the other sets have arrived.
    for (let i = 0; i < 5; i++) expect(await ask('get=1\n\n')).toMatch(/errno=0\n\n$/);
    expect(running).toBe(1);
    open();
    expect(new Set(await answers)).toEqual(new Set(['errno=0\n\n']));
  });

  it.each([0o775, 0o757, 0o1777])('does not serve in a folder of mode %o', async (mode) => {
    mkdirSync(join(folder, 'wireguard'));
    chmodSync(join(folder, 'wireguard'), mode);
    await expect(serve()).rejects.toMatchObject({
      code: 'ERR_LITZ_SYSTEM',
      message: `cannot serve ${path}: ${untrustedFolder(join(folder, 'wireguard'))}`,
    });
    expect(readdirSync(join(folder, 'wireguard'))).toEqual([]);
  });

  it('refuses a folder that others may write to, even if a program serves the socket', async () => {
    await serve();
    chmodSync(join(folder, 'wireguard'), 0o777);
    await expect(UapiServer.listen(device, { path })).rejects.toThrow(/has mode 0777/);
  });

  it('does not serve through a symbolic link to the folder', async () => {
    mkdirSync(join(folder, 'there'), { mode: 0o755 });
    symlinkSync(join(folder, 'there'), join(folder, 'wireguard'));
    await expect(serve()).rejects.toThrow(/wireguard is a symbolic link/);
    expect(readdirSync(join(folder, 'there'))).toEqual([]);
  });

  it('makes a socket that only its owner can use, in a folder that it also makes', async () => {
    await serve();
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(lstatSync(path).isSocket()).toBe(true);
    expect(statSync(join(folder, 'wireguard')).mode & 0o777 & ~process.umask()).toBe(0o755);
  });

  it('removes the socket at the end', async () => {
    await serve();
    await server?.close();
    await server?.close();
    expect(existsSync(path)).toBe(false);
  });

  it('replaces a socket on which no program answers', async () => {
    mkdirSync(join(folder, 'wireguard'));
    await leaveStaleSocket(path);
    expect(existsSync(path)).toBe(true);
    await serve();
    expect(await ask('get=1\n\n')).toMatch(/errno=0\n\n$/);
  });

  it('replaces neither a socket on which a program answers nor another file', async () => {
    await serve();
    await expect(UapiServer.listen(device, { path })).rejects.toMatchObject({
      code: 'ERR_LITZ_SYSTEM',
      message: `cannot serve ${path}: another program serves it`,
    });
    expect(await ask('get=1\n\n')).toMatch(/errno=0\n\n$/);
    const file = join(folder, 'file');
    writeFileSync(file, 'mine');
    await expect(UapiServer.listen(device, { path: file })).rejects.toThrow(
      /: the existing file is not a socket$/,
    );
    expect(statSync(file).size).toBe(4);
  });

  it('says what to do when its folder cannot be made', async () => {
    symlinkSync(join(folder, 'missing', 'run'), join(folder, 'run'));
    const missing = join(folder, 'run', 'wireguard', 'wg0.sock');
    await expect(UapiServer.listen(device, { path: missing })).rejects.toMatchObject({
      code: 'ERR_LITZ_SYSTEM',
      message:
        `cannot serve ${missing}: cannot create a file in ${join(folder, 'run', 'wireguard')}: ENOENT; ` +
        'expected a folder that this user can write to (in a container: --tmpfs /run)',
      cause: { code: 'ENOENT' },
    });
  });

  it('says why it cannot listen', async () => {
    const long = join(folder, 'x'.repeat(120));
    await expect(UapiServer.listen(device, { path: long })).rejects.toThrow(/at most 107 bytes/);
    const nowhere = join(folder, 'file', 'wg0.sock');
    writeFileSync(join(folder, 'file'), '');
    await expect(UapiServer.listen(device, { path: nowhere })).rejects.toMatchObject({
      code: 'ERR_LITZ_SYSTEM',
      message: expect.stringContaining(nowhere) as string,
    });
  });

  it('ends when the socket is removed', async () => {
    const removed = new Promise<void>((resolve) => void serve({ onRemoved: resolve }));
    await vi.waitFor(() => expect(existsSync(path)).toBe(true));
    rmSync(path);
    await removed;
  });

  it('ends when the socket is replaced, and does not remove the new one', async () => {
    const removed = new Promise<void>((resolve) => void serve({ onRemoved: resolve }));
    await vi.waitFor(() => expect(existsSync(path)).toBe(true));
    rmSync(path);
    writeFileSync(path, 'theirs');
    await removed;
    expect(existsSync(path)).toBe(true);
  });

  it.each(['', '../x', 'a/b', '.', undefined])('refuses the name %j', (name) => {
    expect(() => UapiServer.path(name as never)).toThrow(
      '"interfaceName" expected the name of an interface, got ',
    );
  });

  it('leaves the socket of another process in place if the socket cannot be taken over', async () => {
    await serve();
    await expect(UapiServer.adopt(device, { path }, 1_000_000)).rejects.toThrow(/cannot serve/);
    expect(existsSync(path)).toBe(true);
    expect(await ask('get=1\n\n')).toMatch(/errno=0/);
  });

  it('uses the path where wg looks', () => {
    expect(UapiServer.path('wg0')).toBe('/var/run/wireguard/wg0.sock');
  });
});

async function serve(options: Omit<UapiServerOptions, 'path'> = {}): Promise<void> {
  server = await UapiServer.listen(device, { path, ...options });
}

async function connect(): Promise<Socket> {
  const socket = createConnection(path);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

/** Connects and gets one answer. The connection is then between two requests. */
async function connectAndAsk(): Promise<Socket> {
  const socket = await connect();
  socket.write('get=1\n\n');
  await text(socket, 1);
  return socket;
}

/** Resolves with the text when this many answers have arrived. */
function text(socket: Socket, answers: number): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1');
      if (heard.split('\n\n').length > answers) resolve(heard);
    });
  });
}

/**
 * Sends a request, and closes the writing side if `end` is set. Resolves with all answers when the
 * server closes the connection. If `end` is not set, it resolves as soon as each request has its
 * answer.
 */
async function ask(request: string | Uint8Array, { end = false } = {}): Promise<string> {
  const socket = await connect();
  const expected = typeof request === 'string' ? (request.match(/[gs]et=1\n/g) ?? []).length : 0;
  return new Promise((resolve) => {
    let answer = '';
    const finish = (): void => {
      resolve(answer);
      socket.destroy();
    };
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
      if (!end && answer.split('\n\n').length > expected) finish();
    });
    socket.on('error', () => {});
    socket.on('close', finish);
    if (end) socket.end(request);
    else socket.write(request);
  });
}

/** Makes a socket file whose program has ended without removing it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const code = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await promisify(execFile)(process.execPath, ['-e', code]).catch(() => {});
}
