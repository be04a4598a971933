/**
 * A fake kernel for unit tests. It has memory with addresses, socket calls such as sendmmsg and
 * recvmmsg that use this memory, and errors that a test chooses. It reads the structures with code
 * of its own, not with the code under test.
 *
 * Use: `vi.mock('@litz/sys', async (original) => fakeSys(await original()))`.
 *
 * @module
 */
import type * as Sys from '@litz/sys';

/** One message of sendmmsg as the kernel sees it: one datagram, or several with UDP_SEGMENT. */
export interface SentMessage {
  family: number;
  port: number;
  address: number[];
  scope: number;
  /** One entry per iovec. */
  parts: Uint8Array[];
  payload: Uint8Array;
  control: { level: number; type: number; data: Uint8Array }[];
}

/** One message that recvmmsg returns. */
export interface IncomingMessage {
  name: Uint8Array;
  payload: Uint8Array;
  control: Uint8Array;
  flags?: number;
}

const regions: { address: number; bytes: Uint8Array }[] = [];
let nextAddress = 0x7f12_3456_7000;

/** What the fake kernel has seen, and what it must do. Call `reset` before each test. */
export const kernel = {
  errno: 0,
  /** Each message that sendmmsg has accepted. */
  sent: [] as SentMessage[],
  sendCalls: 0,
  /** Port of the socket that sent last. */
  lastSender: 0,
  /**
   * Called with the name of each system call except close, poll and recvmmsg, and with 'UDP_GRO'
   * when that option is set.
   */
  onCall: (_call: string): unknown => undefined,
  polls: 0,
  /** The clock, in ms. A poll advances it by the whole timeout. */
  now: 0,
  /** Returns 0 to accept a message, or the errno with which sending it fails. */
  onSend: (_message: SentMessage): number => 0,
  /** Returns the messages that arrive when a message was accepted. */
  onLoopback: (_message: SentMessage): IncomingMessage[] => [],
  /** The open descriptors, and for each descriptor whether it has UDP_GRO. */
  sockets: new Map<number, boolean>(),
  /** The name of the system call that fails, and its errno. */
  failing: undefined as [call: string, errno: number] | undefined,
  /** What recvmmsg returns, in order. A number is an errno. */
  incoming: [] as (IncomingMessage | number)[],
  reset(): void {
    kernel.sent = [];
    kernel.sendCalls = 0;
    kernel.lastSender = 0;
    kernel.onCall = () => undefined;
    kernel.polls = 0;
    kernel.now = 1000;
    kernel.onSend = () => 0;
    kernel.onLoopback = () => [];
    kernel.sockets.clear();
    kernel.failing = undefined;
    kernel.incoming = [];
  },
};

/** Returns @litz/sys with fake memory and fake system calls. */
export function fakeSys(original: typeof Sys): typeof Sys {
  const libc = { errno: () => kernel.errno, sendmmsg, recvmmsg, poll, ...socketCalls };
  return {
    ...original,
    allocate,
    addressOf,
    boottimeMs: () => kernel.now,
    libc: () => libc as unknown as Sys.Libc,
  };
}

/** The port of a socket is 1000 plus its descriptor. */
const socketCalls = {
  socket: () => {
    kernel.onCall('socket');
    const fd = 10 + kernel.sockets.size;
    kernel.sockets.set(fd, false);
    return fd;
  },
  bind: () => result('bind'),
  getsockname: (fd: number, address: number) => {
    viewOf(at(address, 28)).setUint16(2, 1000 + fd, false);
    return result('getsockname');
  },
  getsockopt: () => result('getsockopt'),
  setsockopt: (fd: number, level: number, name: number) => {
    if (level === 17 && name === 104) {
      kernel.sockets.set(fd, true);
      kernel.onCall('UDP_GRO');
    }
    return result('setsockopt');
  },
  close: (fd: number) => (kernel.sockets.delete(fd) ? 0 : -1),
};

function result(call: string): number {
  kernel.onCall(call);
  if (kernel.failing?.[0] !== call) return 0;
  kernel.errno = kernel.failing[1];
  return -1;
}

function allocate(length: number): Sys.Region {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer), address: addressOf(bytes) };
}

function addressOf(view: ArrayBufferView): number {
  let region = regions.find(({ bytes }) => bytes.buffer === view.buffer);
  if (!region) {
    region = { address: nextAddress, bytes: new Uint8Array(view.buffer) };
    regions.push(region);
    nextAddress += Math.ceil(region.bytes.length / 4096) * 4096 + 4096;
  }
  return region.address + view.byteOffset;
}

/**
 * Returns the bytes at an address. An access outside of all regions fails the test, because a real
 * kernel would use any memory at that address. So each test with this fake also checks the bounds
 * of all memory that is passed to the kernel.
 */
function at(address: number, length: number): Uint8Array {
  for (const region of regions) {
    const offset = address - region.address;
    if (offset >= 0 && offset + length <= region.bytes.length) {
      return region.bytes.subarray(offset, offset + length);
    }
  }
  throw new Error(`foreign memory: ${length} bytes at 0x${address.toString(16)}`);
}

function poll(_entries: number, _count: number, timeoutMs: number): number {
  kernel.polls++;
  kernel.now += timeoutMs;
  return 0;
}

function sendmmsg(fd: number, messages: number, count: number): number {
  kernel.onCall('sendmmsg');
  kernel.lastSender = 1000 + fd;
  kernel.sendCalls++;
  for (let i = 0; i < count; i++) {
    const message = readMessage(messages + i * 64);
    // A closed socket: EBADF. An address of 0: EFAULT.
    const errno = fd < 0 ? 9 : message === undefined ? 14 : kernel.onSend(message);
    if (errno !== 0) {
      if (i > 0) return i;
      kernel.errno = errno;
      return -1;
    }
    kernel.sent.push(message!);
    kernel.incoming.push(...kernel.onLoopback(message!));
  }
  return count;
}

/** @returns undefined if an iovec has the address 0 */
function readMessage(header: number): SentMessage | undefined {
  const view = viewOf(at(header, 64));
  const name = viewOf(at(pointer(view, 0), view.getUint32(8, true)));
  const parts: Uint8Array[] = [];
  for (let i = 0; i < view.getUint32(24, true); i++) {
    const iovec = viewOf(at(pointer(view, 16) + i * 16, 16));
    if (pointer(iovec, 0) === 0) return undefined;
    parts.push(at(pointer(iovec, 0), iovec.getUint32(8, true)).slice());
  }
  const family = name.getUint16(0, true);
  const address = new Uint8Array(name.buffer, name.byteOffset + (family === 2 ? 4 : 8));
  return {
    family,
    port: name.getUint16(2, false),
    address: [...address.subarray(0, family === 2 ? 4 : 16)],
    scope: family === 2 ? 0 : name.getUint32(24, true),
    parts,
    payload: Uint8Array.from(Buffer.concat(parts)),
    control: readControl(at(pointer(view, 32), view.getUint32(40, true))),
  };
}

function readControl(bytes: Uint8Array): SentMessage['control'] {
  const out: SentMessage['control'] = [];
  const view = viewOf(bytes);
  for (let i = 0; i < bytes.length;) {
    const length = Number(view.getBigUint64(i, true));
    const data = bytes.slice(i + 16, i + length);
    out.push({ level: view.getInt32(i + 8, true), type: view.getInt32(i + 12, true), data });
    i += Math.ceil(length / 8) * 8;
  }
  return out;
}

function recvmmsg(_fd: number, messages: number, count: number): number {
  let received = 0;
  for (; received < count && kernel.incoming.length > 0; received++) {
    const next = kernel.incoming[0];
    if (typeof next === 'number') {
      if (received > 0) break;
      kernel.incoming.shift();
      kernel.errno = next;
      return -1;
    }
    kernel.incoming.shift();
    writeMessage(messages + received * 64, next);
  }
  if (received > 0) return received;
  kernel.errno = 11;
  return -1;
}

function writeMessage(
  header: number,
  { name, payload, control, flags = 0 }: IncomingMessage,
): void {
  const view = viewOf(at(header, 64));
  const iovec = viewOf(at(pointer(view, 16), 16));
  at(pointer(view, 0), view.getUint32(8, true)).set(name);
  at(pointer(iovec, 0), iovec.getUint32(8, true)).set(payload);
  at(pointer(view, 32), view.getUint32(40, true)).set(control);
  view.setUint32(8, name.length, true);
  view.setUint32(40, control.length, true);
  view.setUint32(48, flags, true);
  view.setUint32(56, payload.length, true);
}

function pointer(view: DataView, offset: number): number {
  return Number(view.getBigUint64(offset, true));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
