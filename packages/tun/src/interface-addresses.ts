/**
 * Reads and replaces the addresses of one family of an interface.
 *
 * @module
 */
import { formatCidr } from '@litz/core';
import type { AssignedAddress, InterfaceAddress } from '@litz/sys';
import type { TunDevice } from './tun-device.ts';

/**
 * Returns the first global address as text with its prefix length, or the link-local one if there
 * is no global one; undefined if there is none.
 */
export function addressText(
  device: Pick<TunDevice, 'addresses'>,
  family: 4 | 6,
): string | undefined {
  const address = globalAddresses(device, family)[0] ?? addressesOf(device, family)[0];
  return address && formatCidr(address);
}

/** Removes all global addresses of the family, then adds `wanted`, if it is given. */
export function replaceAddresses(
  device: Pick<TunDevice, 'addresses' | 'addAddress' | 'deleteAddress'>,
  family: 4 | 6,
  wanted: InterfaceAddress | undefined,
): void {
  for (;;) {
    // One after the other, because deleting the first IPv4 address of a subnet may delete the
    // others of that subnet.
    const [found] = globalAddresses(device, family);
    if (!found) break;
    device.deleteAddress(found);
  }
  if (wanted) device.addAddress(wanted, family === 6 ? { noDad: true } : {});
}

/** Returns the addresses without the link-local one that the kernel makes for IPv6. */
function globalAddresses(device: Pick<TunDevice, 'addresses'>, family: 4 | 6): AssignedAddress[] {
  const all = addressesOf(device, family);
  return family === 4 ? all : all.filter(({ scope }) => scope === RT_SCOPE_UNIVERSE);
}

function addressesOf(device: Pick<TunDevice, 'addresses'>, family: 4 | 6): AssignedAddress[] {
  const length = family === 4 ? 4 : 16;
  return device.addresses().filter(({ address }) => address.length === length);
}

const RT_SCOPE_UNIVERSE = 0;
