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
 * is no global one; undefined if the interface has no address of the family. All IPv4 addresses
 * count as global.
 */
export function addressText(
  device: Pick<TunDevice, 'addresses'>,
  family: 4 | 6,
): string | undefined {
  const address = globalAddresses(device, family)[0] ?? addressesOf(device, family)[0];
  return address && formatCidr(address);
}

/**
 * Removes all addresses of the family, except IPv6 addresses that are not global. Then adds
 * `wanted`, if it is given.
 */
export function replaceAddresses(
  device: Pick<TunDevice, 'addresses' | 'addAddress' | 'deleteAddress'>,
  family: 4 | 6,
  wanted: InterfaceAddress | undefined,
): void {
  for (;;) {
    // Reads the addresses again before each deletion, because deleting the first IPv4 address of a
    // subnet may delete the others of that subnet.
    const [found] = globalAddresses(device, family);
    if (!found) break;
    device.deleteAddress(found);
  }
  if (wanted) device.addAddress(wanted, family === 6 ? { noDad: true } : {});
}

/**
 * Returns all IPv4 addresses, or the global IPv6 addresses: without the link-local one that the
 * kernel makes.
 */
function globalAddresses(device: Pick<TunDevice, 'addresses'>, family: 4 | 6): AssignedAddress[] {
  const all = addressesOf(device, family);
  return family === 4 ? all : all.filter(({ scope }) => scope === RT_SCOPE_UNIVERSE);
}

function addressesOf(device: Pick<TunDevice, 'addresses'>, family: 4 | 6): AssignedAddress[] {
  const length = family === 4 ? 4 : 16;
  return device.addresses().filter(({ address }) => address.length === length);
}

const RT_SCOPE_UNIVERSE = 0;
