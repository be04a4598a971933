/**
 * `adoptTun`: takes over the TUN device of another process, which has passed the descriptor of the
 * device.
 *
 * @module
 */
import { checkDescriptor, checkObject, linux, Netlink, SystemError } from '@litz/sys';
import { TunDevice } from './tun-device.ts';
import { interfaceNameOf, type TunOffloads } from './tun-ioctl.ts';

/**
 * Takes ownership of the descriptor of an open TUN device. Nothing about the interface changes, and
 * no privilege is needed. If this function throws, the descriptor still belongs to the caller.
 *
 * @param fd the descriptor that the other process has sent, its `TunDevice.fd`
 * @param offloads the value of `TunDevice.offloads` in the other process
 * @throws {SystemError} EBADFD: the interface is gone; ENODEV: it is in another network namespace
 */
export function adoptTun(fd: number, offloads: TunOffloads): TunDevice {
  checkDescriptor('fd', fd);
  checkObject('offloads', offloads);
  const name = interfaceNameOf(fd);
  if (name === undefined) throw new SystemError('TUNGETIFF', EBADFD, 'the interface is gone');
  const netlink = new Netlink();
  try {
    const link = netlink.linkByName(name);
    if (link) return new TunDevice(fd, link, offloads, netlink);
    throw new SystemError('RTM_GETLINK', linux.ENODEV, `${name} is in another network namespace`);
  } catch (error) {
    netlink.close();
    throw error;
  }
}

const EBADFD = 77;
