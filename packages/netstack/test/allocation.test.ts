import { seededRandomBytes } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { createPacketOffload, Stack, type TcpSocket } from '../src/index.ts';

const SEGMENTS = 10_000;
/** In bytes. V8 puts each returned time into a new object of 16 bytes. A segment may need ten. */
const TIMES = 10 * 16;
/** A view has about 96 bytes. */
const VIEW = 110;

describe('a stream between two stacks', () => {
  test('allocates nothing for a segment, but a view for each copy of more than 64 bytes', () => {
    const pair = createPair();
    // Copies of up to 64 bytes need no view, so any other allocation is seen.
    expect(bytesForSegment(pair, 60, false)).toBeLessThan(TIMES);
    expect(bytesForSegment(pair, 60, true)).toBeLessThan(TIMES);
    // The data is copied four times: into a buffer and out of it, at both ends. Each time there are
    // up to 16 pieces of at most 4096 bytes, and each piece needs a view.
    expect(bytesForSegment(pair, 60_000, true)).toBeLessThan(TIMES + 4 * 16 * VIEW);
  });
});

interface Pair {
  readonly a: Stack;
  readonly b: Stack;
  readonly near: TcpSocket;
  readonly far: TcpSocket;
}

function create(number: number): Stack {
  return new Stack({ randomBytes: seededRandomBytes(number), addresses: [`10.0.0.${number}`] });
}

function createPair(): Pair {
  const [a, b] = [create(1), create(2)];
  const listener = b.listenTcp({ port: 80, noDelay: true });
  const near = a.connectTcp('10.0.0.2', 80, { noDelay: true });
  for (let turn = 0; turn < 3; turn++) {
    carry(a, b);
    carry(b, a);
  }
  return { a, b, near, far: listener.accept()! };
}

const buffer = new Uint8Array(66_000);
const data = new Uint8Array(66_000);
const offload = createPacketOffload();
let now = 1000.5;

/** Carries all packets of one stack to the other. */
function carry(from: Stack, to: Stack, isOffload = false): void {
  for (;;) {
    const length = from.pollPacket(buffer, 0, now, isOffload ? offload : undefined);
    if (length === 0) break;
    to.handlePacket(buffer, 0, length, now, isOffload ? offload : undefined);
  }
  while (to.pollSocket());
  to.pollTimeout();
  from.pollTimeout();
}

/** Returns by how much the heap grows for one segment with `length` bytes in one direction. */
function bytesForSegment({ a, b, near, far }: Pair, length: number, isOffload: boolean): number {
  const count = length > 1000 ? SEGMENTS / 25 : SEGMENTS;
  const send = (segments: number): void => {
    for (let i = 0; i < segments; i++) {
      now += 0.05;
      near.send(data, 0, length);
      carry(a, b, isOffload);
      far.receive(data, 0, length);
      carry(b, a, isOffload);
    }
  };
  send(count * 2);
  const grown: number[] = [];
  while (grown.length < 5) {
    const before = process.memoryUsage().heapUsed;
    send(count);
    const difference = process.memoryUsage().heapUsed - before;
    // Only rounds without a garbage collection count.
    if (difference > 0) grown.push(difference / count);
  }
  // All rounds contain what the segments allocate. Only some contain what the compiler allocates.
  return Math.min(...grown);
}
