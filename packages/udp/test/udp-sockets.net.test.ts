import { Endpoint } from '@litz/core';
import { allocate, boottimeMs, check, hasNamespacePrivilege, libc } from '@litz/sys';
import { describeWith, requirement } from '@litz/testkit';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openUdp, sourceWorks, type UdpOptions, type UdpSockets } from '../src/index.ts';
import { four, receiveOne, send, six, TwoHosts, warmUp, type Host } from './two-hosts.ts';
import { runOf } from './run-of.ts';

const ENETUNREACH = 101;

const namespaces = requirement('network namespaces', hasNamespacePrivilege);

const families = [
  ['IPv4', four],
  ['IPv6', six],
] as const;

describeWith([namespaces], 'UdpSockets between two hosts', () => {
  let hosts: TwoHosts;
  const opened: UdpSockets[] = [];
  beforeAll(() => {
    hosts = new TwoHosts();
    warmUp(hosts, four(9, 2), four(8, 2), six(9, 2), six(8, 2));
  });
  afterEach(() => {
    for (const sockets of opened.splice(0)) sockets.close();
  });
  afterAll(() => hosts?.close());

  function open(host: Host, options: Partial<UdpOptions> = {}): UdpSockets {
    const sockets = host.namespace.run(() => openUdp({ port: 0, ...options }));
    opened.push(sockets);
    return sockets;
  }

  test.each(families)(
    'answers from the address to which the request came, %s',
    (_name, address) => {
      const [left, right] = [open(hosts.left), open(hosts.right)];
      for (const asked of [3, 2]) {
        send(left, new Endpoint(address(9, asked), right.port));
        const { source } = receiveOne(right);
        expect(source.sourceAddress).toEqual(address(9, asked));
        expect(source.sourceInterface).toBe(hosts.right.index('wan'));
        send(right, source);
        expect(receiveOne(left).source.address).toEqual(address(9, asked));
      }
    },
  );

  test.each(families)(
    'makes the kernel drop a flood of handshake messages, %s',
    (_name, address) => {
      const [left, right] = [open(hosts.left), open(hosts.right, { gro: true })];
      const flooding = new Endpoint(address(9, 2), right.port);
      const honest = new Endpoint(address(8, 2), right.port);
      let now = 1000;
      /** @returns how many of `count` messages pass the filter */
      const passing = (to: Endpoint, count: number, message: Uint8Array): number => {
        for (let i = 0; i < count; i++) left.send(message, 0, message.length, to, 0);
        left.flush();
        let received = 0;
        for (let more = true; more;) more = right.receive(() => received++) > 0;
        now += 10;
        right.updateFloodFilter(now);
        return received;
      };
      expect(passing(flooding, 100, handshake(1, 148))).toBe(100);
      for (let i = 0; i < 100; i++) passing(flooding, 100, handshake(1, 148));
      const dropped = right.counters.receiveDroppedOverflow;
      expect(passing(flooding, 200, handshake(1, 148))).toBeLessThan(150);
      expect(passing(flooding, 200, handshake(2, 92))).toBeLessThan(150);
      expect(passing(flooding, 200, handshake(3, 64))).toBeLessThan(150);
      // The kernel counts the dropped messages with the next message that passes.
      for (const length of [32, 148, 92, 64, 1452]) {
        expect(passing(flooding, 200, handshake(4, length))).toBe(200);
      }
      expect(right.counters.receiveDroppedOverflow).toBeGreaterThan(dropped + 100);
      expect(passing(honest, 3, handshake(1, 148))).toBe(3);
      expect(passing(flooding, 50, handshake(1, 148).fill(1, 132))).toBe(50);
      for (let due = now; due !== Infinity && now < 60_000;) {
        now = due;
        due = right.updateFloodFilter(now);
      }
      expect(now).toBeLessThan(60_000);
      expect(passing(flooding, 200, handshake(1, 148))).toBe(200);
    },
  );

  test.each(families)('stops using a source address that is gone, %s', (_name, address) => {
    const lost: Endpoint[] = [];
    const left = open(hosts.left);
    const right = open(hosts.right, { onSourceLost: (destination) => lost.push(destination) });
    const { netlink } = hosts.right;
    const wan = hosts.right.index('wan');
    const passing = { address: address(9, 4), prefixLength: address === four ? 24 : 64 };
    netlink.addAddress(wan, passing, { noDad: true });
    send(left, new Endpoint(passing.address, right.port));
    const { source } = receiveOne(right);
    expect(source.sourceAddress).toEqual(passing.address);
    netlink.deleteAddress(wan, passing);
    const bytes = Uint8Array.of(1, 2, 3);
    for (let i = 0; i < 3; i++) right.send(bytes, i, 1, source, 0);
    right.flush();
    for (let i = 1; i <= 3; i++) {
      const answer = receiveOne(left);
      expect([...answer.bytes]).toEqual([i]);
      expect(answer.source.address).not.toEqual(passing.address);
    }
    expect(lost).toEqual([source, source, source]);
    expect(right.counters).toMatchObject({
      sentDatagrams: 3,
      sentWithoutSource: 3,
      sendDroppedFailed: 0,
    });
  });

  test.each(families)(
    'finds that a source does not work if its route has moved, %s',
    (_name, address) => {
      const [left, right] = [open(hosts.left), open(hosts.right)];
      const { netlink } = hosts.right;
      send(left, new Endpoint(address(9, 2), right.port));
      const { source } = receiveOne(right);
      expect(sourceWorks(source, netlink, right)).toBe(true);
      const detour = {
        destination: address(9, 1),
        prefixLength: address === four ? 32 : 128,
        gateway: address(8, 1),
        interfaceIndex: hosts.right.index('alt'),
      };
      netlink.addRoute(detour);
      expect(sourceWorks(source, netlink, right)).toBe(false);
      const [wan, alt] = [hosts.left.index('wan'), hosts.left.index('alt')];
      // With its source, an IPv4 datagram still leaves through the old interface. An IPv6 datagram
      // does not, because a more specific route wins over the interface.
      send(right, source);
      expect(receiveOne(left).source.sourceInterface).toBe(address === four ? wan : alt);
      send(right, source.withoutSource());
      expect(receiveOne(left).source.sourceInterface).toBe(alt);
      netlink.deleteRoute(detour);
      expect(sourceWorks(source, netlink, right)).toBe(true);
    },
  );

  test.each(families)(
    'marks its datagrams; the mark can be set, changed and cleared between datagrams, %s',
    (_name, address) => {
      const rule = {
        family: address === four ? (4 as const) : (6 as const),
        table: 51,
        mark: 0x51,
      };
      const { netlink } = hosts.left;
      netlink.addRule(rule);
      netlink.addRoute({
        destination: address(9, 2),
        prefixLength: address === four ? 32 : 128,
        gateway: address(8, 2),
        interfaceIndex: hosts.left.index('alt'),
        table: 51,
      });
      const right = open(hosts.right);
      const destination = new Endpoint(address(9, 2), right.port);
      const arrivesOn = (sockets: UdpSockets): number => {
        send(sockets, destination);
        return receiveOne(right).source.sourceInterface;
      };
      const [wan, alt] = [hosts.right.index('wan'), hosts.right.index('alt')];
      expect(arrivesOn(open(hosts.left, { mark: 0x51 }))).toBe(alt);
      const left = open(hosts.left);
      const seen = [0, 0x51, 0x52, 0x51, 0].map((mark) => {
        left.setMark(mark);
        return arrivesOn(left);
      });
      expect(seen).toEqual([wan, alt, wan, alt, wan]);
      // The mark changes the route, so the look-up for a source must use the mark too.
      send(right, new Endpoint(address(9, 1), left.port));
      const { source } = receiveOne(left);
      netlink.addRoute({
        destination: address(9, 0),
        prefixLength: address === four ? 24 : 64,
        interfaceIndex: hosts.left.index('alt'),
        table: 51,
        metric: 7,
      });
      expect(sourceWorks(source, netlink, { port: left.port, mark: 0 })).toBe(true);
      expect(sourceWorks(source, netlink, { port: left.port, mark: 0x51 })).toBe(false);
      netlink.deleteRule(rule);
    },
  );

  test.each(families)('carries the ECN bits of each datagram, %s', (_name, address) => {
    const [left, right] = [open(hosts.left), open(hosts.right)];
    const destination = new Endpoint(address(9, 2), right.port);
    for (const tos of [0, 1, 2, 3, 0x88, 0x8b])
      left.send(new Uint8Array(1), 0, 1, destination, tos);
    left.flush();
    expect([0, 0, 0, 0, 0, 0].map(() => receiveOne(right).ecn)).toEqual([0, 1, 2, 3, 0, 3]);
  });

  test.each(families)(
    'carries 1000 datagrams in bursts, with and without offload, %s',
    (_n, address) => {
      for (const on of [false, true]) {
        const [left, right] = [open(hosts.left, { gso: on }), open(hosts.right, { gro: on })];
        const destination = new Endpoint(address(9, 2), right.port);
        const memory = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7) ^ (i >> 8));
        const seen: Uint8Array[] = [];
        for (let burst = 0; burst < 10; burst++) {
          for (let i = 0; i < 100; i++) {
            left.send(memory, (burst * 100 + i) * 11, 1400, destination, 2);
          }
          left.flush();
          for (let i = 0; i < 100; i++) seen.push(receiveOne(right).bytes);
        }
        const sent = Array.from({ length: 1000 }, (_, i) => memory.slice(i * 11, i * 11 + 1400));
        expect(seen.every((bytes, i) => Buffer.compare(bytes, sent[i]) === 0)).toBe(true);

        expect(left.counters.sentDatagrams).toBe(1000);
        expect(left.counters.sentMessages <= 40).toBe(on);
        expect(right.counters.receivedMessages < 200).toBe(on);
      }
    },
  );

  test.each(families)(
    'sends datagrams one by one if they are too large to be segmented, %s',
    (_name, address) => {
      const errors: number[] = [];
      const left = open(hosts.left, { gso: true, onSendError: (errno) => errors.push(errno) });
      const right = open(hosts.right);
      const destination = new Endpoint(address(9, 2), right.port);
      const memory = Uint8Array.from({ length: 30_000 }, (_, i) => (i * 7) ^ (i >> 8));
      // The MTU of the link is 1500. The kernel fragments these datagrams, but only if each is sent
      // alone.
      for (let i = 0; i < 10; i++) left.send(memory, i, 2000, destination, 0);
      left.flush();
      for (let i = 0; i < 10; i++) {
        expect(receiveOne(right).bytes).toEqual(memory.slice(i, i + 2000));
      }
      expect(left.counters).toMatchObject({ sentDatagrams: 10, sentOneByOne: 1 });
      expect(errors).toEqual([]);
      expect(left.segmenting).toBe(true);
    },
  );

  test.each(families)(
    'carries runs of datagrams that are not adjacent in memory, %s',
    (_name, address) => {
      for (const on of [false, true]) {
        const [left, right] = [open(hosts.left, { gso: on }), open(hosts.right, { gro: on })];
        const destination = new Endpoint(address(9, 2), right.port);
        const memory = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7) ^ (i >> 8));
        for (const [offset, last] of [
          [48, 1432],
          [1600, 1432],
          [3200, 9],
        ] as const) {
          left.sendRun(runOf(memory, offset, 1432, last, 1536, 50, destination, 2));
          left.flush();
          for (let i = 0; i < 50; i++) {
            const from = offset + i * 1536;
            const { bytes } = receiveOne(right);
            expect(bytes).toEqual(memory.slice(from, from + (i < 49 ? 1432 : last)));
          }
        }
        expect(left.counters.sentDatagrams).toBe(150);
        expect(left.counters.sentMessages <= 9).toBe(on);
      }
    },
  );

  test.each(families)(
    'sends the datagrams of a run one by one if they are too large for a link, %s',
    (_n, address) => {
      const left = open(hosts.left, { gso: true });
      const right = open(hosts.right);
      const destination = new Endpoint(address(9, 2), right.port);
      const memory = Uint8Array.from({ length: 30_000 }, (_, i) => (i * 7) ^ (i >> 8));
      left.sendRun(runOf(memory, 5, 2000, 1700, 2112, 10, destination, 0));
      left.flush();
      for (let i = 0; i < 10; i++) {
        const from = 5 + i * 2112;
        expect(receiveOne(right).bytes).toEqual(memory.slice(from, from + (i < 9 ? 2000 : 1700)));
      }
      expect(left.counters).toMatchObject({ sentDatagrams: 10, sentOneByOne: 1 });
    },
  );

  test('loses only the datagram without a route', () => {
    const errors: [number, Endpoint][] = [];
    const report = (errno: number, to: Endpoint): unknown => errors.push([errno, to]);
    const left = open(hosts.left, { onSendError: (errno, to) => void report(errno, to) });
    const right = open(hosts.right);
    const nowhere = new Endpoint(Uint8Array.of(192, 0, 2, 1), 9);
    const somewhere = new Endpoint(four(9, 2), right.port);
    for (const to of [somewhere, nowhere, somewhere]) left.send(new Uint8Array(3), 0, 3, to, 0);
    left.flush();
    expect([receiveOne(right), receiveOne(right)]).toHaveLength(2);
    expect(errors).toEqual([[ENETUNREACH, nowhere]]);
  });

  test('does not wait in each flush while the send buffer is full', () => {
    const left = open(hosts.left, { bufferBytes: 8192 });
    const right = open(hosts.right);
    // No host has this address. The kernel keeps the datagrams while it looks for the host.
    const silent = new Endpoint(four(9, 77), 9);
    const start = boottimeMs();
    for (let i = 0; i < 50; i++) {
      left.send(new Uint8Array(1400), 0, 1400, silent, 0);
      left.flush();
    }
    expect(boottimeMs() - start).toBeLessThan(300);
    const { sentDatagrams, sendDroppedBufferFull } = left.counters;
    expect(sendDroppedBufferFull).toBeGreaterThan(30);
    expect(sentDatagrams + sendDroppedBufferFull).toBe(50);
    send(right, new Endpoint(four(9, 1), left.port));
    expect(receiveOne(left).bytes).toHaveLength(1);
  });

  test('sends to a link-local address by its scope', () => {
    const [left, right] = [open(hosts.left), open(hosts.right)];
    const wan = hosts.right.index('wan');
    const linkLocal = hosts.right.netlink
      .addresses(wan)
      .find(({ address }) => address[0] === 0xfe && address[1] === 0x80)!.address;
    send(left, new Endpoint(linkLocal, right.port, { scopeId: hosts.left.index('wan') }));
    const { source } = receiveOne(right);
    expect(source).toMatchObject({ scopeId: wan, sourceInterface: wan, sourceAddress: linkLocal });
    expect(sourceWorks(source, hosts.right.netlink, right)).toBe(true);
    send(right, source);
    expect(receiveOne(left).source.address).toEqual(linkLocal);
  });

  test('chooses a port that is free for both families', () => {
    const [first, last] = [40_000, 40_003];
    const range = 'net/ipv4/ip_local_port_range';
    hosts.left.set(range, `${first} ${last}`);
    const squatters = hosts.left.namespace.run(() => [first, 40_001, 40_002].map(bindSixOnly));
    try {
      for (let i = 0; i < 5; i++) {
        const sockets = open(hosts.left);
        expect(sockets.port).toBe(last);
        expect(sockets.fds).toHaveLength(2);
        sockets.close();
      }
      squatters.push(hosts.left.namespace.run(() => bindSixOnly(last)));
      expect(() => open(hosts.left)).toThrow('EADDRINUSE');
      expect(() => open(hosts.left, { port: last })).toThrow('EADDRINUSE');
    } finally {
      for (const fd of squatters) libc().close(fd);
      hosts.left.set(range, '32768 60999');
    }
  });

  test('works where IPv6 is disabled', () => {
    const bare = new TwoHosts();
    try {
      bare.right.set('net/ipv6/conf/all/disable_ipv6', '1');
      warmUp(bare, four(9, 2));
      const errors: number[] = [];
      const left = open(bare.left);
      const right = open(bare.right, { onSendError: (errno) => errors.push(errno) });
      send(left, new Endpoint(four(9, 3), right.port));
      const { source } = receiveOne(right);
      send(right, new Endpoint(six(9, 1), left.port));
      expect(errors).toHaveLength(1);
      send(right, source);
      expect(receiveOne(left).source.address).toEqual(four(9, 3));
    } finally {
      bare.close();
    }
  });
});

/** A socket that takes a port for IPv6 and leaves it free for IPv4. */
function bindSixOnly(port: number): number {
  const region = allocate(28);
  const fd = check(libc().socket(10, 2, 0), 'socket');
  region.view.setUint32(0, 1, true);
  check(libc().setsockopt(fd, 41, 26, region.address, 4), 'setsockopt');
  region.view.setUint32(0, 10, true);
  region.view.setUint16(2, port, false);
  check(libc().bind(fd, region.address, 28), 'bind');
  return fd;
}

function handshake(type: number, length: number): Uint8Array {
  const message = new Uint8Array(length);
  message[0] = type;
  return message;
}
