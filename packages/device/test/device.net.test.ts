import { execFileSync, spawnSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { Netlink, NetworkNamespace, SystemError } from '@litz/sys';
import { ping } from '@litz/sys/tools';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Device } from '../src/index.ts';
import { ECHO_CLIENT, ECHO_SERVER } from './echo-programs.ts';
import { ALICE, BOB, CAROL } from './in-memory.ts';
import {
  openDescriptors,
  peerOf,
  realInterfaces,
  runInside,
  TwoHosts,
  type Host,
  type Peer,
} from './two-hosts.ts';

let hosts: TwoHosts;

/**
 * Makes left send to right's second address, which has a routing table of its own. The link "alt"
 * leads nowhere.
 */
async function heardOnTheSecondAddress(): Promise<{
  left: Device;
  right: Device;
  ip: (line: string) => void;
}> {
  const { left, right } = hosts;
  const ip = (line: string): void => {
    right.namespace.run(() => execFileSync('ip', line.split(' ')));
  };
  right.netlink.createVeth('alt', 'nowhere');
  for (const name of ['lo', 'alt', 'nowhere']) {
    right.netlink.setLink(right.index(name), { up: true });
  }
  ip('route add 10.9.0.0/24 dev wan table 2');
  ip('rule add from 10.9.0.3 table 2');
  const devices = await hosts.devices({ peers: [toTheSecond()] });
  expect(await left.ping(right.inner)).toBe(1);
  return { ...devices, ip };
}

function toTheSecond(): Peer {
  return peerOf(hosts.right, '10.9.0.3:51820');
}

/** Adds a route to one address. */
function route(host: Host, destination: Uint8Array, name: string): void {
  const interfaceIndex = host.index(name);
  host.netlink.addRoute({ destination, prefixLength: 32, interfaceIndex });
}

/** Makes new hosts for each test of a suite. */
function withHosts(): void {
  beforeEach(() => {
    hosts = new TwoHosts();
  });
  afterEach(() => hosts.close());
}

describeWith(realInterfaces, 'Device with real interfaces', () => {
  withHosts();

  it('carries IPv4 and IPv6 between two namespaces', async () => {
    const { left, right } = hosts;
    const devices = await hosts.devices();
    await devices.left.connected(BOB.publicKey, { timeout: 5000 });
    expect(await left.ping(right.inner, 5)).toBe(5);
    expect(await right.ping(left.inner6, 5)).toBe(5);
    expect(await devices.left.stats()).toMatchObject({ completedHandshakes: 1 });
  });

  it('carries the first packet, which starts the handshake', async () => {
    await hosts.devices();
    expect(await hosts.left.ping(hosts.right.inner)).toBe(1);
  });

  it('carries packets in datagrams over IPv6', async () => {
    await hosts.devices({ peers: [peerOf(hosts.right, '[fd09::2]:51820')] });
    expect(await hosts.left.ping(hosts.right.inner, 3)).toBe(3);
  });

  it('keeps events in order until the caller can listen', async () => {
    const { left, right } = hosts;
    const bob = await right.device({ peers: [peerOf(left)] });
    const atBob = once(bob, 'session');
    const { person } = left;
    const peer = { ...peerOf(right, `${right.outer}:51820`), persistentKeepalive: 25 };
    const alice = await left.namespace.run(() =>
      Device.create({ tun: 'wg0', privateKey: person.privateKey, peers: [peer] }),
    );
    try {
      // The handshake is over. This test has waited for something else before it listens.
      await atBob;
      const told: string[] = [];
      for (const name of ['session', 'up', 'handshake'] as const) {
        alice.on(name, () => told.push(name));
      }
      await vi.waitFor(() => expect(told).toEqual(['up', 'handshake', 'session']));
    } finally {
      await alice.close();
    }
  });

  it('reads very many peers in parts, with packets in between', async () => {
    const { left, right } = await hosts.devices();
    await left.connected(BOB.publicKey, { timeout: 5000 });
    const peers = Array.from({ length: 20_000 }, (_, i) => ({
      publicKey: Uint8Array.from({ length: 32 }, (_b, at) => (at < 2 ? i >> (8 * at) : 9)) as never,
      allowedIps: [`10.7.${i >> 8}.${i & 255}`],
    }));
    await left.configure({ peers });
    let parts = 0;
    let seen = 0;
    const pinged = hosts.left.ping(hosts.right.inner, 3).then((answers) => {
      expect(answers).toBe(3);
      return parts;
    });
    for await (const part of left.statusParts()) {
      parts++;
      seen += part.peers.length;
    }
    expect(seen).toBe(20_001);
    expect(await pinged).toBeLessThan(parts);
    expect((await left.status()).peers).toHaveLength(20_001);
    expect((await right.status()).peers).toHaveLength(1);
  });

  it('carries a megabyte of TCP each way, unchanged', async () => {
    await hosts.devices();
    const { left, right } = hosts;
    const server = runInside(right, ECHO_SERVER, { host: '10.1.0.2', port: 7000 });
    const length = 1 << 20;
    expect(await runInside(left, ECHO_CLIENT, { host: '10.1.0.2', port: 7000, length })).toBe(
      'the same bytes came back',
    );
    await server;
  });

  it('reaches a peer through the tunnel of another peer of the same interface', async () => {
    const devices = await hosts.devices();
    const { left, right } = hosts;
    await left.ping(right.inner);
    // This device is on the right host too. Its endpoint is that host's address in the tunnel.
    const inner = await right.device({
      tun: 'wg1',
      addresses: ['10.2.0.2/24'],
      privateKey: CAROL.privateKey,
      listenPort: 5,
      peers: [{ publicKey: ALICE.publicKey, allowedIps: ['10.2.0.1/32'] }],
    });
    await devices.left.configure({
      peers: [{ publicKey: CAROL.publicKey, endpoint: '10.1.0.2:5', allowedIps: ['10.2.0.2/32'] }],
    });
    const address = { address: Uint8Array.of(10, 2, 0, 1), prefixLength: 24 };
    left.netlink.addAddress(left.index('wg0'), address);
    const innermost = Uint8Array.of(10, 2, 0, 2);
    expect(await left.ping(innermost, 3)).toBe(3);
    // These travel as fragments, because a packet inside two tunnels is longer than the MTU.
    expect(await left.ping(innermost, 3, { size: 1380 })).toBe(3);
    expect((await devices.left.stats()).drops).not.toHaveProperty('routing-loop');
    await inner.close();
  });

  it('drops datagrams that would loop through its own tunnel, and works again with a correct route', async () => {
    const devices = await hosts.devices();
    const { left, right } = hosts;
    expect(await left.ping(right.inner)).toBe(1);
    const route = { destination: Uint8Array.of(10, 9, 0, 2), prefixLength: 32 };
    const through = { ...route, interfaceIndex: left.index('wg0') };
    left.netlink.addRoute(through);
    // Setting the endpoint forgets the sticky source, which would keep the datagrams out of the
    // tunnel.
    const endpoint = `${right.outer}:51820`;
    await devices.left.configure({
      peers: [{ publicKey: BOB.publicKey, endpoint, allowedIps: ['0.0.0.0/0'] }],
    });
    await left.ping(right.inner, 5, { size: 1300, timeoutMs: 300 });
    const { tun, drops } = await devices.left.stats();
    expect(drops['routing-loop']).toBeGreaterThan(0);
    // Each ping was read, came back once or as two fragments, and was then dropped.
    expect(tun.readPackets).toBeLessThan(60);
    left.netlink.deleteRoute(through);
    expect(await left.ping(right.inner)).toBe(1);
  });

  it('loses no packet of another peer while datagrams to one peer would loop', async () => {
    const devices = await hosts.devices();
    const { left, right } = hosts;
    expect(await left.ping(right.inner)).toBe(1);
    const other = await right.device({
      tun: 'wg1',
      addresses: ['10.2.0.2/24'],
      privateKey: CAROL.privateKey,
      listenPort: 5,
      peers: [{ publicKey: ALICE.publicKey, allowedIps: ['10.1.0.1/32'] }],
    });
    const others = Uint8Array.of(10, 2, 0, 2);
    route(left, others, 'wg0');
    route(right, left.inner, 'wg1');
    const endpoint = `${right.outer}:51820`;
    await devices.left.configure({
      peers: [
        { publicKey: BOB.publicKey, endpoint, allowedIps: ['0.0.0.0/0'] },
        { publicKey: CAROL.publicKey, endpoint: '10.9.0.3:5', allowedIps: ['10.2.0.2/32'] },
      ],
    });
    expect(await left.ping(others)).toBe(1);
    route(left, Uint8Array.of(10, 9, 0, 2), 'wg0');
    const looping = left.ping(right.inner, 400, { size: 1300, intervalMs: 2, timeoutMs: 300 });
    expect(await left.ping(others, 30)).toBe(30);
    await looping;
    expect((await devices.left.stats()).drops['routing-loop']).toBeGreaterThan(300);
    await other.close();
  });

  it('carries packets that are larger than the MTU of the outer link', async () => {
    await hosts.devices({ mtu: 34_736 }, { mtu: 34_736 });
    const { left, right } = hosts;
    expect(await left.ping(right.inner, 3, { size: 34_736 - 28 })).toBe(3);
  });

  it('carries packets of 64 KiB', async () => {
    await hosts.devices({ mtu: 65_475 }, { mtu: 65_475 });
    const { left, right } = hosts;
    expect(await left.ping(right.inner, 2, { size: 65_475 - 28 })).toBe(2);
  });

  describe('link', () => {
    it('closes the sockets when it goes down and opens them when it comes up', async () => {
      const devices = await hosts.devices();
      const { left, right } = hosts;
      await left.ping(right.inner);
      const down = once(devices.left, 'down');
      const expired = once(devices.left, 'session');
      left.netlink.setLink(left.index('wg0'), { up: false });
      await down;
      expect((await expired)[0]).toMatchObject({ state: 'expired' });
      // The port is free.
      const other = await left.device({ tun: 'other', addresses: [] });
      await other.close();
      const up = once(devices.left, 'up');
      left.netlink.setLink(left.index('wg0'), { up: true });
      expect(await up).toEqual([{ listenPort: 51820 }]);
      expect(await left.ping(right.inner)).toBe(1);
    });

    it('reports that the port is taken when the link comes up', async () => {
      const { left } = hosts;
      const first = await left.device({ up: false });
      const other = await left.device({ tun: 'other', addresses: [] });
      const failed = once(first, 'error');
      left.netlink.setLink(left.index('wg0'), { up: true });
      expect((await failed)[0]).toMatchObject({ errno: 'EADDRINUSE', syscall: 'bind' });
      await other.close();
      await first.configure({ listenPort: 0 });
      left.netlink.setLink(left.index('wg0'), { up: false });
      const up = once(first, 'up');
      left.netlink.setLink(left.index('wg0'), { up: true });
      await up;
    });

    it('opens the sockets when the taken port is free again, and reports only once that it was taken', async () => {
      const { left } = hosts;
      const first = await left.device({ up: false });
      const errors: unknown[] = [];
      first.on('error', (error) => errors.push(error));
      const other = await left.device({ tun: 'other', addresses: [] });
      const failed = once(first, 'error');
      left.netlink.setLink(left.index('wg0'), { up: true });
      await failed;
      const up = once(first, 'up');
      await other.close();
      expect(await up).toEqual([{ listenPort: 51820 }]);
      // The error is reported once, however often opening was tried.
      expect(errors).toHaveLength(1);
    });

    it('ends the device when the link is deleted', async () => {
      const { left } = hosts;
      const before = openDescriptors();
      const device = await left.device();
      const closed = once(device, 'close');
      left.netlink.deleteLink(left.index('wg0'));
      await closed;
      expect(openDescriptors()).toBe(before);
      await expect(device.stats()).rejects.toMatchObject({ code: 'ERR_LITZ_CLOSED' });
      await left.device();
    });

    it('lets the kernel make super-packets with any number of segments', async () => {
      const { left } = await hosts.devices();
      const show = ['-j', '-d', 'link', 'show', 'dev', left.name];
      const text = hosts.left.namespace.run(() => execFileSync('ip', show, { encoding: 'utf8' }));
      // With lower limits, the kernel would split larger super-packets before Litz reads them.
      expect(JSON.parse(text)).toMatchObject([{ gso_max_segs: 65_535, gso_max_size: 65_536 }]);
    });

    it('reports a change of its MTU to the device', async () => {
      const { left } = hosts;
      const device = await left.device();
      const changed = once(device, 'mtu');
      left.netlink.setLink(left.index('wg0'), { mtu: 1300 });
      expect(await changed).toEqual([{ mtu: 1300 }]);
      expect(await device.status()).toMatchObject({ mtu: 1300 });
    });

    it('may move to another namespace: the sockets stay, and the device follows the link', async () => {
      const devices = await hosts.devices();
      const { left, right } = hosts;
      const elsewhere = NetworkNamespace.create();
      const netlink = elsewhere.run(() => new Netlink());
      try {
        expect(await left.ping(right.inner)).toBe(1);
        const down = once(devices.left, 'down');
        left.netlink.setLink(left.index('wg0'), { netns: elsewhere.fd });
        await down;
        const { index } = netlink.linkByName('wg0')!;
        netlink.addAddress(index, { address: left.inner, prefixLength: 24 });
        const up = once(devices.left, 'up');
        netlink.setLink(index, { up: true });
        await up;
        expect(await elsewhere.run(() => ping(right.inner, { count: 1 }))).toMatchObject({
          received: 1,
        });
        const mtu = once(devices.left, 'mtu');
        netlink.setLink(index, { mtu: 1280 });
        expect(await mtu).toEqual([{ mtu: 1280 }]);
        const closed = once(devices.left, 'close');
        netlink.deleteLink(index);
        await closed;
      } finally {
        netlink.close();
        elsewhere.close();
      }
    });

    it('keeps a sticky source when other routes change, if the route from it is in a separate table', async () => {
      const { right, ip } = await heardOnTheSecondAddress();
      ip('route add 10.9.0.1/32 dev alt');
      for (let i = 0; i < 5; i++) {
        ip(`route add 203.0.113.${i}/32 dev lo`);
        expect(await hosts.right.ping(hosts.left.inner)).toBe(1);
        // Changes within one second are handled together, so the five changes take more than a
        // second.
        await setTimeout(300);
      }
      expect(await right.stats()).toMatchObject({ udp: { sentWithoutSource: 0 } });
    });

    it('forgets a sticky source when the route from it changes', async () => {
      const { left, right, ip } = await heardOnTheSecondAddress();
      ip('route replace 10.9.0.0/24 dev alt table 2');
      await vi.waitUntil(
        async () => {
          await hosts.right.ping(hosts.left.inner, 1, { timeoutMs: 100 });
          const { udp } = await right.stats();
          return udp['sentWithoutSource'] > 0;
        },
        { timeout: 5000 },
      );
      ip('route replace 10.9.0.0/24 dev wan table 2');
      // A message arrives at the second address again, so that address is the source again.
      await left.configure({ peers: [toTheSecond()] });
      expect(await hosts.left.ping(hosts.right.inner)).toBe(1);
      const { sentWithoutSource } = (await right.stats()).udp;
      expect(await hosts.right.ping(hosts.left.inner, 3)).toBe(3);
      expect((await right.stats()).udp).toMatchObject({ sentWithoutSource });
    });

    it('ends the device when the namespace that it was moved to is deleted', async () => {
      const { left } = hosts;
      const before = openDescriptors();
      const device = await left.device();
      const elsewhere = NetworkNamespace.create();
      const down = once(device, 'down');
      left.netlink.createVeth('near', 'far', { peerNetns: elsewhere.fd });
      left.netlink.setLink(left.index('wg0'), { netns: elsewhere.fd });
      await down;
      const closed = once(device, 'close');
      elsewhere.close();
      await closed;
      expect(openDescriptors()).toBe(before);
      await vi.waitUntil(() => left.netlink.linkByName('near') === undefined);
    });
  });

  describe('configure', () => {
    it('moves to another port, and the peer follows', async () => {
      const devices = await hosts.devices();
      const { left, right } = hosts;
      await left.ping(right.inner);
      await devices.left.configure({ listenPort: 12_345 });
      const roamed = once(devices.right, 'roam');
      expect(await left.ping(right.inner)).toBe(1);
      expect((await roamed)[0]).toMatchObject({ endpoint: { port: 12_345 } });
    });

    it('keeps the old port when the new one is taken', async () => {
      const devices = await hosts.devices();
      const { left, right } = hosts;
      await left.ping(right.inner);
      await left.device({ tun: 'other', listenPort: 4000, addresses: [] });
      const before = openDescriptors();
      const refused = devices.left.configure({ listenPort: 4000, replacePeers: true });
      await expect(refused).rejects.toMatchObject({ errno: 'EADDRINUSE', code: 'ERR_LITZ_SYSTEM' });
      expect(await devices.left.status()).toMatchObject({ listenPort: 51820, peers: [{}] });
      expect(await left.ping(right.inner)).toBe(1);
      expect(openDescriptors()).toBe(before);
    });

    it('sets, changes and clears the mark of datagrams', async () => {
      const devices = await hosts.devices({ fwmark: 7 });
      const { left, right } = hosts;
      const table = 77;
      const priority = 10;
      left.netlink.addRoute({
        destination: new Uint8Array(4),
        prefixLength: 0,
        type: 'blackhole',
        table,
      });
      left.netlink.addRule({ family: 4, priority, mark: 8, table });
      expect(await left.ping(right.inner)).toBe(1);
      await devices.left.configure({ fwmark: 8 });
      expect(await left.ping(right.inner, 1, { timeoutMs: 100 })).toBe(0);
      expect((await devices.left.stats()).drops).toMatchObject({ 'send-failed': 1 });
      await devices.left.configure({ fwmark: 0 });
      expect(await left.ping(right.inner)).toBe(1);
      expect(await devices.left.status()).toMatchObject({ fwmark: 0 });
    });

    it('rejects a change with a wrong endpoint, and a wait for a key that no peer has', async () => {
      const { left } = await hosts.devices();
      const change = { peers: [{ publicKey: BOB.publicKey, endpoint: 'nowhere' }] };
      await expect(left.configure(change)).rejects.toMatchObject({
        code: 'ERR_LITZ_INVALID_ENDPOINT',
      });
      await expect(left.connected(ALICE.publicKey)).rejects.toThrow(RangeError);
    });
  });

  describe('sticky source', () => {
    it('answers from the address that the peer used, until that address is removed', async () => {
      const devices = await hosts.devices({ peers: [peerOf(hosts.right, '10.9.0.3:51820')] });
      const { left, right } = hosts;
      expect(await left.ping(right.inner)).toBe(1);
      const [peer] = await devices.left.peers();
      expect(peer?.endpoint?.address).toEqual(Uint8Array.of(10, 9, 0, 3));
      const roamed = once(devices.left, 'roam');
      const address = Uint8Array.of(10, 9, 0, 3);
      right.netlink.deleteAddress(right.index('wan'), { address, prefixLength: 24 });
      expect(await right.ping(left.inner)).toBe(1);
      expect((await roamed)[0]).toMatchObject({
        endpoint: { address: Uint8Array.of(10, 9, 0, 2) },
      });
    });
  });

  describe('create', () => {
    it('publishes open before up, and a subscriber may use the device', async () => {
      const published: unknown[] = [];
      const subscriber = (message: unknown, channel: string | symbol): void => {
        published.push([channel, (message as { device: Device }).device.name]);
      };
      const channels = ['litz:device:open', 'litz:device:up'];
      for (const channel of channels) subscribe(channel, subscriber);
      try {
        await hosts.left.device();
        await vi.waitFor(() => expect(published).toHaveLength(2));
      } finally {
        for (const channel of channels) unsubscribe(channel, subscriber);
      }
      expect(published).toEqual(channels.map((channel) => [channel, 'wg0']));
    });

    it('rejects with EBUSY when the name is taken', async () => {
      const { left } = hosts;
      await left.device();
      const before = openDescriptors();
      const error = await left.device({ listenPort: 0 }).catch((error: unknown) => error);
      expect(error).toMatchObject({ code: 'ERR_LITZ_SYSTEM', errno: 'EBUSY' });
      expect(openDescriptors()).toBe(before);
    });

    it('releases the interface when the port is taken', async () => {
      const { left } = hosts;
      await left.device();
      const before = openDescriptors();
      const error = await left.device({ tun: 'other' }).catch((error: unknown) => error);
      expect(error).toMatchObject({ errno: 'EADDRINUSE' });
      expect(left.netlink.linkByName('other')).toBeUndefined();
      expect(openDescriptors()).toBe(before);
    });

    it('lets the kernel choose the number in the name of the interface', async () => {
      const { left } = hosts;
      const device = await left.device({ tun: 'wg%d', listenPort: 0 });
      expect(device.name).toBe('wg0');
      expect((await device.status()).listenPort).toBeGreaterThan(0);
    });

    it('leaves the link down if the option up is false', async () => {
      const { left } = hosts;
      const device = await left.device({ up: false });
      expect(await device.status()).toMatchObject({ up: false, listenPort: 51820 });
      expect(left.netlink.linkByName('wg0')).toMatchObject({ up: false, mtu: 1420 });
      const up = once(device, 'up');
      left.netlink.setLink(left.index('wg0'), { up: true });
      await up;
    });

    it('opens its sockets if another program has set the link up before the device checked it', async () => {
      const { left } = hosts;
      left.namespace.run(() => {
        for (const words of ['tuntap add dev wg0 mode tun', 'link set wg0 up']) {
          execFileSync('ip', words.split(' '));
        }
      });
      const device = await left.device({ up: false });
      await once(device, 'up');
      expect(await device.status()).toMatchObject({ up: true, listenPort: 51820 });
    });
  });

  it('sets its link up and down, and rejects with a SystemError if the port is taken', async () => {
    const { left } = hosts;
    const device = await left.device({ up: false });
    const told: string[] = [];
    device.on('up', () => told.push('up')).on('down', () => told.push('down'));
    await device.up();
    expect(left.netlink.linkByName('wg0')).toMatchObject({ up: true });
    expect(await device.status()).toMatchObject({ up: true, listenPort: 51820 });
    await device.up();
    await device.down();
    expect(left.netlink.linkByName('wg0')).toMatchObject({ up: false });
    const other = await left.device({ tun: 'wg1' });
    await expect(device.up()).rejects.toBeInstanceOf(SystemError);
    await expect(device.up()).rejects.toMatchObject({ errno: 'EADDRINUSE', syscall: 'bind' });
    expect(left.netlink.linkByName('wg0')).toMatchObject({ up: false });
    await other.close();
    await device.up();
    expect(told).toEqual(['up', 'down', 'up']);
  });

  it('emits drop events of the packet loop when there is a listener', async () => {
    const devices = await hosts.devices();
    const { left } = hosts;
    const dropped = once(devices.left, 'drop');
    await left.ping(Uint8Array.of(10, 1, 0, 77), 1, { timeoutMs: 10 });
    expect((await dropped)[0]).toMatchObject({ count: expect.any(Number) as number });
  });

  it('leaves nothing open after it is closed many times', async () => {
    const { left } = hosts;
    await (await left.device()).close();
    const before = openDescriptors();
    for (let i = 0; i < 5; i++) await (await left.device()).close();
    expect(openDescriptors()).toBe(before);
    expect(left.netlink.linkByName('wg0')).toBeUndefined();
  });
});

describeWith(
  [...realInterfaces, programRequirement('ping', ['-V'])],
  'Device with the ping program',
  () => {
    withHosts();

    it('carries the requests of the ping program and the answers to them', async () => {
      await hosts.devices();
      expect(await runInside(hosts.left, PING_PROGRAM, { address: '10.1.0.2' })).toBe(0);
    });

    it('carries packets while the main thread is blocked', async () => {
      const { left } = await hosts.devices();
      await left.connected(BOB.publicKey, { timeout: 5000 });
      const { status } = hosts.left.namespace.run(() =>
        spawnSync('ping', ['-c', '3', '-i', '0.2', '-W', '3', '10.1.0.2']),
      );
      expect(status).toBe(0);
    });
  },
);

describeWith(realInterfaces, 'Device and offloads', () => {
  withHosts();

  it('reports once that the kernel refuses to segment datagrams (GSO), and works without GSO', async () => {
    const { left, right } = hosts;
    // The datagrams of the self-test are longer than this MTU, so the kernel refuses to segment
    // them (EINVAL).
    left.netlink.setLink(left.index('lo'), { up: true, mtu: 512 });
    const device = await left.device({ peers: [peerOf(right, `${right.outer}:51820`)] });
    const told: unknown[] = [];
    device.on('offload', (event) => told.push(event));
    await right.device({ peers: [peerOf(left)] });
    expect(await left.ping(right.inner, 3)).toBe(3);
    // The change opens new sockets, and the self-test runs again.
    await device.configure({ listenPort: 51_900 });
    expect(await left.ping(right.inner, 3)).toBe(3);
    expect(told).toEqual([{ name: 'udpGso', reason: expect.any(String) }]);
  });
});

describe('Device whose interface cannot be made', () => {
  it('rejects with an error code of Litz', async () => {
    const created = Device.create({ tun: 'lo', privateKey: ALICE.privateKey });
    await expect(created).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_LITZ_/) as string,
    });
  });

  it('leaves no thread and no descriptor behind', async () => {
    // The first device loads libraries, which stay.
    await createFails();
    const before = threadsAndDescriptors();
    await createFails();
    await vi.waitFor(() => expect(threadsAndDescriptors()).toEqual(before), 5000);
  });
});

async function createFails(): Promise<void> {
  const created = Device.create({ tun: 'lo', privateKey: ALICE.privateKey });
  await expect(created).rejects.toThrow('lo');
}

function threadsAndDescriptors(): number[] {
  return [readdirSync('/proc/self/task').length, openDescriptors()];
}

const PING_PROGRAM = `
  const { spawnSync } = require('node:child_process');
  return spawnSync('ping', ['-c', '3', '-i', '0.2', '-W', '3', workerData.address]).status;`;
