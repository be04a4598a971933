import { execFileSync } from 'node:child_process';
import { Endpoint } from '@litz/core';
import { hasNamespacePrivilege } from '@litz/sys';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openUdp, SuspectSources, type UdpOptions, type UdpSockets } from '../src/index.ts';
import { four, receiveOne, send, six, TwoHosts, warmUp, type Received } from './two-hosts.ts';

const namespaces = requirement('network namespaces', hasNamespacePrivilege);

/**
 * The addresses of each family: `text` for the program `ip`, and as bytes. `far` is the address of
 * a host behind the left host.
 */
const families = [
  {
    name: 'IPv4',
    address: four,
    prefixLength: 24,
    far: Uint8Array.of(192, 0, 2, 1),
    text: {
      option: '-4',
      far: '192.0.2.1/32',
      second: '10.8.0.2',
      viaFirst: '10.9.0.1',
      viaSecond: '10.8.0.1',
    },
  },
  {
    name: 'IPv6',
    address: six,
    prefixLength: 64,
    far: Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), 1),
    text: {
      option: '-6',
      far: '2001:db8::1/128',
      second: 'fd08::2',
      viaFirst: 'fd09::1',
      viaSecond: 'fd08::1',
    },
  },
] as const;
type Family = (typeof families)[number];

/** The second byte of all addresses of the first provider, and of the second one. */
const FIRST = 9;
const SECOND = 8;

/**
 * The right host has two providers, "wan" and "alt". Its main table leads to the first provider.
 * Another table is for datagrams from its address at the second provider. A host behind the left
 * host sends to this address.
 */
describeWith([namespaces, programRequirement('ip', ['-V'])], 'A sticky source', () => {
  let hosts: TwoHosts;
  const opened: UdpSockets[] = [];
  beforeEach(() => {
    hosts = new TwoHosts();
  });
  afterEach(() => {
    for (const sockets of opened.splice(0)) sockets.close();
    hosts.close();
  });

  test.each(families)(
    'is kept while its routing table leads through its interface, $name',
    (family) => {
      const { left, right, suspects, lost, endpoint } = heardAtTheSecond(family);
      send(right, endpoint);
      expect(providerOf(receiveOne(left))).toBe(SECOND);
      expect([suspects.size, lost]).toEqual([0, []]);
    },
  );

  test.each(families)('is forgotten when its address is removed, $name', (family) => {
    const { address, prefixLength } = family;
    const { left, right, lost, endpoint } = heardAtTheSecond(family);
    const { netlink } = hosts.right;
    netlink.deleteAddress(hosts.right.index('alt'), { address: address(8, 2), prefixLength });
    send(right, endpoint);
    expect(providerOf(receiveOne(left))).toBe(FIRST);
    expect(lost).toEqual([endpoint]);
  });

  test.each(families)('is forgotten when the route from its address moves, $name', (family) => {
    const { text } = family;
    const { left, right, suspects, lost, endpoint } = heardAtTheSecond(family);
    ip('right', `${text.option} route replace default via ${text.viaFirst} table 2`);
    send(right, endpoint);
    send(right, endpoint);
    for (let i = 0; i < 2; i++) expect(providerOf(receiveOne(left))).toBe(FIRST);
    expect(lost).toEqual([endpoint, endpoint]);
    expect(right.counters.sentWithoutSource).toBe(2);
    suspects.endTurn();
    expect(suspects.size).toBe(0);
  });

  test.each(families)('is forgotten when its interface goes down, $name', (family) => {
    const { left, right, lost, endpoint } = heardAtTheSecond(family);
    hosts.right.netlink.setLink(hosts.right.index('alt'), { up: false });
    send(right, endpoint);
    expect(providerOf(receiveOne(left))).toBe(FIRST);
    expect(lost).toEqual([endpoint]);
  });

  test.each(families)('is kept while there is no route at all, $name', (family) => {
    const { text } = family;
    const { right, suspects, lost, endpoint } = heardAtTheSecond(family);
    for (const table of ['main', '2'])
      ip('right', `${text.option} route del default table ${table}`);
    send(right, endpoint);
    expect([suspects.size, lost]).toEqual([0, []]);
  });

  test.each(families)('is kept if a rule selects its route by the local port, $name', (family) => {
    const { text } = family;
    const { left, right, suspects, lost, endpoint } = heardAtTheSecond(family);
    ip('right', `${text.option} rule del from ${text.second} table 2`);
    ip('right', `${text.option} rule add ipproto udp sport ${right.port} table 2`);
    send(right, endpoint);
    expect(providerOf(receiveOne(left))).toBe(SECOND);
    expect([suspects.size, lost]).toEqual([0, []]);
  });

  test.each(families)('is looked up with the mark that was set last, $name', (family) => {
    const { text } = family;
    const { left, right, lost, endpoint } = heardAtTheSecond(family);
    ip('right', `${text.option} rule del from ${text.second} table 2`);
    ip('right', `${text.option} rule add fwmark 7 table 2`);
    right.setMark(7);
    send(right, endpoint);
    expect(providerOf(receiveOne(left))).toBe(SECOND);
    expect(lost).toEqual([]);
  });

  function heardAtTheSecond({ address, far, text }: Family): Heard {
    warmUp(hosts, address(9, 2), address(8, 2));
    ip('left', `${text.option} addr add ${text.far} dev lo`);
    ip('right', `${text.option} route add default via ${text.viaFirst}`);
    ip('right', `${text.option} route add default via ${text.viaSecond} table 2`);
    ip('right', `${text.option} rule add from ${text.second} table 2`);
    const suspects = new SuspectSources(hosts.right.netlink);
    const lost: Endpoint[] = [];
    const left = open('left', {});
    const right = open('right', { suspects, onSourceLost: (endpoint) => lost.push(endpoint) });
    send(left, new Endpoint(address(8, 2), right.port, { sourceAddress: far }));
    const { source: endpoint } = receiveOne(right);
    expect(endpoint).toMatchObject({
      address: far,
      sourceAddress: address(8, 2),
      sourceInterface: hosts.right.index('alt'),
    });
    suspects.add(endpoint);
    return { left, right, suspects, lost, endpoint };
  }

  function open(side: 'left' | 'right', options: Partial<UdpOptions>): UdpSockets {
    const sockets = hosts[side].namespace.run(() => openUdp({ port: 0, ...options }));
    opened.push(sockets);
    return sockets;
  }

  function ip(side: 'left' | 'right', line: string): void {
    hosts[side].namespace.run(() => execFileSync('ip', line.split(' ')));
  }
});

/**
 * Returns the provider that the source address belongs to: `FIRST` or `SECOND`. The kernel may
 * choose any address of that provider.
 */
function providerOf({ source }: Received): number {
  return source.address[1];
}

interface Heard {
  left: UdpSockets;
  right: UdpSockets;
  suspects: SuspectSources;
  /** The endpoints that were reported to `onSourceLost`. */
  lost: Endpoint[];
  /** The endpoint of the far host, as the right host heard it. It is suspect. */
  endpoint: Endpoint;
}
