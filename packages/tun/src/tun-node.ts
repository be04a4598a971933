/**
 * What is at /dev/net/tun, where it is not the TUN driver's node.
 *
 * Containers are where it happens: a volume for a node that the host does not have makes a directory,
 * a program that writes to it makes a file, and a node on most volumes may not be opened (nodev).
 *
 * @module
 */
import { readFileSync, realpathSync, statSync, type Stats } from 'node:fs';

export const TUN_NODE = '/dev/net/tun';

/** On a host, with nothing at its place. */
export const MAKE_NODE =
  'on a host: modprobe tun, mkdir -p /dev/net, mknod -m 0666 /dev/net/tun c 10 200';
export const CONTAINER = 'a container needs --cap-add NET_ADMIN --device /dev/net/tun';

/** Documentation/admin-guide/devices.txt */
const MISC_MAJOR = 10;
const TUN_MINOR = 200;

/**
 * Why the node at `path` cannot be a TUN device, whoever opens it, and what to do.
 *
 * @param mounts the path of a list of mounts, as /proc/PID/mountinfo is
 * @returns undefined if it can be one, if there is nothing, or if that cannot be found out
 */
export function nodeFault(
  path: string = TUN_NODE,
  mounts = '/proc/self/mountinfo',
): string | undefined {
  try {
    const stats = statSync(path);
    if (!stats.isCharacterDevice()) {
      return `it is ${kindOf(stats)} instead of a device: remove it; ${CONTAINER}; ${MAKE_NODE}`;
    }
    const [major, minor] = deviceNumber(stats.rdev);
    if (major !== MISC_MAJOR || minor !== TUN_MINOR) {
      return `it is another device (c ${major} ${minor}): remove it; ${CONTAINER}; ${MAKE_NODE}`;
    }
    const point = nodevMount(realpathSync(path), readFileSync(mounts, 'utf8'));
    return point === undefined
      ? undefined
      : `the mount at ${point} allows no devices (nodev): ${CONTAINER}; ` +
          `on a host: mount -o remount,dev ${point}`;
  } catch {
    return undefined;
  }
}

/** The mount point that a path is on, if it is mounted with nodev. */
export function nodevMount(path: string, mountInfo: string): string | undefined {
  let found: { point: string; options: string } | undefined;
  for (const line of mountInfo.split('\n')) {
    // ID, parent, device, root, mount point, options, ...
    const [, , , , escaped, options] = line.split(' ');
    if (escaped === undefined || options === undefined) continue;
    const point = escaped.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const isAbove = path === point || path.startsWith(point === '/' ? point : `${point}/`);
    // Of several at one point the last one is on top.
    if (isAbove && point.length >= (found?.point.length ?? 0)) found = { point, options };
  }
  return found?.options.split(',').includes('nodev') ? found.point : undefined;
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFile()) return 'a plain file';
  if (stats.isFIFO()) return 'a pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a block device';
}

/** Linux's own encoding of 12 bits and 20. */
function deviceNumber(rdev: number): [major: number, minor: number] {
  return [(rdev >>> 8) & 0xfff, (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)];
}
