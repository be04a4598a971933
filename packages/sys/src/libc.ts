/**
 * `libc`: the C library of the running process, through koffi. It has only the system calls that
 * Litz makes.
 *
 * Pointers are plain numbers, because BigInts and Buffer arguments would allocate on every call. A
 * number is enough: user-space addresses have 47 bits. `load(null)` uses the libc that Node.js
 * itself is linked with, so that musl works like glibc. koffi has a package of its own for each
 * platform (such as `@koromix/koffi-linux-x64`), which contains only the binary. Litz loads that
 * package, because the package `koffi` has an install script, which pnpm refuses to run.
 *
 * @module
 */
import { createRequire } from 'node:module';
import { WireGuardError } from '@litz/core/text';

/**
 * Every function returns what the C function returns: -1 means failure (0 for the two functions
 * `if_...`), and `errno()` returns the reason.
 */
export interface Libc {
  errno(): number;
  open(path: string, flags: number, mode: number): number;
  close(fd: number): number;
  read(fd: number, buffer: number, length: number): number;
  write(fd: number, buffer: number, length: number): number;
  readv(fd: number, vectors: number, count: number): number;
  writev(fd: number, vectors: number, count: number): number;
  ioctl(fd: number, request: number, argument: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  flock(fd: number, operation: number): number;
  socket(domain: number, type: number, protocol: number): number;
  socketpair(domain: number, type: number, protocol: number, fds: number): number;
  bind(fd: number, address: number, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: number, length: number, flags: number): number;
  connect(fd: number, address: number, length: number): number;
  getsockname(fd: number, address: number, length: number): number;
  setsockopt(fd: number, level: number, name: number, value: number, length: number): number;
  getsockopt(fd: number, level: number, name: number, value: number, length: number): number;
  send(fd: number, buffer: number, length: number, flags: number): number;
  recv(fd: number, buffer: number, length: number, flags: number): number;
  sendto(
    fd: number,
    buffer: number,
    length: number,
    flags: number,
    address: number,
    addressLength: number,
  ): number;
  recvfrom(
    fd: number,
    buffer: number,
    length: number,
    flags: number,
    address: number,
    addressLength: number,
  ): number;
  sendmsg(fd: number, message: number, flags: number): number;
  recvmsg(fd: number, message: number, flags: number): number;
  sendmmsg(fd: number, messages: number, count: number, flags: number): number;
  recvmmsg(fd: number, messages: number, count: number, flags: number, timeout: number): number;
  poll(fds: number, count: number, timeoutMs: number): number;
  eventfd(initial: number, flags: number): number;
  memfd_create(name: string, flags: number): number;
  dup2(from: number, to: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: number): number;
  timerfd_create(clock: number, flags: number): number;
  timerfd_settime(fd: number, flags: number, value: number, old: number): number;
  clock_gettime(clock: number, timespec: number): number;
  unshare(flags: number): number;
  setns(fd: number, type: number): number;
  mount(
    source: string,
    target: string,
    type: string | null,
    flags: number,
    data: string | null,
  ): number;
  umount2(target: string, flags: number): number;
  prctl(option: number, first: number, second: number, third: number, fourth: number): number;
  capset(header: number, data: number): number;
  /** `pid` 0: this process. `limit` and `old`: addresses; 0: none. */
  prlimit(pid: number, resource: number, limit: number, old: number): number;
  mlock(address: number, length: number): number;
  /** The system call with this number. `third`: an address. */
  syscall(number: number, first: number, second: number, third: number): number;
  /** Returns only if it failed. `args` and `env`: addresses of arrays of pointers. */
  execve(path: string, args: number, env: number): number;
  if_nametoindex(name: string): number;
  /** Returns 0 for failure. */
  if_indextoname(index: number, name: number): number;
}

/** The part of koffi that Litz uses. */
export interface Koffi {
  /** Opens a library; null: this process. */
  load(path: string | null): { func(signature: string): (...args: never[]) => unknown };
  /** The errno of the last call in this thread. */
  errno(): number;
  /** The address of a view's first byte. */
  address(view: ArrayBufferView): bigint;
  /** The memory at an address, without a copy. The memory is not kept alive. */
  view(address: number, length: number): ArrayBuffer;
}

let loaded: { koffi: Koffi; libc: Libc } | undefined;

/**
 * Returns the C library, which is loaded on first use.
 *
 * @throws {WireGuardError} `ERR_LITZ_UNSUPPORTED_PLATFORM`: this is not Linux on x64 or arm64;
 *   `ERR_LITZ_FFI_MISSING`: koffi is not installed or has no binary for this machine
 */
export function libc(): Libc {
  return (loaded ??= load()).libc;
}

/**
 * Returns koffi itself, for functions that {@link Libc} does not have, and for addresses of memory.
 * Throws as {@link libc} does.
 */
export function koffi(): Koffi {
  return (loaded ??= load()).koffi;
}

function load(): { koffi: Koffi; libc: Libc } {
  if (process.platform !== 'linux') {
    throw new WireGuardError(
      'ERR_LITZ_UNSUPPORTED_PLATFORM',
      `Linux system calls expected "process.platform" to be linux, got ${process.platform}`,
    );
  }
  // Structures are written field by field, with the sizes and the byte order of these two
  // architectures.
  if (process.arch !== 'x64' && process.arch !== 'arm64') {
    throw new WireGuardError(
      'ERR_LITZ_UNSUPPORTED_PLATFORM',
      `Linux system calls expected "process.arch" to be x64 or arm64, got ${process.arch}`,
    );
  }
  const binary = `@koromix/koffi-linux-${process.arch}`;
  let ffi: Koffi;
  try {
    ffi = createRequire(import.meta.url)(binary) as Koffi;
  } catch (cause) {
    throw new WireGuardError(
      'ERR_LITZ_FFI_MISSING',
      `${binary}, an optional dependency of @litz/sys, is not installed or does not load here: ` +
        'was it installed without optional dependencies, or for another machine?',
      { cause },
    );
  }
  const library = ffi.load(null);
  const functions: Record<string, unknown> = { errno: () => ffi.errno() };
  for (const [name, signature] of Object.entries(SIGNATURES))
    functions[name] = library.func(signature);
  return { koffi: ffi, libc: functions as unknown as Libc };
}

const SIGNATURES: Record<keyof Omit<Libc, 'errno'>, string> = {
  open: 'int open(str path, int flags, int mode)',
  close: 'int close(int fd)',
  read: 'long read(int fd, uintptr_t buffer, ulong length)',
  write: 'long write(int fd, uintptr_t buffer, ulong length)',
  readv: 'long readv(int fd, uintptr_t vectors, int count)',
  writev: 'long writev(int fd, uintptr_t vectors, int count)',
  ioctl: 'int ioctl(int fd, ulong request, uintptr_t argument)',
  fcntl: 'int fcntl(int fd, int command, long argument)',
  flock: 'int flock(int fd, int operation)',
  socket: 'int socket(int domain, int type, int protocol)',
  socketpair: 'int socketpair(int domain, int type, int protocol, uintptr_t fds)',
  bind: 'int bind(int fd, uintptr_t address, uint length)',
  listen: 'int listen(int fd, int backlog)',
  accept4: 'int accept4(int fd, uintptr_t address, uintptr_t length, int flags)',
  connect: 'int connect(int fd, uintptr_t address, uint length)',
  getsockname: 'int getsockname(int fd, uintptr_t address, uintptr_t length)',
  setsockopt: 'int setsockopt(int fd, int level, int name, uintptr_t value, uint length)',
  getsockopt: 'int getsockopt(int fd, int level, int name, uintptr_t value, uintptr_t length)',
  send: 'long send(int fd, uintptr_t buffer, ulong length, int flags)',
  recv: 'long recv(int fd, uintptr_t buffer, ulong length, int flags)',
  sendto:
    'long sendto(int fd, uintptr_t buffer, ulong length, int flags, uintptr_t address, uint addressLength)',
  recvfrom:
    'long recvfrom(int fd, uintptr_t buffer, ulong length, int flags, uintptr_t address, uintptr_t addressLength)',
  sendmsg: 'long sendmsg(int fd, uintptr_t message, int flags)',
  recvmsg: 'long recvmsg(int fd, uintptr_t message, int flags)',
  sendmmsg: 'int sendmmsg(int fd, uintptr_t messages, uint count, int flags)',
  recvmmsg: 'int recvmmsg(int fd, uintptr_t messages, uint count, int flags, uintptr_t timeout)',
  poll: 'int poll(uintptr_t fds, ulong count, int timeoutMs)',
  memfd_create: 'int memfd_create(str name, uint flags)',
  dup2: 'int dup2(int from, int to)',
  eventfd: 'int eventfd(uint initial, int flags)',
  epoll_create1: 'int epoll_create1(int flags)',
  epoll_ctl: 'int epoll_ctl(int epoll, int operation, int fd, uintptr_t event)',
  timerfd_create: 'int timerfd_create(int clock, int flags)',
  timerfd_settime: 'int timerfd_settime(int fd, int flags, uintptr_t value, uintptr_t old)',
  clock_gettime: 'int clock_gettime(int clock, uintptr_t timespec)',
  unshare: 'int unshare(int flags)',
  setns: 'int setns(int fd, int type)',
  mount: 'int mount(str source, str target, str type, ulong flags, str data)',
  umount2: 'int umount2(str target, int flags)',
  prctl: 'int prctl(int option, ulong first, ulong second, ulong third, ulong fourth)',
  capset: 'int capset(uintptr_t header, uintptr_t data)',
  prlimit: 'int prlimit(int pid, int resource, uintptr_t limit, uintptr_t old)',
  mlock: 'int mlock(uintptr_t address, ulong length)',
  syscall: 'long syscall(long number, long first, long second, uintptr_t third)',
  execve: 'int execve(str path, uintptr_t args, uintptr_t env)',
  if_nametoindex: 'uint if_nametoindex(str name)',
  if_indextoname: 'uintptr_t if_indextoname(uint index, uintptr_t name)',
};
