/**
 * `publicKeyOfStatus`: the public key of an interface, from its private key. The UAPI has only the
 * private key.
 *
 * @module
 */
import type { DeviceStatus } from '@litz/config';
import { formatKey, nobleProvider, publicKeyOf } from '@litz/core';

/** Returns undefined if the interface has no private key. */
export function publicKeyOfStatus({
  privateKey,
}: Pick<DeviceStatus, 'privateKey'>): string | undefined {
  return privateKey && formatKey(publicKeyOf(privateKey, nobleProvider));
}
