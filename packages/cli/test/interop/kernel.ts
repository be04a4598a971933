/**
 * `kernel`: the WireGuard of a Linux kernel, in a virtual machine.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { programRequirement, requirement } from '@litz/testkit';
import type { Implementation } from './implementation.ts';
import { KernelGuest } from './kernel-guest.ts';

/** A script that boots the kernel. It is in a folder beside the repository, as in CI. */
const script = join(import.meta.dirname, '../../../../../shared/real/kernel-peer.sh');
const folder = process.env['LITZ_KERNEL_DIR'] ?? '';

export const kernel: Implementation<KernelGuest> = {
  name: 'the Linux kernel',
  requirements: [
    requirement('a kernel to boot', () => {
      if (!existsSync(script)) return `${script} is not there`;
      return (
        existsSync(join(folder, 'x')) ||
        `LITZ_KERNEL_DIR: ${script} has not unpacked a kernel there`
      );
    }),
    programRequirement('qemu-system-x86_64'),
    programRequirement('busybox', ['true']),
    programRequirement('depmod'),
    programRequirement('cpio'),
  ],
  // The kernel drops a message that lies in more than MAX_SKB_FRAGS + 8 pieces of memory
  // (drivers/net/wireguard/receive.c, decrypt_packet). A message in many IP fragments lies in many
  // pieces. Measured with fragments of 1500 bytes, the limit is 60,500 bytes, whichever
  // implementation has sent the message.
  largestPing: 60_000,
  // The guest's processor is emulated in software, so a larger transfer would take too long.
  bytesOfTransfer: 4 << 20,
  start: async (guest) => {
    // A failed test may have left an interface.
    await guest.run(
      'sh',
      '-c',
      `/bin/ip link del ${LINK}; /bin/ip link add ${LINK} type wireguard`,
    );
    return { link: LINK, remove: async () => void (await guest.run('ip', 'link', 'del', LINK)) };
  },
};

/** Boots the guest for all tests of a file. */
export function bootKernel(): Promise<KernelGuest> {
  return KernelGuest.boot(script, folder);
}

const LINK = 'wg0';
