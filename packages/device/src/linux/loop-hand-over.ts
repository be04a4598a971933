/**
 * The functions of a hand-over that run in the packet loop's thread.
 *
 * @module
 */
import { Engine } from '@litz/core';
import { restoreState } from '@litz/core/internals';
import type * as Sys from '@litz/sys';
import type * as TunPackage from '@litz/tun';
import type * as Udp from '@litz/udp';
import { copyDescriptor } from '../hand-over/copy-descriptor.ts';
import type { SavedDevice, SavedPlane, SavedSettings } from '../hand-over/saved-device.ts';
import type { DatagramSocket } from '../plane/io-interfaces.ts';
import { createRandomBytes } from '../plane/random-source.ts';
import type { LinuxLoopOptions } from './linux-loop-options.ts';
import type { LinuxSockets } from './linux-sockets.ts';

/** Returns the settings and the descriptors of a device. @param now in ms of the clock */
export function createSavedSettings(
  tun: TunPackage.TunDevice,
  sockets: DatagramSocket | undefined,
  plane: SavedPlane,
  now: number,
): Omit<SavedDevice, 'state'> {
  const settings: SavedSettings = { name: tun.name, offloads: tun.offloads, plane, now };
  if (!sockets) return { settings, fds: [tun.fd] };
  // The sockets of a device with an interface always have this class.
  const { port, families, overflows, segmenting } = sockets as Udp.UdpSockets;
  return {
    settings: { ...settings, sockets: { port, families, overflows, segmenting } },
    fds: [tun.fd, ...sockets.fds],
  };
}

/**
 * Returns the TUN of another process, which continues to use it. Reads the state once, so that the
 * code is compiled before the state must be read quickly.
 *
 * @param saved its descriptors still belong to the caller
 */
export function rehearse(
  { packages, crypto }: Pick<LinuxLoopOptions, 'packages' | 'crypto'>,
  { settings, fds, state }: SavedDevice,
): TunPackage.TunDevice {
  const engine = new Engine({
    randomBytes: createRandomBytes(),
    unixTime: Date.now,
    ...(crypto && { crypto }),
  });
  restoreState(engine, state);
  // Wipes the keys.
  engine.configure({ replacePeers: true, privateKey: null }, settings.now);
  const fd = copyDescriptor(packages.sys, fds[0] ?? -1);
  return packages.tun.adoptTun(fd, settings.offloads);
}

/**
 * Closes the descriptor of an interface. `rehearse` has made a copy of that descriptor.
 *
 * @throws {RangeError} the offloads have changed since `rehearse`
 */
export function closeInterface(
  { libc }: Pick<typeof Sys, 'libc'>,
  fd: number,
  offloads: TunPackage.TunOffloads,
  rehearsed: TunPackage.TunOffloads,
): void {
  libc().close(fd);
  if (offloads.tcp === rehearsed.tcp && offloads.udp === rehearsed.udp) return;
  throw new RangeError('the offloads of the interface have just changed');
}

/**
 * Takes ownership of the sockets of another process, and returns them; undefined if it had none.
 *
 * @param options the callbacks of the data plane
 */
export function adoptSockets(
  opener: LinuxSockets,
  { sockets, plane }: SavedSettings,
  fds: readonly number[],
  options: Omit<Udp.UdpOptions, 'memory' | 'port' | 'gro' | 'gso' | 'mark'>,
): Udp.UdpSockets | undefined {
  if (!sockets) return undefined;
  const { port, families, overflows, segmenting: gso } = sockets;
  const of = (family: 4 | 6): number | undefined => fds[families.indexOf(family)];
  const bound = { port, v4: of(4), v6: of(6), overflows };
  return opener.adopt(bound, { ...options, gso, mark: plane.mark });
}
