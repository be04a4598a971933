import { Endpoint } from '@litz/core';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { UdpCounters } from '../src/counters.ts';
import { SEND_QUEUE_CAPACITY, SendQueue } from '../src/send-queue.ts';
import { kernel, type SentMessage } from './fake-kernel.ts';
import { runOf } from './run-of.ts';

vi.mock(import('@litz/sys'), async (original) =>
  (await import('./fake-kernel.ts')).fakeSys(await original()),
);

const PEER = new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820);
const OTHER = new Endpoint(Uint8Array.of(192, 0, 2, 2), 51820);
const MEMORY = Uint8Array.from({ length: 400_000 }, (_, i) => (i * 7) ^ (i >> 8));

const EINVAL = 22;
const EIO = 5;
const EMSGSIZE = 90;
const UDP_SEGMENT = 103;

beforeEach(() => kernel.reset());

// A message is what one mmsghdr describes: one datagram, or several that the kernel splits.
describe('SendQueue with runs that are not adjacent', () => {
  test('passes one iovec per datagram to the kernel, but only one for adjacent datagrams', () => {
    const { queue, counters } = open();
    queue.pushRun(runOf(MEMORY, 16, 1000, 400, 1152, 4, PEER, 0));
    queue.pushRun(runOf(MEMORY, 20_016, 1000, 400, 1000, 4, OTHER, 0));
    queue.flush();
    expect(kernel.sent.map(groupOf)).toEqual([
      [1000, 1000, 1000, 1000, 400],
      [1000, 3400],
    ]);
    expect(kernel.sent[0].payload).toEqual(
      concat([16, 1016], [1168, 2168], [2320, 3320], [3472, 3872]),
    );
    expect(kernel.sent[1].payload).toEqual(MEMORY.slice(20_016, 23_416));
    expect(counters).toMatchObject({ sentDatagrams: 8, sentMessages: 2 });
  });

  test('joins consecutive runs of one length in one message', () => {
    const { queue } = open();
    queue.pushRun(runOf(MEMORY, 0, 500, 500, 640, 2, PEER, 0));
    queue.pushRun(runOf(MEMORY, 1280, 500, 500, 640, 3, PEER, 0));
    queue.push(MEMORY, 3200, 500, PEER, 0);
    // A run of one datagram. The length of the run is greater, but no datagram has that length.
    queue.pushRun(runOf(MEMORY, 3840, 900, 500, 0, 1, PEER, 0));
    // The shorter last datagram of this run ends the message.
    queue.pushRun(runOf(MEMORY, 4480, 500, 20, 640, 2, PEER, 0));
    queue.pushRun(runOf(MEMORY, 5760, 500, 500, 640, 1, PEER, 0));
    queue.flush();
    expect(kernel.sent.map(groupOf)).toEqual([
      [500, ...Array(8).fill(500), 20],
      [undefined, 500],
    ]);
    const whole = Array.from({ length: 8 }, (_, i): [number, number] => [i * 640, i * 640 + 500]);
    expect(kernel.sent[0].payload).toEqual(concat(...whole, [5120, 5140]));
  });

  test('ends a message if the next run is longer or has another destination or TOS', () => {
    const { queue } = open();
    queue.pushRun(runOf(MEMORY, 0, 500, 500, 640, 2, PEER, 0));
    // The last datagram of this run cannot join, because a longer one is before it.
    queue.pushRun(runOf(MEMORY, 1280, 600, 500, 640, 2, PEER, 0));
    queue.pushRun(runOf(MEMORY, 2560, 600, 500, 640, 2, OTHER, 0));
    queue.pushRun(runOf(MEMORY, 3840, 500, 500, 640, 2, OTHER, 1));
    queue.flush();
    expect(kernel.sent.map(groupOf)).toEqual([
      [500, 500, 500],
      [600, 600, 500],
      [600, 600, 500],
      [500, 500, 500],
    ]);
  });

  test('uses one iovec for adjacent datagrams only within one buffer', () => {
    const { queue } = open();
    const twin = MEMORY.slice();
    queue.pushRun(runOf(MEMORY, 0, 100, 100, 100, 2, PEER, 0));
    queue.pushRun(runOf(twin, 200, 100, 100, 100, 2, PEER, 0));
    queue.pushRun(runOf(MEMORY, 400, 100, 100, 150, 2, PEER, 0));
    queue.flush();
    expect(kernel.sent.map(groupOf)).toEqual([[100, 200, 200, 100, 100]]);
    expect(kernel.sent[0].payload).toEqual(concat([0, 400], [400, 500], [550, 650]));
  });

  test('puts at most 64 datagrams into a message', () => {
    const { queue, counters } = open();
    queue.pushRun(runOf(MEMORY, 8, 100, 30, 256, 150, PEER, 0));
    queue.flush();
    expect(kernel.sent.map(({ parts }) => parts.length)).toEqual([64, 64, 22]);
    expect(datagrams()).toEqual(placesOf(8, 100, 30, 256, 150));
    expect(counters).toMatchObject({ sentDatagrams: 150, sentMessages: 3 });
  });

  test('sends a run that is longer than the queue, in order', () => {
    const { queue, counters } = open();
    const count = 2 * SEND_QUEUE_CAPACITY + 9;
    queue.push(MEMORY, 0, 50, OTHER, 0);
    queue.pushRun(runOf(MEMORY, 8, 100, 30, 256, count, PEER, 0));
    expect(counters.sentDatagrams).toBe(1 + 2 * SEND_QUEUE_CAPACITY);
    queue.flush();
    expect(datagrams().slice(1)).toEqual(placesOf(8, 100, 30, 256, count));
    expect(counters.sentDatagrams).toBe(1 + count);
  });

  test('fills the whole queue without a flush', () => {
    const { queue, counters } = open();
    queue.pushRun(runOf(MEMORY, 0, 10, 10, 32, SEND_QUEUE_CAPACITY - 1, PEER, 0));
    queue.push(MEMORY, 20_000, 10, PEER, 0);
    expect(kernel.sendCalls).toBe(0);
    queue.push(MEMORY, 20_032, 10, PEER, 0);
    expect(counters.sentDatagrams).toBe(SEND_QUEUE_CAPACITY);
  });

  test.each([EMSGSIZE, EINVAL])(
    'sends each datagram from its own place if a message fails with error %i',
    (errno) => {
      const { queue, counters, errors } = open();
      kernel.onSend = (message) => (segmentOf(message) === undefined ? 0 : errno);
      queue.pushRun(runOf(MEMORY, 16, 1000, 300, 1152, 4, PEER, 0));
      queue.pushRun(runOf(MEMORY, 9016, 1000, 1000, 1152, 3, PEER, 0));
      queue.flush();
      expect(kernel.sent.map(({ payload }) => payload)).toEqual([
        ...placesOf(16, 1000, 300, 1152, 4),
        ...placesOf(9016, 1000, 1000, 1152, 3),
      ]);
      expect(counters).toMatchObject({ sentDatagrams: 7, sentOneByOne: 2 });
      expect(errors).toEqual([]);
    },
  );

  test('sends the rest of a run one by one if the link cannot segment', () => {
    const { queue, counters } = open();
    kernel.onSend = (message) =>
      kernel.sent.length === 1 && segmentOf(message) !== undefined ? EIO : 0;
    queue.pushRun(runOf(MEMORY, 8, 100, 30, 256, 150, PEER, 0));
    queue.flush();
    expect(kernel.sent).toHaveLength(1 + 150 - 64);
    expect(datagrams()).toEqual(placesOf(8, 100, 30, 256, 150));
    expect(counters.sentDatagrams).toBe(150);
  });

  test('makes the same messages from a run as from its single datagrams', () => {
    const lengths = fc.constantFrom(1, 16, 100, 101, 1452);
    const run = fc.record({
      each: lengths,
      less: fc.constantFrom(0, 0, 1, 85, 1451),
      gap: fc.constantFrom(0, 0, 1, 96),
      count: fc.integer({ min: 1, max: 70 }),
      to: fc.constantFrom(PEER, PEER, PEER, OTHER),
      tos: fc.constantFrom(0, 0, 0, 1),
    });
    const queues = [true, false].map((on) => [open(on), open(on)]);
    fc.assert(
      fc.property(fc.array(run, { maxLength: 3 }), fc.boolean(), (runs, segmenting) => {
        kernel.sent = [];
        const [inRuns, single] = queues[segmenting ? 0 : 1];
        let at = 5;
        for (const { each, less, gap, count, to, tos } of runs) {
          const stride = each + gap;
          const last = Math.max(0, each - less);
          inRuns.queue.pushRun(runOf(MEMORY, at, each, last, stride, count, to, tos));
          for (let i = 0; i < count; i++) {
            const length = i < count - 1 ? each : last;
            single.queue.push(MEMORY, at + i * stride, length, to, tos);
          }
          at += count * stride;
        }
        inRuns.queue.flush();
        const sent = kernel.sent.splice(0);
        single.queue.flush();
        expect(sent.map(summaryOf)).toEqual(kernel.sent.map(summaryOf));
        expect(inRuns.counters).toEqual(single.counters);
      }),
    );
  });
});

function open(segmenting = true): {
  queue: SendQueue;
  counters: UdpCounters;
  errors: number[];
} {
  const counters = new UdpCounters();
  const errors: number[] = [];
  const callbacks = { onSendError: (errno: number): unknown => errors.push(errno) };
  return { queue: new SendQueue(4, 5, { segmenting, counters, callbacks }), counters, errors };
}

/** The parts of a message, in a form that is compared quickly. */
function summaryOf({ address, payload, parts, control }: SentMessage): unknown {
  const pieces = parts.map((part) => part.length);
  return { address, pieces, control, payload: Buffer.from(payload).toString('latin1') };
}

/** The segment length of a message, and the length of each iovec. */
function groupOf(message: SentMessage): (number | undefined)[] {
  return [segmentOf(message), ...message.parts.map((part) => part.length)];
}

/** The datagrams that the receiver gets. */
function datagrams(): Uint8Array[] {
  return kernel.sent.flatMap((message) => {
    const { payload } = message;
    const segment = segmentOf(message) ?? payload.length;
    const count = Math.ceil(payload.length / segment);
    return Array.from({ length: count }, (_, i) => payload.slice(i * segment, (i + 1) * segment));
  });
}

function placesOf(
  offset: number,
  each: number,
  last: number,
  stride: number,
  count: number,
): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const at = offset + i * stride;
    return MEMORY.slice(at, at + (i < count - 1 ? each : last));
  });
}

function concat(...places: [from: number, to: number][]): Uint8Array {
  return Uint8Array.from(places.flatMap(([from, to]) => [...MEMORY.subarray(from, to)]));
}

function segmentOf(message: SentMessage): number | undefined {
  const data = message.control.find(({ type }) => type === UDP_SEGMENT)?.data;
  return data && data[0] | (data[1] << 8);
}
