/**
 * Kernel parameters under /proc/sys.
 *
 * Those under `net` are the ones of the calling thread's network namespace.
 *
 * @module
 */
import { checkString } from './arguments.ts';
import { O_CLOEXEC, O_RDONLY, O_RDWR } from './constants.ts';
import { libc } from './libc.ts';
import { allocate, type Region } from './memory.ts';
import { check } from './system-error.ts';

const LONGEST_VALUE = 4096;

/**
 * @param name 'net.ipv4.ip_forward'. An interface's name may have dots of its own: with slashes,
 *   'net/ipv6/conf/eth0.1/disable_ipv6', they are taken as they are
 * @throws {SystemError} ENOENT: there is no such parameter; EACCES, EROFS: it may not be written
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
 * The value without the line end.
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

/** A name that leads out of /proc/sys would be any file's. */
function checkParameter(name: unknown): void {
  checkString('name', name);
  const text = String(name);
  if (/^[^/]/.test(text) && !text.split('/').includes('..')) return;
  throw new TypeError(`"name" expected a kernel parameter, got ${JSON.stringify(name)}`);
}
