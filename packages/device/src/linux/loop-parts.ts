/**
 * Functions that make the parts of a packet loop from its options.
 *
 * @module
 */
import { equalBytes } from '@litz/core/internals';
import type { Cidr } from '@litz/config';
import type * as Sys from '@litz/sys';
import type * as TunPackage from '@litz/tun';
import type * as Udp from '@litz/udp';
import type { CommonSettings } from '../options.ts';
import { DataPlane } from '../plane/data-plane.ts';
import type { PacketMemory } from '../plane/packet-memory.ts';
import { LinuxWarmUp } from '../warm-up/linux-warm-up.ts';
import { createCaptureSystem } from './capture-system.ts';
import type { LinuxLoopOptions } from './linux-loop-options.ts';
import { LinuxSockets } from './linux-sockets.ts';

/** What a data plane works on. */
export interface PlaneParts {
  readonly tun: TunPackage.TunDevice;
  readonly memory: PacketMemory;
  readonly netlink: Sys.Netlink;
  readonly sockets: LinuxSockets;
}

/** Makes the object that opens the sockets. Nothing is opened yet. */
export function createSockets(
  { packages, control, settings }: LinuxLoopOptions,
  memory: PacketMemory,
): LinuxSockets {
  return new LinuxSockets({ udp: packages.udp, control, memory, offload: settings.offload });
}

/** Makes a data plane whose link is down, and records the requested offloads that the TUN lacks. */
export function createPlane(
  {
    packages,
    settings,
    crypto,
    bytes,
    threads,
    onEvent,
    onCaptured,
    listened = [],
  }: LinuxLoopOptions,
  { tun, memory, netlink, sockets }: PlaneParts,
): DataPlane {
  const plane = new DataPlane({
    tun,
    memory,
    bytes,
    threads,
    onEvent,
    listened,
    crypto,
    engine: settings.engine,
    capture: createCaptureSystem(packages.sys, netlink, onCaptured),
    closeSockets: (opened) => sockets.close(opened),
  });
  const { offload } = settings;
  const refused = 'this kernel does not support it (TUNSETOFFLOAD)';
  if (offload.tunTcp && !tun.offloads.tcp) plane.lostOffloads.add('tunTcp', refused);
  if (offload.tunUdp && !tun.offloads.udp) plane.lostOffloads.add('tunUdp', refused);
  return plane;
}

/** Makes a warm-up for a TUN with these offloads. */
export function createWarmUp(
  { packages, control, crypto, bytes }: LinuxLoopOptions,
  offloads: TunPackage.TunOffloads,
  sockets: LinuxSockets,
  memory: PacketMemory,
): LinuxWarmUp {
  return new LinuxWarmUp({ packages, control, sockets, offloads, memory, bytes, crypto });
}

/**
 * Adds addresses to an interface, except those that it has already. A persistent interface keeps
 * its addresses.
 */
export function addAddresses(tun: TunPackage.TunDevice, addresses: readonly Cidr[]): void {
  const present = addresses.length === 0 ? [] : tun.addresses();
  for (const wanted of addresses) {
    const isPresent = present.some(
      ({ address, prefixLength }) =>
        prefixLength === wanted.prefixLength && equalBytes(address, wanted.address),
    );
    if (!isPresent) tun.addAddress(wanted);
  }
}

/** Length in bytes of the receive slots of the sockets. */
export function receiveBytes(udp: typeof Udp, { offload }: CommonSettings): number {
  return udp.defaultSlots({ gro: offload.udpGro }) * udp.SLOT_LENGTH;
}
