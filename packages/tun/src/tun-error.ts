/**
 * `openError` and `attachError`: why a TUN device could not be opened, with advice for the user.
 *
 * @module
 */
import { libc, SystemError } from '@litz/sys';
import { CONTAINER, MAKE_NODE, nodeFault, TUN_NODE } from './tun-node.ts';

/** Returns the error for a failed open of the device node. */
export function openError(errno: number): SystemError {
  const advice = nodeFault() ?? BY_OPEN[errno];
  return new SystemError('open', errno, `cannot open ${TUN_NODE}${advice ? `: ${advice}` : ''}`);
}

/**
 * Returns the error for a failed TUNSETIFF: with advice, or `error` itself if there is none. A
 * plain file at /dev/net/tun can be opened, but it does not know this request (ENOTTY).
 */
export function attachError(error: unknown, name: string): unknown {
  if (!(error instanceof SystemError)) return error;
  const { errnoNumber: errno, syscall } = error;
  const attempt = `cannot open the TUN device ${name}`;
  const fault = errno === ENOTTY ? nodeFault() : undefined;
  if (fault !== undefined)
    return new SystemError(syscall, errno, `${attempt}: ${TUN_NODE}: ${fault}`);
  if (errno === EPERM) return new SystemError(syscall, errno, `${attempt}: ${CAPABILITY}`);
  if (errno === EBUSY) return new SystemError(syscall, errno, `${attempt}: it is in use`);
  // The kernel also returns EINVAL for an interface of another kind.
  if (errno === EINVAL && libc().if_nametoindex(name) > 0) {
    const kind =
      'an interface that is not a TUN device, or a TUN device with several queues, has this name';
    return new SystemError(syscall, EBUSY, `${attempt}: ${kind}`);
  }
  return error;
}

const ENOENT = 2;
const EACCES = 13;
const EPERM = 1;
const ENXIO = 6;
const ENODEV = 19;
const EBUSY = 16;
const EINVAL = 22;
const ENOTTY = 25;
const BY_OPEN: Readonly<Record<number, string>> = {
  [ENOENT]: `it does not exist; ${CONTAINER}; ${MAKE_NODE}`,
  [ENODEV]: 'this kernel has no TUN driver: modprobe tun, on the host',
  [ENXIO]: 'this kernel has no TUN driver: modprobe tun, on the host',
  [EACCES]: 'the file mode does not allow it: chmod 0666 /dev/net/tun, or run as root',
  [EPERM]: `the device is not allowed here: ${CONTAINER}`,
};
/**
 * Advice for a user without CAP_NET_ADMIN. A file capability on the node binary is not recommended:
 * every script would have the capability, and Node.js then ignores NODE_OPTIONS and similar
 * variables.
 */
const CAPABILITY =
  'CAP_NET_ADMIN is missing: run as root; or give it to this one program, ' +
  'sudo setpriv --reuid=UID --regid=GID --init-groups --inh-caps=+net_admin ' +
  '--ambient-caps=+net_admin node ...; or AmbientCapabilities=CAP_NET_ADMIN in a systemd unit; ' +
  `${CONTAINER}; without any privilege: unshare -Urn node ..., in a network namespace of its own`;
