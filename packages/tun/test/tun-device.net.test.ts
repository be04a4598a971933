import { linux, type Netlink, type NetworkNamespace } from '@litz/sys';
import { ping } from '@litz/sys/tools';
import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import type { TunDevice } from '../src/index.ts';
import { createNamespace, createNetlink, createTun, readPacket } from './namespace.ts';
import { tunDevices } from './requirements.ts';

const PEER = Uint8Array.of(10, 20, 0, 2);
/** A buffer that is too short for a vnet header. The kernel then refuses the read. */
const SHORT = new Uint8Array(4);

describeWith([tunDevices], 'TunDevice', () => {
  test('returns the errno of a failed read, and reads the next packet', async () => {
    const { namespace, tun } = up();
    await namespace.run(() => ping(PEER, { count: 2, intervalMs: 1, timeoutMs: 5 }));
    expect(tun.read(SHORT, 0, SHORT.length)).toBe(-linux.EINVAL);
    expect(sequence(readPacket(tun))).toBe(1);
    expect(tun.read(SHORT, 0, SHORT.length)).toBe(0);
  });

  test('distinguishes a deleted interface from a failed read', () => {
    const { netlink, tun } = up();
    netlink.deleteLink(tun.interfaceIndex);
    expect(tun.read(SHORT, 0, SHORT.length)).toBe(-1);
  });
});

function up(): { namespace: NetworkNamespace; netlink: Netlink; tun: TunDevice } {
  const namespace = createNamespace();
  const netlink = createNetlink(namespace);
  const tun = createTun(namespace);
  tun.addAddress({ address: Uint8Array.of(10, 20, 0, 1), prefixLength: 24 });
  tun.up();
  return { namespace, netlink, tun };
}

/** The sequence number of an echo request behind its vnet and IP header. */
function sequence(packet: Uint8Array): number {
  return packet[10 + 20 + 7];
}
