/**
 * Two network namespaces with two cables between them, for tests on real interfaces.
 *
 * ```
 *   left  wan 10.9.0.1/24  fd09::1/64  ======  wan 10.9.0.2/24  fd09::2/64  right
 *                                                  10.9.0.3/24  fd09::3/64
 *         alt 10.8.0.1/24  fd08::1/64  ======  alt 10.8.0.2/24  fd08::2/64
 * ```
 *
 * @module
 */
import { existsSync, writeFileSync } from 'node:fs';
import { Endpoint } from '@litz/core';
import { linux, libc, Netlink, NetworkNamespace, allocate } from '@litz/sys';
import { openUdp, type UdpSockets } from '../src/index.ts';

export class Host {
  readonly namespace: NetworkNamespace = NetworkNamespace.create();
  readonly netlink: Netlink = this.namespace.run(() => new Netlink());

  constructor() {
    // Duplicate address detection takes a second or two, and a host does not find neighbours before
    // this detection has ended.
    for (const name of ['all', 'default']) {
      this.set(`net/ipv6/conf/${name}/accept_dad`, '0');
    }
  }

  /** Sets a sysctl of the namespace, if the kernel has it. */
  set(name: string, value: string): void {
    const file = `/proc/sys/${name}`;
    this.namespace.run(() => existsSync(file) && writeFileSync(file, value));
  }

  /** The index of a link. */
  index(name: string): number {
    return this.netlink.linkByName(name)!.index;
  }

  close(): void {
    this.netlink.close();
    this.namespace.close();
  }
}

export class TwoHosts {
  readonly left: Host = new Host();
  readonly right: Host = new Host();

  constructor() {
    const { left, right } = this;
    for (const [name, subnet] of [['wan', 9] as const, ['alt', 8] as const]) {
      left.netlink.createVeth(name, name, { peerNetns: right.namespace.fd });
      for (const [host, number] of [[left, 1] as const, [right, 2] as const]) {
        const index = host.index(name);
        host.netlink.setLink(index, { up: true });
        host.netlink.addAddress(index, { address: four(subnet, number), prefixLength: 24 });
        host.netlink.addAddress(
          index,
          { address: six(subnet, number), prefixLength: 64 },
          { noDad: true },
        );
      }
    }
    const wan = right.index('wan');
    right.netlink.addAddress(wan, { address: four(9, 3), prefixLength: 24 });
    right.netlink.addAddress(wan, { address: six(9, 3), prefixLength: 64 }, { noDad: true });
  }

  close(): void {
    this.left.close();
    this.right.close();
  }
}

/** 10.SUBNET.0.HOST */
export function four(subnet: number, host: number): Uint8Array {
  return Uint8Array.of(10, subnet, 0, host);
}

/** fd0SUBNET::HOST */
export function six(subnet: number, host: number): Uint8Array {
  return Uint8Array.of(0xfd, subnet, ...Array<number>(13).fill(0), host);
}

/** Waits for a datagram, at most `timeoutMs`. @returns whether one came */
export function readable(sockets: UdpSockets, timeoutMs: number): boolean {
  const { fds } = sockets;
  const region = allocate(fds.length * 8);
  for (const [i, fd] of fds.entries()) {
    region.view.setInt32(i * 8, fd, true);
    region.view.setInt16(i * 8 + 4, linux.POLLIN, true);
  }
  return libc().poll(region.address, fds.length, timeoutMs) > 0;
}

/**
 * Sends until a datagram arrives at each address, because a new link drops datagrams until it is
 * up.
 */
export function warmUp(hosts: TwoHosts, ...warm: Uint8Array[]): void {
  const left = hosts.left.namespace.run(() => openUdp({ port: 0 }));
  const right = hosts.right.namespace.run(() => openUdp({ port: 0 }));
  try {
    for (const address of warm) {
      const destination = new Endpoint(address, right.port);
      for (let attempt = 0; attempt < 50; attempt++) {
        send(left, destination);
        if (readable(right, 100)) break;
      }
      while (right.receive(() => {}) > 0);
    }
  } finally {
    left.close();
    right.close();
  }
}

export function send(from: UdpSockets, to: Endpoint): void {
  from.send(Uint8Array.of(7), 0, 1, to, 0);
  from.flush();
}

export interface Received {
  bytes: Uint8Array;
  source: Endpoint;
  ecn: number;
}

/** Datagrams of a batch that `receiveOne` has not returned yet. */
const waiting = new WeakMap<UdpSockets, Received[]>();

/** Returns the next datagram. Waits for it up to 2 s, then throws. */
export function receiveOne(sockets: UdpSockets): Received {
  const queue = waiting.get(sockets) ?? [];
  waiting.set(sockets, queue);
  if (queue.length === 0 && readable(sockets, 2000)) {
    sockets.receive((buffer, offset, length, source, ecn) => {
      queue.push({ bytes: buffer.slice(offset, offset + length), source, ecn });
    });
  }
  const next = queue.shift();
  if (!next) throw new Error('no datagram within 2 s');
  return next;
}
