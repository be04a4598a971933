import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Endpoint } from '@litz/core';
import { boottimeMs, hasNamespacePrivilege } from '@litz/sys';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openUdp, type UdpSockets } from '../src/index.ts';
import { KnownOffloads } from '../src/known-offloads.ts';
import { testOffloads } from '../src/offload-self-test.ts';
import { four, readable, TwoHosts, type Host } from './two-hosts.ts';

const namespaces = requirement('network namespaces', hasNamespacePrivilege);
const tc = programRequirement('tc', ['-V']);

describeWith([namespaces, tc], 'testOffloads on a real loopback', () => {
  let hosts: TwoHosts;
  const opened: UdpSockets[] = [];
  beforeEach(() => {
    hosts = new TwoHosts();
  });
  afterEach(() => {
    for (const sockets of opened.splice(0)) sockets.close();
    hosts.close();
  });

  function open(lost: string[] = []): UdpSockets {
    const onOffloadLost = (name: string, reason: string): number => lost.push(`${name}: ${reason}`);
    const sockets = hosts.left.namespace.run(() =>
      openUdp({ port: 0, gso: true, gro: true, onOffloadLost }),
    );
    opened.push(sockets);
    return sockets;
  }

  function raiseLoopback(): void {
    hosts.left.netlink.setLink(hosts.left.index('lo'), { up: true });
  }

  test('finds no fault in this kernel, in less than 3 ms', () => {
    raiseLoopback();
    const lost: string[] = [];
    expect(open(lost).segmenting).toBe(true);
    const times = Array.from({ length: 5 }, () => {
      const start = boottimeMs();
      expect(hosts.left.namespace.run(() => testOffloads({ gro: true }))).toEqual({
        udpGso: 'works',
        udpGro: 'works',
      });
      return boottimeMs() - start;
    });
    expect(Math.min(...times)).toBeLessThan(3);
    expect(lost).toEqual([]);
  });

  test('leaves segmentation on and reports nothing while loopback is down', () => {
    const lost: string[] = [];
    expect(open(lost).segmenting).toBe(true);
    expect(lost).toEqual([]);
  });

  test.each([
    ['loopback loses everything', 'blackhole'],
    // The queue has space for one datagram, but not for a message of many datagrams.
    ['loopback loses large messages', 'bfifo limit 1500'],
  ])('leaves both offloads on if %s', (_, qdisc) => {
    raiseLoopback();
    queueLoopback(qdisc);
    expect(hosts.left.namespace.run(() => testOffloads({ gro: true }))).toEqual({
      udpGso: 'unknown',
      udpGro: 'unknown',
    });
    const lost: string[] = [];
    const left = open(lost);
    expect(lost).toEqual([]);
    expect(left.segmenting).toBe(true);
    const right = hosts.right.namespace.run(() => openUdp({ port: 0, gro: true }));
    opened.push(right);
    const to = new Endpoint(four(9, 2), right.port);
    for (let i = 0; i < 10; i++) left.send(new Uint8Array(1000), 0, 1000, to, 0);
    left.flush();
    expect(left.counters).toMatchObject({ sentDatagrams: 10, sentMessages: 1 });
    let received = 0;
    while (received < 10 && readable(right, 2000)) received += right.receive(() => {});
    expect(received).toBe(10);
  });

  test('switches segmentation off if the kernel refuses it, and sends the datagrams one by one', () => {
    // The MTU is smaller than the datagrams. So the kernel refuses to segment a message (EINVAL),
    // but it fragments single datagrams.
    hosts.left.netlink.setLink(hosts.left.index('lo'), { up: true, mtu: 512 });
    const lost: string[] = [];
    const left = open(lost);
    expect(lost).toEqual([
      'udpGso: self-test on loopback: the kernel refuses to segment a message',
    ]);
    expect(left.segmenting).toBe(false);
    const to = new Endpoint(four(9, 2), 9);
    for (let i = 0; i < 10; i++) left.send(new Uint8Array(1000), 0, 1000, to, 0);
    left.flush();
    expect(left.counters).toMatchObject({ sentDatagrams: 10, sentMessages: 10 });
  });

  test('tests until the offloads work, and again in another namespace', () => {
    raiseLoopback();
    queueLoopback('blackhole');
    const known = new KnownOffloads();
    const datagrams = (host: Host): number => {
      const before = loopbackPackets(host);
      expect(host.namespace.run(() => known.testUnknownOffloads({ gro: true }))).toEqual({});
      return loopbackPackets(host) - before;
    };
    expect(datagrams(hosts.left)).toBe(0);
    queueLoopback('pfifo limit 100');
    expect(datagrams(hosts.left)).toBeGreaterThan(0);
    expect(datagrams(hosts.left)).toBe(0);
    hosts.right.netlink.setLink(hosts.right.index('lo'), { up: true });
    expect(datagrams(hosts.right)).toBeGreaterThan(0);
  });

  function queueLoopback(qdisc: string): void {
    const made = hosts.left.namespace.run(() =>
      spawnSync('tc', `qdisc replace dev lo root ${qdisc}`.split(' '), { encoding: 'utf8' }),
    );
    expect(made).toMatchObject({ status: 0, stderr: '' });
  }
});

/** How many packets loopback has delivered. */
function loopbackPackets({ namespace }: Host): number {
  const table = namespace.run(() => readFileSync('/proc/thread-self/net/dev', 'utf8'));
  return Number(/lo: *\d+ +(\d+)/.exec(table)![1]);
}
