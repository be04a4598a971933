/**
 * `nodeFault`: finds out why no TUN device can be opened at /dev/net/tun: something else is there,
 * or its mount allows no devices.
 *
 * Such faults are most common in containers. If /dev/net/tun is mounted as a volume but does not
 * exist on the host, the container runtime creates a directory there. A program that writes to the
 * path creates a file. And on most volumes, device nodes cannot be opened (nodev).
 *
 * @module
 */
import { readFileSync, realpathSync, statSync, type Stats } from 'node:fs';

/**
 * Returns why no user can open a TUN device at `path`, with advice.
 *
 * @param mounts path of a list of mounts in the form of /proc/PID/mountinfo
 * @returns undefined if a TUN device can be opened, if nothing is at the path, or if the reason
 *   cannot be found out
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

/**
 * Returns the mount point that a path is on, if the mount has the option nodev; undefined if not.
 */
export function nodevMount(path: string, mountInfo: string): string | undefined {
  let found: { point: string; options: string } | undefined;
  for (const line of mountInfo.split('\n')) {
    // Fields of a line: ID, parent, device, root, mount point, options, ...
    const [, , , , escaped, options] = line.split(' ');
    if (escaped === undefined || options === undefined) continue;
    const point = escaped.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const isAbove = path === point || path.startsWith(point === '/' ? point : `${point}/`);
    // If several mounts have the same mount point, the last one is on top.
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

/** Splits a Linux device number: 12 bits major, 20 bits minor. */
function deviceNumber(rdev: number): [major: number, minor: number] {
  return [(rdev >>> 8) & 0xfff, (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)];
}

/** The device node of the TUN driver. */
export const TUN_NODE = '/dev/net/tun';
/** Advice for a host on which nothing is at `TUN_NODE`. */
export const MAKE_NODE =
  'on a host: modprobe tun, mkdir -p /dev/net, mknod -m 0666 /dev/net/tun c 10 200';
/** Advice for a container: the options of Docker and Podman. */
export const CONTAINER = 'a container needs --cap-add NET_ADMIN --device /dev/net/tun';
/** Device numbers from Documentation/admin-guide/devices.txt. */
const MISC_MAJOR = 10;
const TUN_MINOR = 200;
