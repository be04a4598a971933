import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeSysctl } from '@litz/sys';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Host, removeSockets, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import {
  inMounts,
  realInterfaces,
  type LitzProcess,
  type ProcessOptions,
} from '../litz-process.ts';

const NAME = uniqueName('f');
const OTHER = uniqueName('o');
const SOCKET = `/var/run/wireguard/${NAME}.sock`;
const ALICE = keyPair();
const BOB = keyPair();

let host: Host;
let before: unknown;

describeWith([...realInterfaces, programRequirement('unshare')], 'litz up with a problem', () => {
  beforeEach(() => {
    host = new Host();
    host.netlink.createVeth('wan', 'wan-far');
    host.netlink.setLink(host.netlink.linkByName('wan')!.index, { up: true });
    before = host.state();
  });
  afterEach(async () => {
    await host.close();
    removeSockets();
  });

  it('names file, line and field of all mistakes before it changes anything', async () => {
    const { text, code } = await failed([
      '[Interface]',
      'PrivateKey = not-a-key',
      'Adress = 10.1.0.1/24',
      'MTU = 70000',
      '[Peer]',
      `PublicKey = ${BOB.publicKey}`,
      'AllowedIPs = 10.0.0.0/33',
      'Endpoint = nowhere',
    ]);
    expect(code).toBe(1);
    expect(text.replaceAll(`${host.folder}/`, '').trim().split('\n')).toEqual([
      `litz: ${NAME}.conf:2: PrivateKey: expected a key of 32 bytes in base64 (44 characters)`,
      `${NAME}.conf:3: Adress: is not a field of [Interface]`,
      `${NAME}.conf:4: MTU: expected 68 to 65535, got "70000"`,
      `${NAME}.conf:7: AllowedIPs: expected an address with prefix length, got "10.0.0.0/33"`,
      `${NAME}.conf:8: Endpoint: expected ADDRESS:PORT, [IPV6]:PORT or HOST:PORT, got "nowhere"`,
    ]);
  });

  it('refuses a DNS server that is no address, before it runs a hook', async () => {
    const lines = [...INTERFACE, 'PreUp = echo hook', 'DNS = 192.0.2.53, 192.0.2.300'];
    const { text } = await failed(lines);
    expect(text).toMatch(/^litz: .*:5: DNS: expected the address of .*, got "192\.0\.2\.300"\n$/);
  });

  it('reports a duplicate address, and removes the interface', async () => {
    const lines = [...INTERFACE, 'Address = 10.1.0.1/24', 'Address = 10.1.0.1/24'];
    const { text } = await failed(lines);
    expect(text).toMatch(/\.conf:5: Address: cannot add address 10\.1\.0\.1\/24: .*EEXIST/);
  });

  it('reports a route that already exists, and undoes the earlier steps', async () => {
    await host.run('ip', ['route', 'add', '10.44.0.0/16', 'dev', 'wan']);
    before = host.state();
    const lines = [...INTERFACE, ...PEER, 'AllowedIPs = 10.45.0.0/16, 10.44.0.0/16, 0.0.0.0/0'];
    const { text } = await failed(lines);
    expect(text).toMatch(/\.conf:6: AllowedIPs: cannot add route 10\.44\.0\.0\/16 .*EEXIST/);
  });

  it('reports a port that is in use', async () => {
    await startOther(['ListenPort = 51820']);
    before = host.state();
    const { text } = await failed([...INTERFACE, 'ListenPort = 51820']);
    expect(text).toMatch(/\.conf:4: ListenPort: cannot set .* up, MTU 1420: .*EADDRINUSE/);
  });

  it('does not touch an interface of the same name', async () => {
    host.netlink.createVeth(NAME, 'far');
    before = host.state();
    const { text } = await failed([...INTERFACE, 'Address = 10.1.0.1/24']);
    expect(text).toMatch(/cannot create interface .*: .*EEXIST/);
  });

  it('does not touch a tunnel of the same name, or its socket', async () => {
    await startOther([], NAME);
    before = host.state();
    const { code, text } = await run(INTERFACE);
    expect([code, text]).toEqual([1, expect.stringContaining('EEXIST')]);
    expect(host.state()).toEqual(before);
    expect(await host.run('wg', ['show', NAME, 'listen-port'])).toMatch(/^\d+\n$/);
  });

  it('removes its routes if it cannot make a strict reverse path filter loose, and says how to change the filter', async () => {
    host.netlink.addAddress(host.netlink.linkByName('wan')!.index, {
      address: Uint8Array.of(192, 0, 2, 1),
      prefixLength: 24,
    });
    host.namespace.run(() => writeSysctl('net.ipv4.conf.wan.rp_filter', 1));
    before = host.state();
    const { text } = await failed(WHOLE, READ_ONLY_SYSCTLS);
    expect(text).toMatch(/cannot set net\/ipv4\/conf\/wan\/rp_filter = 2: .*EROFS/);
    // Docker sets parameters before the interface exists. So it can only set the parameter for all
    // interfaces, as the advice says.
    expect(text).toContain('--sysctl net.ipv4.conf.all.rp_filter=2');
    host.namespace.run(() => writeSysctl('net.ipv4.conf.all.rp_filter', 2));
    await comesUp(READ_ONLY_SYSCTLS);
  });

  it('continues if it cannot set a kernel parameter that it does not need, and reports this', async () => {
    const text = await comesUp(READ_ONLY_SYSCTLS);
    expect(text).toMatch(/continue without net\.ipv4\.conf\.all\.src_valid_mark, .*EROFS/);
  });

  it('names the missing capability', async () => {
    const wrapper = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
    const { text } = await failed(INTERFACE, { wrapper });
    expect(text).toMatch(/cannot create interface .*CAP_NET_ADMIN.*EPERM/s);
  });

  it('names the line of a host name that cannot be resolved', async () => {
    const { text } = await failed([...INTERFACE, ...PEER, 'Endpoint = office.example:1'], {
      env: { WG_ENDPOINT_RESOLUTION_RETRIES: '0' },
      wrapper: OWN_RESOLVER,
    });
    expect(text).toMatch(
      /\.conf:6: Endpoint: cannot resolve the endpoint "office\.example:1": .*EAI_AGAIN/,
    );
  });

  it('refuses WG_ENDPOINT_RESOLUTION_RETRIES if it is not a number', async () => {
    const { text } = await failed(INTERFACE, {
      env: { WG_ENDPOINT_RESOLUTION_RETRIES: 'often' },
    });
    expect(text).toBe(
      'litz: WG_ENDPOINT_RESOLUTION_RETRIES: "often" expected a number or "infinity"\n',
    );
  });

  it('ends on a signal while it waits for the next try of the resolver', async () => {
    const file = host.write(`${NAME}.conf`, [...INTERFACE, ...PEER, 'Endpoint = office.example:1']);
    const tunnel = host.litz(['up', file], { wrapper: OWN_RESOLVER });
    await tunnel.says(/office\.example: temporary failure.*retrying in 1\.0 s/);
    expect(await tunnel.end('SIGTERM')).toBe('SIGTERM');
    expect(host.state()).toEqual(before);
  });

  it('ends on a signal at once while the resolver does not answer', async () => {
    const code = `require('node:dgram').createSocket('udp4')
      .on('message', () => console.log('asked')).bind(53, () => console.log('open'));`;
    const resolver = host.namespace.run(() =>
      spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] }),
    );
    try {
      await once(resolver.stdout, 'data');
      const file = host.write(`${NAME}.conf`, [...INTERFACE, ...PEER, 'Endpoint = a.example:1']);
      const tunnel = host.litz(['up', file], { wrapper: OWN_RESOLVER });
      await once(resolver.stdout, 'data');
      const asked = performance.now();
      expect(await tunnel.end('SIGTERM')).toBe('SIGTERM');
      // If the signal did not end the process, the look-up would take 10 s.
      expect(performance.now() - asked).toBeLessThan(4000);
    } finally {
      resolver.kill('SIGKILL');
    }
  });

  it('reports that there is no such file', async () => {
    const tunnel = host.litz(['up', `${host.folder}/none.conf`]);
    expect(await tunnel.end()).toBe(1);
    expect(tunnel.text).toMatch(/cannot read .*none\.conf: there is no such file \(ENOENT\)/);
  });
});

/** Tries to bring a tunnel up. Expects exit code 1, and that nothing has changed. */
async function failed(lines: readonly string[], options: ProcessOptions = {}): Promise<Result> {
  const result = await run(lines, options);
  expect(result.code).toBe(1);
  expect(host.state()).toEqual(before);
  expect(existsSync(SOCKET)).toBe(false);
  return result;
}

interface Result {
  readonly code: unknown;
  readonly text: string;
}

async function run(lines: readonly string[], options: ProcessOptions = {}): Promise<Result> {
  const tunnel = host.litz(['up', host.write(`${NAME}.conf`, lines)], options);
  const code = await tunnel.end();
  return { code, text: tunnel.text.replace(new RegExp(`^${NAME}: .*\n`, 'gm'), '') };
}

/** Brings a tunnel up, and ends it. @returns its output */
async function comesUp(options: ProcessOptions): Promise<string> {
  const tunnel = host.litz(['up', host.write(`${NAME}.conf`, WHOLE)], options);
  await tunnel.says(/: up,/);
  expect(await tunnel.end('SIGTERM')).toBe(0);
  return tunnel.text;
}

async function startOther(lines: readonly string[], name = OTHER): Promise<LitzProcess> {
  const file = host.write(`${name}.conf`, ['[Interface]', ...lines]);
  const tunnel = host.litz(['up', file]);
  await tunnel.says(/: up,/);
  return tunnel;
}

/**
 * Makes a program use a DNS server at 127.0.0.1 of its namespace. Only a test can start a server
 * there, so the program asks no server outside the test.
 */
const OWN_RESOLVER = inMounts(
  'echo nameserver 127.0.0.1 > /tmp/litz-resolv.$$ && ' +
    'mount --bind /tmp/litz-resolv.$$ /etc/resolv.conf && rm /tmp/litz-resolv.$$',
);
const INTERFACE = ['[Interface]', `PrivateKey = ${ALICE.privateKey}`, ''];
const PEER = ['[Peer]', `PublicKey = ${BOB.publicKey}`];
/** A complete file whose endpoint is on the network of `wan`. */
const WHOLE = [...INTERFACE, ...PEER, 'Endpoint = 192.0.2.2:1', 'AllowedIPs = 0.0.0.0/0'];

/** Makes /proc/sys read-only, as in a container. */
const READ_ONLY_SYSCTLS: ProcessOptions = {
  wrapper: inMounts('mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys'),
};
