/**
 * Kernel parameters under /proc/sys.
 *
 * Parameters under `net` are those of the calling thread's network namespace.
 *
 * @module
 */
import { checkString } from './arguments.ts';
import { O_CLOEXEC, O_RDONLY, O_RDWR } from './constants.ts';
import { libc } from './libc.ts';
import { allocate, type Region } from './memory.ts';
import { check } from './system-error.ts';

/**
 * Sets a kernel parameter.
 *
 * @param name like 'net.ipv4.ip_forward'. If the name of an interface contains dots, use slashes,
 *   as in 'net/ipv6/conf/eth0.1/disable_ipv6'. In a name with slashes, dots are not replaced.
 * @throws {SystemError} ENOENT: there is no such parameter; EACCES, EROFS: it cannot be written
 */
export function writeSysctl(name: string, value: string | number): void {
  if (typeof value !== 'number') checkString('value', value, LONGEST_VALUE);
  const text = new TextEncoder().encode(String(value));
  const region = allocate(text.length);
  region.bytes.set(text);
  withParameter(name, O_RDWR, (fd) =>
    check(libc().write(fd, region.address, text.length), 'write', `cannot set ${name} to ${value}`),
  );
}

/**
 * Returns the value of a kernel parameter, without the line end.
 *
 * @throws {SystemError} ENOENT: there is no such parameter
 */
export function readSysctl(name: string): string {
  const region: Region = allocate(LONGEST_VALUE);
  const length = withParameter(name, O_RDONLY, (fd) =>
    check(libc().read(fd, region.address, LONGEST_VALUE), 'read', `cannot read ${name}`),
  );
  return new TextDecoder().decode(region.bytes.subarray(0, length)).trimEnd();
}

function withParameter<T>(name: string, flags: number, use: (fd: number) => T): T {
  checkParameter(name);
  const path = `/proc/sys/${name.includes('/') ? name : name.replaceAll('.', '/')}`;
  const fd = check(libc().open(path, flags | O_CLOEXEC, 0), 'open', `cannot open ${path}`);
  try {
    return use(fd);
  } finally {
    libc().close(fd);
  }
}

/** Refuses a name that leads out of /proc/sys, because it could name any file. */
function checkParameter(name: unknown): void {
  checkString('name', name);
  const text = String(name);
  if (/^[^/]/.test(text) && !text.split('/').includes('..')) return;
  throw new TypeError(`"name" expected a kernel parameter, got ${JSON.stringify(name)}`);
}

const LONGEST_VALUE = 4096;
