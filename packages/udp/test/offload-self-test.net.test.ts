import { spawnSync } from 'node:child_process';
import { Endpoint } from '@litz/core';
import { boottimeMs, hasNamespacePrivilege } from '@litz/sys';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openUdp, type UdpSockets } from '../src/index.ts';
import { testOffloads } from '../src/offload-self-test.ts';
import { four, readable, TwoHosts } from './two-hosts.ts';

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

  test('finds nothing wrong with this kernel, in less than 3 ms', () => {
    raiseLoopback();
    const lost: string[] = [];
    expect(open(lost).segmenting).toBe(true);
    const times = Array.from({ length: 5 }, () => {
      const start = boottimeMs();
      expect(hosts.left.namespace.run(() => testOffloads({ gro: true }))).toEqual({});
      return boottimeMs() - start;
    });
    expect(Math.min(...times)).toBeLessThan(3);
    expect(lost).toEqual([]);
  });

  test('knows nothing while loopback is down', () => {
    const lost: string[] = [];
    expect(open(lost).segmenting).toBe(true);
    expect(lost).toEqual([]);
  });

  test('switches segmentation off where its datagrams do not arrive, and all is sent singly', () => {
    raiseLoopback();
    // A queue that has no room for a message of many datagrams, and room for one.
    const made = hosts.left.namespace.run(() =>
      spawnSync('tc', 'qdisc add dev lo root bfifo limit 1500'.split(' ')),
    );
    expect(made.status).toBe(0);
    const lost: string[] = [];
    const left = open(lost);
    expect(lost).toEqual([
      'udpGso: self-test on loopback: 0 of 5 datagrams arrived as they were sent',
    ]);
    expect(left.segmenting).toBe(false);
    const right = hosts.right.namespace.run(() => openUdp({ port: 0 }));
    opened.push(right);
    const to = new Endpoint(four(9, 2), right.port);
    for (let i = 0; i < 10; i++) left.send(new Uint8Array(1000), 0, 1000, to, 0);
    left.flush();
    expect(left.counters).toMatchObject({ sentDatagrams: 10, sentMessages: 10 });
    let received = 0;
    while (received < 10 && readable(right, 2000)) received += right.receive(() => {});
    expect(received).toBe(10);
  });
});
