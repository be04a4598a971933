import { beforeEach, describe, expect, test, vi } from 'vitest';
import { testOffloads } from '../src/offload-self-test.ts';
import { kernel, type IncomingMessage, type SentMessage } from './fake-kernel.ts';

vi.mock(import('@litz/sys'), async (original) =>
  (await import('./fake-kernel.ts')).fakeSys(await original()),
);

const EPERM = 1;
const EIO = 5;
const EINVAL = 22;
const EADDRNOTAVAIL = 99;
const ENETUNREACH = 101;
const ENOPROTOOPT = 92;
const BOTH_WORK = { udpGso: 'works', udpGro: 'works' };
const NOTHING_KNOWN = { udpGso: 'unknown', udpGro: 'unknown' };

beforeEach(() => {
  kernel.reset();
  kernel.onLoopback = cut;
});

// A message is what one mmsghdr describes: one datagram, or several that the kernel splits.
describe('testOffloads', () => {
  test('finds no fault in a kernel whose offloads work', () => {
    expect(testOffloads({ gro: true })).toEqual(BOTH_WORK);
    // One message of five datagrams, and a plain datagram; first without UDP_GRO, then with it.
    expect(kernel.sent.map(({ payload }) => payload.length)).toEqual([2100, 600, 2100, 600]);
    expect(kernel.polls).toBe(0);
  });

  test('returns unknown for coalescing if it was not requested', () => {
    expect(testOffloads({ gro: false })).toEqual({ udpGso: 'works', udpGro: 'unknown' });
    expect(kernel.sent).toHaveLength(2);
  });

  test('closes its sockets', () => {
    testOffloads({ gro: true });
    kernel.onLoopback = () => [];
    testOffloads({ gro: true });
    kernel.failing = ['bind', EADDRNOTAVAIL];
    testOffloads({ gro: true });
    expect(kernel.sockets.size).toBe(0);
  });

  test.each([EINVAL, EIO])('reports a kernel that refuses segmentation with errno %i', (errno) => {
    kernel.onSend = (message) => (segmentOf(message) > 0 ? errno : 0);
    expect(testOffloads({ gro: true }).udpGso).toEqual({
      fault: 'self-test on loopback: the kernel refuses to segment a message',
    });
  });

  test.each<[string, (message: SentMessage) => IncomingMessage[], number]>([
    ['does not split a message', ({ payload }) => [incoming(payload)], 2100],
    [
      'splits a message at other places',
      ({ payload }) => chunks(payload, 400).map((part) => incoming(part)),
      400,
    ],
    ['changes a byte', (message) => cut(message).map((p, i) => (i === 2 ? broken(p) : p)), 500],
    ['loses datagrams and changes the others', (message) => cut(message).slice(4).map(broken), 100],
  ])('reports a kernel that %s', (_, onLoopback, length) => {
    kernel.onLoopback = (message) =>
      segmentOf(message) > 0 ? onLoopback(message) : [incoming(message.payload)];
    const fault = `self-test on loopback: a datagram of ${length} bytes arrived, but no such datagram was sent`;
    expect(testOffloads({ gro: true })).toEqual({ udpGso: { fault }, udpGro: 'unknown' });
    expect(kernel.now).toBeLessThanOrEqual(1001);
  });

  test.each([
    [
      'comes without a length',
      -1,
      'a datagram of 2100 bytes arrived, but no such datagram was sent',
    ],
    [
      'comes with another length',
      300,
      'a datagram of 300 bytes arrived, but no such datagram was sent',
    ],
    ['comes with a length of 0', 0, 'the kernel reports an impossible length'],
  ])('reports a coalesced message that %s', (_, length, reason) => {
    kernel.onLoopback = (message) =>
      isCoalescing() && segmentOf(message) > 0 ? [incoming(message.payload, length)] : cut(message);
    const fault = `self-test on loopback: ${reason}`;
    expect(testOffloads({ gro: true })).toEqual({ udpGso: 'works', udpGro: { fault } });
  });

  test('finds no fault in a kernel that does not coalesce', () => {
    kernel.onLoopback = ({ payload, ...message }) =>
      chunks(payload, segmentOf({ payload, ...message }) || payload.length).map((p) => incoming(p));
    expect(testOffloads({ gro: true })).toEqual(BOTH_WORK);
  });

  test('tries again if a datagram is missing', () => {
    let isLate = true;
    kernel.onLoopback = (message) => {
      if (segmentOf(message) === 0 || !isLate) return cut(message);
      isLate = false;
      return [];
    };
    expect(testOffloads({ gro: true })).toEqual(BOTH_WORK);
    expect(kernel.sent).toHaveLength(6);
  });

  test('ignores datagrams of other senders', () => {
    kernel.onLoopback = (message) => [
      { ...incoming(Uint8Array.of(1, 2, 3)), name: nameOf(53) },
      // All addresses in 127.0.0.0/8 are loopback addresses.
      { ...incoming(Uint8Array.of(1, 2, 3)), name: nameOf(1010, 2) },
      ...cut(message),
    ];
    expect(testOffloads({ gro: true })).toEqual(BOTH_WORK);
  });

  test.each<[string, (message: SentMessage) => IncomingMessage[]]>([
    ['a copy', (message) => [...cut(message), ...cut(message)].slice(0, 6)],
    ['another order', (message) => cut(message).toReversed()],
  ])('does not report %s as a fault', (_, onLoopback) => {
    kernel.onLoopback = (message) => (isCoalescing() ? cut(message) : onLoopback(message));
    expect(testOffloads({ gro: true }).udpGso).not.toHaveProperty('fault');
  });

  describe('returns unknown', () => {
    test.each<[string, () => void]>([
      ['without the address', () => (kernel.failing = ['bind', EADDRNOTAVAIL])],
      ['without UDP_SEGMENT', () => (kernel.failing = ['getsockopt', ENOPROTOOPT])],
      ['where loopback is down', () => (kernel.onSend = () => ENETUNREACH)],
      ['where sending is not allowed', () => (kernel.onSend = () => EPERM)],
      ['where nothing arrives', () => (kernel.onLoopback = () => [])],
      ['where the message is lost', () => losing(({ length }) => length === 2100)],
      ['where the plain datagram is lost', () => losing(({ length }) => length === 600)],
      ['where one datagram of the message is lost', () => losing(({ length }) => length === 100)],
    ])('%s', (_, prepare) => {
      prepare();
      expect(testOffloads({ gro: true })).toEqual(NOTHING_KNOWN);
      // At most two tries of one millisecond.
      expect(kernel.now).toBeLessThanOrEqual(1002);
    });

    test('for coalescing without UDP_GRO', () => {
      kernel.failing = ['setsockopt', ENOPROTOOPT];
      expect(testOffloads({ gro: true })).toEqual({ udpGso: 'works', udpGro: 'unknown' });
      expect(kernel.sent).toHaveLength(2);
    });

    test('for coalescing if the receiver gets nothing', () => {
      kernel.onLoopback = (message) => (isCoalescing() ? [] : cut(message));
      expect(testOffloads({ gro: true })).toEqual({ udpGso: 'works', udpGro: 'unknown' });
    });
  });
});

/** Loses a message, or the datagrams into which it is split, if `isLost` says so. */
function losing(isLost: (payload: Uint8Array) => boolean): void {
  kernel.onLoopback = (message) =>
    isLost(message.payload) ? [] : cut(message).filter(({ payload }) => !isLost(payload));
}

/** Does what a kernel does: splits the message, unless the receiver has UDP_GRO. */
function cut(message: SentMessage): IncomingMessage[] {
  const { payload } = message;
  const length = segmentOf(message);
  if (length === 0) return [incoming(payload)];
  if (isCoalescing()) return [incoming(payload, length)];
  return chunks(payload, length).map((part) => incoming(part));
}

function isCoalescing(): boolean {
  return [...kernel.sockets.values()].includes(true);
}

function chunks(payload: Uint8Array, length: number): Uint8Array[] {
  const count = Math.ceil(payload.length / length);
  return Array.from({ length: count }, (_, i) => payload.slice(i * length, (i + 1) * length));
}

/** A message from the first socket; with a control message of UDP_GRO if a length is given. */
function incoming(payload: Uint8Array, segmentLength?: number): IncomingMessage {
  const name = nameOf(1010);
  if (segmentLength === undefined || segmentLength < 0) {
    return { name, payload, control: new Uint8Array(0) };
  }
  const control = Buffer.alloc(24);
  control.writeUInt32LE(20, 0);
  control.writeUInt32LE(17, 8);
  control.writeUInt32LE(104, 12);
  control.writeUInt32LE(segmentLength, 16);
  return { name, payload, control };
}

function broken(message: IncomingMessage): IncomingMessage {
  return { ...message, payload: message.payload.map((byte, i) => (i === 7 ? byte ^ 1 : byte)) };
}

/** struct sockaddr_in of 127.0.0.`host` */
function nameOf(port: number, host = 1): Uint8Array {
  return Uint8Array.of(2, 0, port >> 8, port & 255, 127, 0, 0, host, 0, 0, 0, 0, 0, 0, 0, 0);
}

/** Returns the segment length of UDP_SEGMENT; 0: the message is a single datagram. */
function segmentOf({ control }: SentMessage): number {
  const data = control.find(({ level, type }) => level === 17 && type === 103)?.data;
  return data ? data[0] | (data[1] << 8) : 0;
}
