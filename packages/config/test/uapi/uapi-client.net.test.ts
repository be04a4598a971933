import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseCidr, parseEndpoint } from '@litz/core';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeWith, requirement } from '@litz/testkit';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { keyToHex } from '../../src/text/hex-key.ts';
import { RequestSplitter } from '../../src/uapi/request-splitter.ts';
import { parseSetRequest } from '../../src/uapi/set-request.ts';
import { UapiError } from '../../src/uapi/uapi-error.ts';
import type { DevicePeerStatus } from '../../src/device-configuration.ts';
import type { Endpoint } from '@litz/core';
import { presharedKey, privateKey, publicKey } from '../keys.ts';
import { WireguardGo, WIREGUARD_GO_REQUIREMENTS } from './wireguard-go.ts';

const KEY = keyToHex(publicKey(2));
const BUILT = join(import.meta.dirname, '../../dist/uapi/index.js');

describeWith(WIREGUARD_GO_REQUIREMENTS, 'UapiClient with wireguard-go', () => {
  let daemon: WireguardGo;

  beforeAll(async () => {
    daemon = await WireguardGo.start();
  });

  afterAll(() => daemon.stop());

  beforeEach(() => daemon.client.set({ privateKey: null, replacePeers: true }));

  it('gets the values that it set', async () => {
    await daemon.client.set({
      privateKey: privateKey(1),
      fwmark: 7,
      peers: [
        {
          publicKey: publicKey(2),
          presharedKey: presharedKey(3),
          endpoint: parseEndpoint('192.0.2.1:51820') as Endpoint,
          persistentKeepalive: 25,
          replaceAllowedIps: true,
          allowedIps: [parseCidr('10.0.0.0/8'), parseCidr('fd00::/64')],
        },
      ],
    });
    const status = await daemon.client.get();
    expect(status.privateKey).toEqual(privateKey(1));
    expect(status.peers).toHaveLength(1);
    const allowedIps = expect.arrayContaining([parseCidr('10.0.0.0/8'), parseCidr('fd00::/64')]);
    expect(status.peers[0]).toEqual({
      publicKey: publicKey(2),
      presharedKey: presharedKey(3),
      endpoint: parseEndpoint('192.0.2.1:51820'),
      persistentKeepalive: 25,
      allowedIps,
      lastHandshakeUnixMs: 0,
      receivedBytes: 0,
      sentBytes: 0,
    });
  });

  it('removes single prefixes and peers', async () => {
    const peers = [2, 4].map((fill) => ({
      publicKey: publicKey(fill),
      endpoint: parseEndpoint('[2001:db8::1]:1') as Endpoint,
      allowedIps: [parseCidr(`10.${fill}.0.0/16`), parseCidr(`10.${fill}.3.0/24`)],
    }));
    await daemon.client.set({ peers });
    const remove = { ...parseCidr('10.2.0.0/16'), remove: true };
    await daemon.client.set({
      peers: [
        { publicKey: publicKey(2), allowedIps: [remove] },
        { publicKey: publicKey(4), remove: true },
        { publicKey: publicKey(5), updateOnly: true },
      ],
    });
    const { peers: left } = await daemon.client.get();
    expect(left.map((peer: DevicePeerStatus) => peer.allowedIps)).toEqual([
      [parseCidr('10.2.3.0/24')],
    ]);
    expect(left[0].endpoint).toEqual(peers[0].endpoint);
  });

  it.each([
    'listen_port=x',
    'listen_port',
    'fwmark=4294967296',
    'replace_peers=1',
    'colour=red',
    'endpoint=1.2.3.4:5',
    'private_key=00',
    'public_key=zz',
    `public_key=${KEY}\nremove=yes`,
    `public_key=${KEY}\nupdate_only=`,
    `public_key=${KEY}\npreshared_key=1`,
    `public_key=${KEY}\nendpoint=example.org:1`,
    `public_key=${KEY}\nendpoint=1.2.3.4`,
    `public_key=${KEY}\npersistent_keepalive_interval=65536`,
    `public_key=${KEY}\nreplace_allowed_ips=false`,
    `public_key=${KEY}\nallowed_ip=10.0.0.0/33`,
    `public_key=${KEY}\nallowed_ip=10.0.0.0`,
    `public_key=${KEY}\nallowed_ip=10.0.0.0/08`,
    `public_key=${KEY}\nallowed_ip=+10.0.0.0/8`,
    `public_key=${KEY}\nprotocol_version=2`,
    `public_key=${KEY}\nlisten_port=1`,
    `public_key=${KEY}\nx`,
  ])('refuses %j with the errno that wireguard-go answers', async (body) => {
    const answer = await ask(daemon.client.path, `set=1\n${body}\n\n`);
    expect(answer).toBe(`errno=${errnoOf(body)}\n\n`);
  });

  it.each([
    `public_key=${KEY.toUpperCase()}\nprotocol_version=1`,
    `public_key=${KEY}\nremove=true\nallowed_ip=10.0.0.0/8`,
    `public_key=${KEY}\nallowed_ip=-10.0.0.0/8`,
    `public_key=${KEY}\nallowed_ip=::/0`,
    `public_key=${'0'.repeat(64)}\nremove=true`,
    'fwmark=0010',
    '',
  ])('accepts %j as wireguard-go does', async (body) => {
    const answer = await ask(daemon.client.path, `set=1\n${body}\n\n`);
    expect(answer).toBe('errno=0\n\n');
    expect(errnoOf(body)).toBe(0);
  });

  it.each(['set=1\nfwmark=3\n', 'set=1\nfwmark=3', 'set=1\n', 'set=1', 'get=1', 'get=1\n\n', ''])(
    'treats %j and the end of the connection as wireguard-go does',
    async (text) => {
      const splitter = new RequestSplitter();
      const requests = [...splitter.push(Buffer.from(text)), ...splitter.end()];
      const answers = requests.map(() => expect.stringMatching(/errno=0\n\n$/) as unknown);
      const answer = await ask(daemon.client.path, text, { end: true });
      expect(answer === '' ? [] : [answer]).toEqual(answers);
    },
  );

  it.each(['hello\n', 'get=2\n\n', 'get=1 \n\n'])(
    'closes the connection after %j as wireguard-go does',
    async (text) => {
      expect(await ask(daemon.client.path, text)).toBe('');
      expect(new RequestSplitter().push(Buffer.from(text))).toEqual([
        { operation: 'invalid', errno: undefined },
      ]);
    },
  );
});

const mounts = requirement('the right to make a mount namespace', () => {
  const { status, stderr } = spawnSync('unshare', ['-m', 'true'], { encoding: 'utf8' });
  return status === 0 || stderr.trim();
});
const built = requirement(
  'the built @litz/config',
  () => existsSync(BUILT) || 'run `tsc -b` first',
);

describeWith([mounts, built], 'UapiClient.of', () => {
  it.each([
    ['mkdir -m 777 /run/wireguard', 'has mode 0777'],
    ['mkdir -m 755 /run/wireguard && chown 12345 /run/wireguard', 'belongs to user 12345'],
    ['mkdir -m 755 /run/x && ln -s x /run/wireguard', 'is a symbolic link'],
    ['mkdir -m 755 /run/wireguard', 'connected'],
  ])(
    'checks the folder of the socket before it connects: after %s, the output has "%s"',
    (make, what) => {
      const script = `mount -t tmpfs -o mode=1777 tmpfs /run && ${make} && exec "$@"`;
      const node = [process.execPath, '--input-type=module', '-e', SET_A_PORT];
      const args = ['-m', 'sh', '-c', script, 'sh', ...node, pathToFileURL(BUILT).href];
      const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8', timeout: 20_000 });
      expect(stdout + stderr).toContain(what);
    },
  );
});

/**
 * A script with both ends: a server at the socket, which prints `connected` for each connection,
 * and a client that sends two requests.
 */
const SET_A_PORT = `
  import { createServer } from 'node:net';
  const { UapiClient } = await import(process.argv[1]);
  const answer = (socket) => { console.log('connected'); socket.end('errno=0\\n\\n'); };
  const server = createServer(answer).listen('/var/run/wireguard/wg0.sock', async () => {
    const client = UapiClient.of('wg0');
    for (const ask of [() => client.set({ listenPort: 1 }), () => client.get()]) {
      await ask().catch((error) => console.log(error.errno, error.message));
    }
    server.close();
  });`;

/**
 * Sends `text`, and returns the answer up to an empty line or the end of the connection. With
 * `end`, it closes its writing side after the text.
 */
function ask(path: string, text: string, { end = false } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = createConnection(path, () => (end ? socket.end(text) : socket.write(text)));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
      if (answer.endsWith('\n\n')) socket.destroy();
    });
  });
}

function errnoOf(body: string): number {
  try {
    parseSetRequest(body);
    return 0;
  } catch (error) {
    return error instanceof UapiError ? error.errno : Number.NaN;
  }
}
