/**
 * Tests the names of endpoints: a daemon looks the name of a silent peer up again, whether the name
 * comes from `litz IFNAME --resolve` or from `litz_endpoint_name` of the UAPI.
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { UapiClient } from '@litz/config/uapi';
import type { PeerChange } from '@litz/core';
import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { removeSockets, TwoHosts, uniqueName } from './host.ts';
import { keyPair } from './key-pair.ts';
import { inMounts, LITZ, realInterfaces, type LitzProcess } from './litz-process.ts';
import { daemonsOf, killDaemons, until } from './upgrade/upgraded-tunnel.ts';

const LEFT = uniqueName('l');
const RIGHT = uniqueName('r');
const [ALICE, BOB] = [keyPair(), keyPair()];
const NAME = 'office.example:51820';
const RIGHT_ENDPOINT = '10.9.0.2:51820';
const WRONG_ENDPOINT = '10.9.0.77:51820';
const LONGEST_MS = 120_000;

let hosts: TwoHosts;

describeWith(realInterfaces, 'the name of an endpoint', () => {
  beforeEach(() => {
    hosts = new TwoHosts();
  });
  afterEach(async () => {
    killDaemons(LEFT);
    await hosts.close();
    rmSync(`/var/run/wireguard/.litz-${LEFT}`, { recursive: true, force: true });
    removeSockets();
  });

  it(
    'of the command line finds a silent peer, also after an upgrade',
    async () => {
      const daemon = await start(['--resolve', `${BOB.publicKey}=${NAME}`]);
      await client(LEFT).set(bob({ endpoint: WRONG_ENDPOINT }));
      await isFound();
      expect(daemon.text).toContain(`does not answer: office.example is ${RIGHT_ENDPOINT}`);
      expect(await shownName()).toBe(NAME);
      // A client may remove the name, and an upgrade does not bring it back.
      await client(LEFT).set(bob({ updateOnly: true, endpointName: '' }));
      await upgrade(daemon);
      expect(await shownName()).toBeUndefined();
      // A peer that is added again has the name again.
      await client(LEFT).set({ replacePeers: true, ...bob({ endpoint: WRONG_ENDPOINT }) });
      await isFound();
    },
    LONGEST_MS,
  );

  it(
    'of the UAPI finds a silent peer, also after an upgrade, and is forgotten when the peer is removed',
    async () => {
      const daemon = await start([]);
      await client(LEFT).set(bob({ endpoint: WRONG_ENDPOINT, endpointName: NAME }));
      await isFound();
      await upgrade(daemon);
      expect(await shownName()).toBe(NAME);
      // The endpoint that wg sets is tried next. The name stays, and is looked up after that.
      await hosts.left.run('wg', ['set', LEFT, 'peer', BOB.publicKey, 'endpoint', WRONG_ENDPOINT]);
      await isFound();
      // wg does not get the name.
      expect(await hosts.left.run('wg', ['show', LEFT])).not.toContain('office');
      expect(await ask('get=1\n\n')).not.toContain('litz_');
      expect(await hosts.left.run(process.execPath, [LITZ, 'show', LEFT])).toContain(
        `\n  endpoint name: ${NAME}\n`,
      );
      await client(LEFT).set(bob({ remove: true }));
      await client(LEFT).set(bob({}));
      expect(await shownName()).toBeUndefined();
    },
    LONGEST_MS,
  );

  it('is looked up at once if the peer has no endpoint, and the peer gets the address that was found', async () => {
    await start([]);
    await client(LEFT).set(bob({ endpointName: NAME }));
    await vi.waitUntil(async () => (await endpoint()) === RIGHT_ENDPOINT, { timeout: 5000 });
    expect(await hosts.left.ping('10.1.0.2')).toBe(3);
  }, 60_000);

  it(
    'that is not found is logged once, and looked up again until it is found, also after an upgrade',
    async () => {
      const daemon = await start([]);
      nameAddress('other.example');
      await client(LEFT).set(bob({ endpointName: NAME }));
      await daemon.says(/has no endpoint, and office\.example was not found: /);
      // This is enough time for two more look-ups.
      await new Promise((resolve) => setTimeout(resolve, 20_000));
      expect(daemon.text.match(/was not found/g)).toHaveLength(1);
      await upgrade(daemon);
      await vi.waitUntil(() => daemon.text.match(/was not found/g)?.length === 2, {
        timeout: 10_000,
      });
      nameAddress('office.example');
      await vi.waitUntil(async () => (await endpoint()) === RIGHT_ENDPOINT, { timeout: 20_000 });
      expect(await hosts.left.ping('10.1.0.2')).toBe(3);
    },
    LONGEST_MS,
  );

  it('is refused with EINVAL if its form is wrong, and then the whole request changes nothing', async () => {
    await start([]);
    await client(LEFT).set(bob({ endpoint: WRONG_ENDPOINT, endpointName: NAME }));
    const all = 'get=1\nlitz_keys=true\n\n';
    const before = configurationOf(await ask(all));
    const key = Buffer.from(BOB.publicKey, 'base64').toString('hex');
    for (const name of ['office', 'office:0', '192.0.2.1:1', '[::1]:1', 'off ice:1', '\u00fc:1']) {
      const lines = `fwmark=7\npublic_key=${key}\npersistent_keepalive_interval=9\n`;
      expect(await ask(`set=1\n${lines}litz_endpoint_name=${name}\n\n`)).toBe('errno=-22\n\n');
      expect(configurationOf(await ask(all))).toEqual(before);
    }
  }, 60_000);
});

/** Starts both daemons and configures them, except for the peer of the left one. */
async function start(flags: readonly string[]): Promise<LitzProcess> {
  const { left, right } = hosts;
  const names = nameAddress('office.example');
  const resolver = left.write('resolv.conf', ['nameserver 127.0.0.1', 'options attempts:1']);
  const daemon = left.litz(['-f', ...flags, LEFT], {
    longestMs: LONGEST_MS,
    wrapper: inMounts(
      `mount --bind ${names} /etc/hosts && mount --bind ${resolver} /etc/resolv.conf`,
    ),
  });
  right.litz(['-f', RIGHT], { longestMs: LONGEST_MS });
  for (const name of [LEFT, RIGHT]) await until(() => isServed(name));
  await client(RIGHT).set({
    privateKey: BOB.privateKey,
    listenPort: 51820,
    peers: [{ publicKey: ALICE.publicKey, allowedIps: ['10.1.0.1/32'] }],
  });
  await client(LEFT).set({ privateKey: ALICE.privateKey });
  for (const [host, name, address] of [
    [left, LEFT, '10.1.0.1/24'],
    [right, RIGHT, '10.1.0.2/24'],
  ] as const) {
    await host.run('ip', ['address', 'add', address, 'dev', name]);
    await host.run('ip', ['link', 'set', name, 'up']);
  }
  return daemon;
}

/** Writes the hosts file of the left daemon: `name` is the right host. @returns the path */
function nameAddress(name: string): string {
  return hosts.left.write('hosts', [`10.9.0.2 ${name}`]);
}

/** Returns a change of the left daemon's peer. */
function bob(fields: Omit<PeerChange, 'publicKey'>): { peers: PeerChange[] } {
  return { peers: [{ publicKey: BOB.publicKey, allowedIps: ['10.1.0.2/32'], ...fields }] };
}

/** Resolves when the peer is reached at its right address. */
async function isFound(): Promise<void> {
  // The daemon looks the name up after two initiations without an answer, which take ten seconds.
  await vi.waitUntil(async () => (await hosts.left.ping('10.1.0.2')) === 3, { timeout: 40_000 });
  expect(await endpoint()).toBe(RIGHT_ENDPOINT);
}

async function upgrade(daemon: LitzProcess): Promise<void> {
  await hosts.left.run(process.execPath, [LITZ, 'upgrade', LEFT]);
  await until(() => daemonsOf(LEFT).length === 1 && daemonsOf(LEFT)[0] !== daemon.pid);
}

async function endpoint(): Promise<string> {
  return String((await client(LEFT).get()).peers[0]?.endpoint);
}

/** Returns the name that `litz show --json` prints. */
async function shownName(): Promise<string | undefined> {
  const text = await hosts.left.run(process.execPath, [LITZ, 'show', '--json', LEFT]);
  return (JSON.parse(text) as { peers: { endpointName?: string }[] }).peers[0]?.endpointName;
}

/** Sends a request as it is, and returns the answer. */
async function ask(request: string): Promise<string> {
  const socket = createConnection(`/var/run/wireguard/${LEFT}.sock`);
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
  socket.end(request, 'latin1');
  await once(socket, 'close');
  return answer;
}

/** Returns the lines that do not change by themselves. */
function configurationOf(answer: string): string[] {
  return answer.split('\n').filter((line) => !/^(last_handshake|tx_bytes|rx_bytes)/.test(line));
}

async function isServed(name: string): Promise<boolean> {
  return client(name)
    .get()
    .then(
      () => true,
      () => false,
    );
}

function client(name: string): UapiClient {
  return new UapiClient(`/var/run/wireguard/${name}.sock`);
}
