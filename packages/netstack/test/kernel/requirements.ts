/**
 * The requirements of the tests against the kernel of Linux.
 *
 * @module
 */
import { NetworkNamespace } from '@litz/sys';
import { programRequirement, requirement, type Requirement } from '@litz/testkit';
import { openTun } from '@litz/tun';

/** Makes a TUN in a namespace, so that the machine is not changed. */
export const tunDevices: Requirement = requirement('the right to make TUN devices', () => {
  const namespace = NetworkNamespace.create();
  try {
    namespace.run(() => openTun({ name: 'probe%d' }).close());
  } finally {
    namespace.close();
  }
});

export const tshark: Requirement = programRequirement('tshark');
