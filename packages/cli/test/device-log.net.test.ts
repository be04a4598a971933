import { rmSync } from 'node:fs';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeSockets, TwoHosts, uniqueName, type Host } from './host.ts';
import { keyPair } from './key-pair.ts';
import { realInterfaces, type LitzProcess } from './litz-process.ts';

const LEFT = uniqueName('l');
const RIGHT = uniqueName('r');
const ALICE = keyPair();
const BOB = keyPair();
const CAROL = keyPair();
const SOCAT = programRequirement('socat', ['-V']);

let hosts: TwoHosts;

describeWith([...realInterfaces, SOCAT], 'a daemon at LOG_LEVEL=verbose', () => {
  beforeEach(() => {
    hosts = new TwoHosts();
  });
  afterEach(async () => {
    await hosts.close();
    removeSockets();
  });

  it('logs a connection on both sides, with the peer named as in wireguard-go', async () => {
    const { left, right } = await pair(BOB.publicKey);
    expect(await hosts.left.ping('10.1.0.2')).toBe(3);
    const [alice, bob] = [nameOf(ALICE.publicKey), nameOf(BOB.publicKey)];
    await right.says(/Session up/);
    const expected = [
      'UAPI: Updating private key',
      `${bob} - Added`,
      `${bob} - UAPI: Updating endpoint`,
      'link up, listens on port \\d+',
      `${bob} - Sending handshake initiation`,
      `${bob} - Received handshake response`,
      `${bob} - Keypair created`,
      `${bob} - Handshake completed as initiator in \\d+ ms`,
      `${bob} - Session up`,
    ];
    expect(left.text).toMatch(inOrder(LEFT, expected));
    expect(right.text).toMatch(
      inOrder(RIGHT, [
        `${alice} - Received handshake initiation`,
        `${alice} - Sending handshake response`,
        `${alice} - Keypair created`,
        `${alice} - Handshake completed as responder`,
        `${alice} - Session up`,
      ]),
    );
    await hosts.left.run('wg', ['set', LEFT, 'peer', BOB.publicKey, 'remove']);
    await left.says(/ - Removed\n/);
    for (const { text } of [left, right]) {
      for (const { privateKey, publicKey } of [ALICE, BOB]) {
        expect(text).not.toContain(privateKey);
        expect(text).not.toContain(publicKey);
      }
    }
  });

  it('logs as JSON if --log json is given, also the error of a daemon that cannot start', async () => {
    const words = ['-f', LEFT, '--log', 'json'];
    const daemon = hosts.left.litz(words, { env: { LOG_LEVEL: 'verbose' } });
    await daemon.says(/serves/);
    await hosts.left.run('ip', ['link', 'set', LEFT, 'up']);
    await daemon.says(/link up/);
    const failed = hosts.left.litz(words);
    expect(await failed.end()).toBe(1);
    expect(JSON.parse(failed.text)).toMatchObject({ level: 'error', message: expect.any(String) });
    expect(await daemon.end('SIGTERM')).toBe(0);
    const lines = daemon.text.trimEnd().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries).toContainEqual(
      expect.objectContaining({ level: 'debug', interface: LEFT, event: 'up' }),
    );
  });

  it('if Alice has a wrong key of Bob, logs an unanswered handshake on her side, and a message for another key on his side', async () => {
    const { left, right } = await pair(CAROL.publicKey);
    expect(await hosts.left.ping('10.1.0.2', { timeoutMs: 100 })).toBe(0);
    await right.says(
      /Received message with invalid mac1: it was made for another public key \(bad-mac1, the last from 10\.9\.0\.1:\d+\)/,
    );
    await left.says(/ - Handshake did not complete after 5 seconds, retrying \(try 2\)\n/);
  });

  it('logs why a request over its socket was refused', async () => {
    const { left } = await pair(BOB.publicKey);
    const { privateKey } = ALICE;
    const request = `set=1\nlisten_port=${privateKey}\n\n`;
    const script = `printf '%s' "$1" | socat -t2 - UNIX-CONNECT:/var/run/wireguard/${LEFT}.sock`;
    await hosts.left.run('sh', ['-c', script, 'sh', request]).catch(() => {});
    await left.says(/ERROR: \(\w+\) UAPI: line 1: listen_port: expected 0 to 65535, got /);
    expect(left.text).not.toContain(privateKey);
  });
});

/** Connects Alice and Bob. Alice has `publicKeyOfBob` as the key of Bob. */
async function pair(publicKeyOfBob: string): Promise<{ left: LitzProcess; right: LitzProcess }> {
  const right = await start(hosts.right, RIGHT, BOB.privateKey, ['peer', ALICE.publicKey], 2);
  const peer = ['peer', publicKeyOfBob, 'endpoint', '10.9.0.2:51821'];
  const left = await start(hosts.left, LEFT, ALICE.privateKey, peer, 1);
  return { left, right };
}

async function start(
  host: Host,
  name: string,
  privateKey: string,
  peer: readonly string[],
  number: number,
): Promise<LitzProcess> {
  const daemon = host.litz(['-f', name], { env: { LOG_LEVEL: 'verbose' } });
  await daemon.says(/serves/);
  const file = host.write('key', [privateKey]);
  const port = number === 2 ? ['listen-port', '51821'] : [];
  await host.run('wg', ['set', name, 'private-key', file, ...port]);
  await host.run('wg', ['set', name, ...peer, 'allowed-ips', '10.1.0.0/24']);
  rmSync(file);
  await host.run('ip', ['address', 'add', `10.1.0.${number}/24`, 'dev', name]);
  await host.run('ip', ['link', 'set', name, 'up']);
  await daemon.says(/listens on port/);
  return daemon;
}

function nameOf(publicKey: string): string {
  const text = `peer(${publicKey.slice(0, 4)}…${publicKey.slice(39, 43)})`;
  return text.replaceAll(/[()+/]/g, String.raw`\$&`);
}

/** Returns a pattern that matches lines in this order, perhaps with other lines between them. */
function inOrder(name: string, lines: readonly string[]): RegExp {
  return new RegExp(lines.map((line) => `^DEBUG: \\(${name}\\) ${line}$`).join('[^]*'), 'm');
}
