/**
 * Network namespaces and TUN devices for one test. They are closed when the test ends.
 *
 * @module
 */
import { onTestFinished } from 'vitest';
import { linux, Netlink, NetworkNamespace, PollSet, writeSysctl } from '@litz/sys';
import { openTun, type TunDevice, type TunOptions } from '../src/index.ts';

/**
 * Makes a namespace without link-local addresses. So the kernel sends no router solicitations, and
 * all packets in the namespace come from the test.
 */
export function createNamespace(): NetworkNamespace {
  const namespace = NetworkNamespace.create();
  onTestFinished(() => namespace.close());
  namespace.run(() => writeSysctl('net.ipv6.conf.default.addr_gen_mode', 1));
  return namespace;
}

export function createNetlink(namespace: NetworkNamespace): Netlink {
  const netlink = namespace.run(() => new Netlink());
  onTestFinished(() => netlink.close());
  return netlink;
}

export function createTun(
  namespace: NetworkNamespace,
  options: Partial<TunOptions> = {},
): TunDevice {
  const tun = namespace.run(() => openTun({ name: 'tun%d', ...options }));
  onTestFinished(() => tun.close());
  return tun;
}

/** @returns the revents of poll(2); 0 if nothing came in time */
export function pollOnce(fd: number, events: number, timeoutMs: number): number {
  const polled = new PollSet();
  const index = polled.add(fd, events);
  polled.wait(timeoutMs);
  return polled.ready(index);
}

/**
 * Waits for a packet and returns it with its vnet header; returns no bytes if none came in time.
 */
export function readPacket(tun: TunDevice, timeoutMs = 5000): Uint8Array {
  const buffer = new Uint8Array(65_545);
  pollOnce(tun.fd, linux.POLLIN, timeoutMs);
  const length = tun.read(buffer, 0, buffer.length);
  return buffer.subarray(0, Math.max(0, length));
}
