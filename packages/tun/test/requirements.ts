/**
 * The requirements of the tests in this folder.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NetworkNamespace } from '@litz/sys';
import { programRequirement, requirement, type Requirement } from '@litz/testkit';
import { openTun } from '../src/index.ts';

/** Makes a TUN in a namespace, so that the machine is not changed. */
export const tunDevices: Requirement = requirement('the right to make TUN devices', () => {
  const namespace = NetworkNamespace.create();
  try {
    namespace.run(() => openTun({ name: 'probe%d' }).close());
  } finally {
    namespace.close();
  }
});

/** The thread of a `Readiness` runs the built file, because threads cannot load .ts. */
export const builtTun: Requirement = requirement('the built @litz/tun', () =>
  existsSync(fileURLToPath(new URL('../dist/index.js', import.meta.url)))
    ? true
    : 'run `tsc -b` first',
);

export const ipProgram: Requirement = programRequirement('ip', ['-V']);
export const setpriv: Requirement = programRequirement('setpriv');
export const unshare: Requirement = programRequirement('unshare');
