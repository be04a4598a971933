import { parseCidr, parseEndpoint, UAPI_ERRNO } from '@litz/config';
import { UapiClient } from '@litz/config/uapi';
import { parsePublicKey, type Endpoint } from '@litz/core';
import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeSockets, TwoHosts, uniqueName, type Host } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { realInterfaces, type LitzProcess } from '../litz-process.ts';

const LEFT = uniqueName('a');
const RIGHT = uniqueName('b');
const ALICE = keyPair();
const BOB = keyPair();
let hosts: TwoHosts;
let left: Host;

describeWith(realInterfaces, 'the endpoint of a peer', () => {
  beforeEach(async () => {
    hosts = new TwoHosts();
    left = hosts.left;
    // The link-local address of `wan` is not its first address, and `wan` is not the only link.
    for (const host of [hosts.left, hosts.right]) addAddress(host, 'wan', addressOf(host));
    left.netlink.createVeth('other', 'idle');
    const right = hosts.right.litz(['up', hosts.right.write(`${RIGHT}.conf`, RIGHT_FILE)]);
    await right.says(/: up,/);
  });
  afterEach(async () => {
    await hosts.close();
    removeSockets();
  });

  it.each(['[fe80::2%wan]:51820', 'fe80::2%wan:51820', '[::ffff:10.9.0.2]:51820'])(
    'can be %s in a tunnel file',
    async (endpoint) => {
      const file = left.write(`${LEFT}.conf`, [
        '[Interface]',
        `PrivateKey = ${ALICE.privateKey}`,
        'Address = 10.1.0.1/24',
        '[Peer]',
        `PublicKey = ${BOB.publicKey}`,
        'AllowedIPs = 10.1.0.2/32',
        `Endpoint = ${endpoint}`,
      ]);
      await left.litz(['up', file]).says(/: up,/);
      expect(await left.ping('10.1.0.2')).toBe(3);
    },
  );

  it.each([
    ['[fe80::2%wan]:51820', '[fe80::2%wan]:51820'],
    ['[::ffff:10.9.0.2]:51820', '10.9.0.2:51820'],
  ])('can be %s in wg set, and wg show prints %s', async (endpoint, shown) => {
    await startDaemon();
    await setEndpoint(endpoint);
    const { index } = left.netlink.linkByName(LEFT)!;
    left.netlink.addAddress(index, parseCidr('10.1.0.1/24'));
    left.netlink.setLink(index, { up: true });
    expect(await left.ping('10.1.0.2')).toBe(3);
    expect(await left.run('wg', ['show', LEFT, 'endpoints'])).toBe(`${BOB.publicKey}\t${shown}\n`);
  });

  it('may name a link that is down, but not a link that does not exist', async () => {
    await startDaemon();
    await setEndpoint('[fe80::7%other]:51820');
    const shown = await left.run('wg', ['show', LEFT, 'endpoints']);
    expect(shown).toContain('[fe80::7%other]:51820');
    // wg would not send this request, but another program may.
    const endpoint = parseEndpoint('[fe80::7%gone]:51820') as Endpoint;
    const peers = [{ publicKey: parsePublicKey(BOB.publicKey), endpoint }];
    const refused = expect.objectContaining({ errno: UAPI_ERRNO.EINVAL }) as unknown;
    await expect(UapiClient.of(LEFT).set({ peers })).rejects.toEqual(refused);
    expect(await left.run('wg', ['show', LEFT, 'endpoints'])).toBe(shown);
  });
});

async function startDaemon(): Promise<LitzProcess> {
  const daemon = left.litz(['-f', LEFT]);
  const looks = async (): Promise<boolean> =>
    left.run('wg', ['show', LEFT]).then(
      () => true,
      () => false,
    );
  while (!(await looks())) await new Promise((resolve) => setTimeout(resolve, 50));
  const key = left.write('key', [ALICE.privateKey]);
  await left.run('wg', ['set', LEFT, 'private-key', key]);
  return daemon;
}

async function setEndpoint(endpoint: string): Promise<void> {
  const peer = ['peer', BOB.publicKey, 'allowed-ips', '10.1.0.2/32', 'endpoint', endpoint];
  await left.run('wg', ['set', LEFT, ...peer]);
}

function addAddress(host: Host, link: string, text: string): void {
  const { index } = host.netlink.linkByName(link)!;
  host.netlink.addAddress(index, parseCidr(text), { noDad: true });
}

function addressOf(host: Host): string {
  return host === hosts.left ? 'fe80::1/64' : 'fe80::2/64';
}

const RIGHT_FILE = [
  '[Interface]',
  `PrivateKey = ${BOB.privateKey}`,
  'ListenPort = 51820',
  'Address = 10.1.0.2/24',
  '[Peer]',
  `PublicKey = ${ALICE.publicKey}`,
  'AllowedIPs = 10.1.0.1/32',
];
