import { Endpoint } from '@litz/core';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { UdpCounters } from '../src/counters.ts';
import { SEND_QUEUE_CAPACITY, SendQueue } from '../src/send-queue.ts';
import { kernel, type SentMessage } from './fake-kernel.ts';
import { runOf } from './run-of.ts';

vi.mock(import('@litz/sys'), async (original) =>
  (await import('./fake-kernel.ts')).fakeSys(await original()),
);

const LOCAL = Uint8Array.of(10, 0, 0, 1);
const PEER = new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820);
const STICKY = new Endpoint(PEER.address, 51820, { sourceAddress: LOCAL, sourceInterface: 3 });
const MEMORY = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7) ^ (i >> 8));

const EINTR = 4;
const EIO = 5;
const EAGAIN = 11;
const EINVAL = 22;
const EMSGSIZE = 90;
const ENETUNREACH = 101;
const ECONNREFUSED = 111;
const IP_PKTINFO = 8;
const UDP_SEGMENT = 103;

beforeEach(() => kernel.reset());

// A message is what one mmsghdr describes: one datagram, or several that the kernel splits.
describe('SendQueue', () => {
  test('sends a queue of datagrams in one call', () => {
    const { queue, counters } = open();
    queue.push(MEMORY, 100, 32, PEER, 0);
    queue.push(MEMORY, 5000, 1452, PEER, 0);
    queue.flush();
    expect(kernel.sendCalls).toBe(1);
    expect(payloads()).toEqual([MEMORY.slice(100, 132), MEMORY.slice(5000, 6452)]);
    expect(kernel.sent[0]).toMatchObject({
      family: 2,
      port: 51820,
      address: [192, 0, 2, 1],
      control: [],
    });
    expect(counters).toMatchObject({ sentDatagrams: 2, sentMessages: 2 });
  });

  test('sends each datagram once, and makes no call without a datagram', () => {
    const { queue } = open();
    queue.flush();
    queue.push(MEMORY, 0, 10, PEER, 0);
    queue.flush();
    queue.flush();
    expect(kernel.sendCalls).toBe(1);
  });

  test('passes source, interface and TOS to the kernel', () => {
    const { queue } = open();
    queue.push(MEMORY, 0, 10, STICKY, 0x8a);
    queue.flush();
    const [info, tos] = kernel.sent[0].control;
    expect(info).toMatchObject({ level: 0, type: IP_PKTINFO });
    expect([...info.data]).toEqual([3, 0, 0, 0, 10, 0, 0, 1, 0, 0, 0, 0]);
    expect(tos).toMatchObject({ level: 0, type: 1 });
    expect([...tos.data]).toEqual([0x8a, 0, 0, 0]);
  });

  test('passes an IPv6 destination with its scope and source to the kernel', () => {
    const { queue } = open({ family: 6 });
    const address = Uint8Array.from({ length: 16 }, (_, i) => i);
    const source = Uint8Array.from({ length: 16 }, (_, i) => 16 - i);
    const options = { scopeId: 7, sourceAddress: source, sourceInterface: 7 };
    queue.push(MEMORY, 0, 10, new Endpoint(address, 9, options), 1);
    queue.flush();
    expect(kernel.sent[0]).toMatchObject({ family: 10, port: 9, scope: 7 });
    expect(kernel.sent[0].address).toEqual([...address]);
    const [info, trafficClass] = kernel.sent[0].control;
    expect([info.level, info.type, ...info.data]).toEqual([41, 50, ...source, 7, 0, 0, 0]);
    expect([trafficClass.level, trafficClass.type]).toEqual([41, 67]);
  });

  test('ignores a source of the other family', () => {
    const { queue } = open();
    const options = { sourceAddress: new Uint8Array(16), sourceInterface: 3 };
    queue.push(MEMORY, 0, 10, new Endpoint(PEER.address, 9, options), 0);
    queue.flush();
    expect(kernel.sent[0].control).toEqual([]);
  });

  test('flushes itself when it is full', () => {
    const { queue, counters } = open();
    for (let i = 0; i <= SEND_QUEUE_CAPACITY; i++) queue.push(MEMORY, i, 10, PEER, 0);
    expect(counters.sentDatagrams).toBe(SEND_QUEUE_CAPACITY);
    queue.flush();
    expect(payloads()).toEqual(ofStarts(SEND_QUEUE_CAPACITY + 1));
  });

  test('sends the rest after a call that took only some of the messages', () => {
    const { queue } = open();
    let calls = 0;
    // Every third message fails once. sendmmsg then returns the number of messages before it.
    kernel.onSend = () => (++calls % 3 === 0 ? EINTR : 0);
    for (let i = 0; i < 20; i++) queue.push(MEMORY, i, 10, PEER, 0);
    queue.flush();
    expect(payloads()).toEqual(ofStarts(20));
  });

  test('loses only the datagram that fails', () => {
    const { queue, counters, errors } = open();
    kernel.onSend = ({ payload }) => (payload[0] === MEMORY[5] ? EMSGSIZE : 0);
    for (let i = 0; i < 20; i++) queue.push(MEMORY, i, 10, PEER, 0);
    queue.flush();
    expect(payloads()).toEqual(ofStarts(20).filter((_, i) => i !== 5));
    expect(errors).toEqual([[EMSGSIZE, PEER]]);
    expect(counters).toMatchObject({ sentDatagrams: 19, sendDroppedTooBig: 1 });
  });

  test('sends without the source when the source is gone', () => {
    const { queue, counters, lost, errors } = open();
    kernel.onSend = (message) => (sourceOf(message) ? EINVAL : 0);
    queue.push(MEMORY, 0, 10, PEER, 0);
    queue.push(MEMORY, 1, 10, STICKY, 2);
    queue.push(MEMORY, 2, 10, PEER, 0);
    queue.flush();
    expect(payloads()).toEqual(ofStarts(3));
    expect(kernel.sent[1].control).toHaveLength(1); // only TOS
    expect(lost).toEqual([STICKY]);
    expect(errors).toEqual([]);
    expect(counters.sentWithoutSource).toBe(1);
  });

  test('does not report the source as lost if there is no route at all', () => {
    const { queue, counters, lost, errors } = open();
    kernel.onSend = () => ENETUNREACH;
    queue.push(MEMORY, 0, 10, STICKY, 0);
    queue.flush();
    expect(lost).toEqual([]);
    expect(errors).toEqual([[ENETUNREACH, STICKY]]);
    expect(counters.sendDroppedFailed).toBe(1);
    expect(kernel.sendCalls).toBe(2);
  });

  test('tries again after an error that an earlier datagram caused', () => {
    const { queue, errors } = open();
    let refused = 0;
    kernel.onSend = () => (refused++ === 0 ? ECONNREFUSED : 0);
    queue.push(MEMORY, 0, 10, PEER, 0);
    queue.flush();
    expect(payloads()).toEqual(ofStarts(1));
    expect(errors).toEqual([]);
  });

  test('gives up after a few tries if the error stays', () => {
    const { queue, counters } = open();
    kernel.onSend = () => ECONNREFUSED;
    queue.push(MEMORY, 0, 10, PEER, 0);
    queue.flush();
    expect(counters.sendDroppedFailed).toBe(1);
    expect(kernel.sendCalls).toBeLessThan(10);
  });

  test('waits until a full send buffer accepts data again', () => {
    const { queue, counters } = open();
    kernel.onSend = () => (kernel.sent.length === 5 && kernel.polls < 2 ? EAGAIN : 0);
    for (let i = 0; i < 20; i++) queue.push(MEMORY, i, 10, PEER, 0);
    queue.flush();
    expect(payloads()).toEqual(ofStarts(20));
    expect(counters.sendDroppedBufferFull).toBe(0);
  });

  test('drops datagrams while the send buffer stays full', () => {
    const { queue, counters } = open();
    kernel.onSend = () => (kernel.sent.length === 5 ? EAGAIN : 0);
    for (let i = 0; i < 20; i++) queue.push(MEMORY, i, 10, PEER, 0);
    queue.flush();
    expect(counters).toMatchObject({ sentDatagrams: 5, sendDroppedBufferFull: 15 });
    expect(kernel.polls).toBe(4);
    kernel.onSend = () => 0;
    queue.push(MEMORY, 0, 10, PEER, 0);
    queue.flush();
    expect(counters.sentDatagrams).toBe(6);
  });

  test('uses up its waiting time only once if the send buffer stays full over many flushes', () => {
    const { queue, counters, errors } = open();
    kernel.onSend = () => EAGAIN;
    for (let i = 0; i < 100; i++) {
      queue.push(MEMORY, i, 10, PEER, 0);
      queue.flush();
      // Time alone does not help: the buffer must also have accepted something.
      kernel.now += 10;
    }
    expect(kernel.polls).toBe(4);
    expect(counters.sendDroppedBufferFull).toBe(100);
    expect(errors).toHaveLength(100);
  });

  test('waits for a slow send buffer again only 20 ms after the waiting time was used up', () => {
    const { queue, counters } = open();
    let emptied = 0;
    // After each wait, the buffer accepts one datagram.
    kernel.onSend = () => (kernel.polls > emptied ? ((emptied = kernel.polls), 0) : EAGAIN);
    const flush = (): number => {
      for (let i = 0; i < 10; i++) queue.push(MEMORY, i, 10, PEER, 0);
      queue.flush();
      return kernel.polls;
    };
    expect([flush(), flush(), flush()]).toEqual([4, 4, 4]);
    kernel.now += 19.9;
    expect(flush()).toBe(4);
    kernel.now += 0.1;
    expect([flush(), flush()]).toEqual([8, 8]);
    expect(counters).toMatchObject({ sentDatagrams: 8, sendDroppedBufferFull: 52 });
  });
});

describe('SendQueue with segmentation', () => {
  test('sends datagrams of one length, and one shorter datagram after them, as one message', () => {
    const { queue, counters } = open({ segmenting: true });
    for (const offset of [0, 1000, 2000, 9000]) queue.push(MEMORY, offset, 1000, STICKY, 1);
    queue.push(MEMORY, 40_000, 300, STICKY, 1); // a shorter datagram may end the message
    queue.push(MEMORY, 50_000, 300, STICKY, 1);
    queue.flush();
    expect(kernel.sent.map(({ payload }) => payload.length)).toEqual([4300, 300]);
    expect(kernel.sent[0].payload).toEqual(
      Uint8Array.from([
        ...MEMORY.subarray(0, 3000),
        ...MEMORY.subarray(9000, 10_000),
        ...MEMORY.subarray(40_000, 40_300),
      ]),
    );
    // Adjacent datagrams need only one iovec.
    expect(kernel.sent[0].parts.map((part) => part.length)).toEqual([3000, 1000, 300]);
    expect(segmentOf(kernel.sent[0])).toBe(1000);
    expect(segmentOf(kernel.sent[1])).toBeUndefined();
    expect(kernel.sent[0].control.map(({ type }) => type)).toEqual([IP_PKTINFO, 1, UDP_SEGMENT]);
    expect(counters).toMatchObject({ sentDatagrams: 6, sentMessages: 2 });
  });

  test('sends adjacent datagrams, and a shorter one after them, as one message', () => {
    const { queue, counters } = open({ segmenting: true });
    pushTouching(queue, 0, 30_000, 1000, STICKY, 1);
    pushTouching(queue, 30_000, 5400, 1000, STICKY, 1); // 5 datagrams and a shorter one
    pushTouching(queue, 40_000, 900, 300, STICKY, 1);
    pushTouching(queue, 50_000, 400, 200, STICKY, 1); // its first datagram ends the message before
    queue.flush();
    const sent = kernel.sent.map((message) => [message.payload.length, segmentOf(message)]);
    expect(sent).toEqual([
      [35_400, 1000],
      [1100, 300],
      [200, undefined],
    ]);
    expect(kernel.sent.map(({ parts }) => parts.length)).toEqual([1, 2, 1]);
    expect(kernel.sent[0].payload).toEqual(MEMORY.slice(0, 35_400));
    expect(kernel.sent[2].payload).toEqual(MEMORY.slice(50_200, 50_400));
    expect(counters).toMatchObject({ sentDatagrams: 30 + 6 + 3 + 2, sentMessages: 3 });
  });

  test('sends the datagrams of a run one by one without segmentation', () => {
    const { queue } = open();
    pushTouching(queue, 0, 2500, 1000, PEER, 0);
    pushTouching(queue, 5000, 0, 0, PEER, 0);
    pushTouching(queue, 6000, 600, 300, PEER, 0);
    queue.flush();
    expect(payloads()).toEqual(
      [
        [0, 1000],
        [1000, 2000],
        [2000, 2500],
        [5000, 5000],
        [6000, 6300],
        [6300, 6600],
      ].map(([from, to]) => MEMORY.slice(from, to)),
    );
  });

  test('sends a run of one datagram that is shorter than the length of the run', () => {
    const { queue, counters } = open({ segmenting: true });
    queue.pushRun(runOf(MEMORY, 0, 80_000, 70_000, 80_000, 1, PEER, 0));
    queue.pushRun(runOf(MEMORY, 70_000, 2 ** 31, 10, 2 ** 31, 1, PEER, 0));
    queue.flush();
    expect(payloads()).toEqual([MEMORY.slice(0, 70_000), MEMORY.slice(70_000, 70_010)]);
    expect(counters.sentDatagrams).toBe(2);
  });

  test('sends all of a run that is longer than the queue or a message', () => {
    const { queue, counters } = open({ segmenting: true });
    queue.push(MEMORY, 0, 100, PEER, 0);
    pushTouching(queue, 100, 60_050, 100, PEER, 0);
    pushTouching(queue, 0, 150_000, 1500, PEER, 0);
    queue.flush();
    expect(Buffer.concat(payloads())).toEqual(
      Buffer.concat([MEMORY.subarray(0, 60_150), MEMORY.subarray(0, 150_000)]),
    );
    for (const { payload } of kernel.sent) expect(payload.length).toBeLessThanOrEqual(65_507);
    for (const message of kernel.sent) {
      const segment = segmentOf(message) ?? message.payload.length;
      expect(message.payload.length / segment).toBeLessThanOrEqual(64);
    }
    expect(counters.sentDatagrams).toBe(1 + 601 + 100);
  });

  test('sends the datagrams of a run one by one if the message fails', () => {
    const { queue, counters } = open({ segmenting: true });
    kernel.onSend = (message) => (segmentOf(message) === undefined ? 0 : EMSGSIZE);
    pushTouching(queue, 0, 3300, 1000, STICKY, 0);
    pushTouching(queue, 4000, 2000, 1000, STICKY, 0);
    queue.flush();
    expect(payloads()).toEqual(
      [
        [0, 1000],
        [1000, 2000],
        [2000, 3000],
        [3000, 3300],
        [4000, 5000],
        [5000, 6000],
      ].map(([from, to]) => MEMORY.slice(from, to)),
    );
    expect(counters).toMatchObject({ sentDatagrams: 6, sentOneByOne: 2 });
  });

  test('begins a new message at another destination or TOS, at a longer datagram, and after 64 datagrams', () => {
    const { queue } = open({ segmenting: true });
    const other = new Endpoint(PEER.address, 51821);
    const twin = new Endpoint(Uint8Array.from(PEER.address), PEER.port);
    for (const to of [PEER, twin, other, other, STICKY]) queue.push(MEMORY, 0, 100, to, 0);
    queue.push(MEMORY, 0, 100, STICKY, 1);
    queue.push(MEMORY, 0, 101, STICKY, 1);
    for (let i = 0; i < 100; i++) queue.push(MEMORY, i, 50, PEER, 0);
    queue.flush();
    expect(kernel.sent.map(({ payload }) => payload.length)).toEqual([
      200, 200, 100, 100, 101, 3200, 1800,
    ]);
  });

  test.each([
    [4, 65507],
    [6, 65527],
  ] as const)('never makes an IPv%i message longer than a datagram can be', (family, max) => {
    const { queue } = open({ family, segmenting: true });
    const destination = family === 4 ? PEER : new Endpoint(new Uint8Array(16), 1);
    for (let i = 0; i < 64; i++) queue.push(MEMORY, i * 1500, 1500, destination, 0);
    queue.flush();
    for (const { payload } of kernel.sent) expect(payload.length).toBeLessThanOrEqual(max);
    expect(kernel.sent[0].payload.length).toBe(43 * 1500);
    expect(total()).toBe(64 * 1500);
  });

  test('sends empty datagrams one by one', () => {
    const { queue } = open({ segmenting: true });
    for (const length of [0, 0, 10, 0, 10]) queue.push(MEMORY, 0, length, PEER, 0);
    queue.flush();
    expect(kernel.sent.map(({ payload }) => payload.length)).toEqual([0, 0, 10, 0, 10]);
  });

  test.each([EMSGSIZE, EINVAL])(
    'sends the datagrams of a message one by one after error %i',
    (errno) => {
      const { queue, counters, lost, errors } = open({ segmenting: true });
      kernel.onSend = (message) => (segmentOf(message) === 2000 ? errno : 0);
      for (let i = 0; i < 10; i++) queue.push(MEMORY, i, 1000, STICKY, 0);
      for (let i = 0; i < 10; i++) queue.push(MEMORY, i, 2000, STICKY, 0);
      for (let i = 0; i < 10; i++) queue.push(MEMORY, i, 1000, STICKY, 0);
      queue.flush();
      // 1: a message of 10 datagrams of 1000 bytes. 11: the failed message, one by one; it had 10
      // datagrams of 2000 bytes and, at its end, one of 1000. 1: a message of 9 datagrams.
      expect(kernel.sent).toHaveLength(1 + 11 + 1);
      expect(total()).toBe(10 * 4000);
      expect(counters).toMatchObject({ sentDatagrams: 30, sentOneByOne: 1, sentWithoutSource: 0 });
      expect([lost, errors]).toEqual([[], []]);
      expect(queue.segmenting).toBe(true);
    },
  );

  test('if a message fails, tries one datagram with the source, and then sends all datagrams without it', () => {
    const { queue, counters } = open({ segmenting: true });
    kernel.onSend = (message) => (sourceOf(message) ? EINVAL : 0);
    for (let i = 0; i < 10; i++) queue.push(MEMORY, i, 1000, STICKY, 0);
    queue.flush();
    expect(payloads()).toEqual(ofStarts(10, 1000));
    expect(counters.sentDatagrams).toBe(10);
    expect(kernel.sendCalls).toBe(12); // the message, one datagram with the source, ten without
  });

  test('drops a message that does not fit into the send buffer, without trying its datagrams', () => {
    const { queue, counters, errors } = open({ segmenting: true });
    kernel.onSend = () => EAGAIN;
    for (let i = 0; i < 40; i++) queue.push(MEMORY, i, 1000, PEER, 0);
    queue.flush();
    expect(counters).toMatchObject({ sendDroppedBufferFull: 40, sentOneByOne: 0 });
    expect(errors).toHaveLength(40);
    expect(kernel.sendCalls).toBe(5);
  });

  test('stops segmenting if the link cannot segment, and loses no datagram', () => {
    const { queue, counters, offloads } = open({ segmenting: true });
    kernel.onSend = (message) =>
      kernel.sent.length === 1 && segmentOf(message) !== undefined ? EIO : 0;
    for (let i = 0; i < 100; i++) queue.push(MEMORY, i, 1000, PEER, 0);
    queue.flush();
    expect(kernel.sent).toHaveLength(1 + 36);
    expect(total()).toBe(100_000);
    expect(queue.segmenting).toBe(false);
    expect(counters.sentDatagrams).toBe(100);
    expect(offloads).toEqual(['udpGso: the link computes no checksums (EIO)']);
  });
});

function open(options: { family?: 4 | 6; segmenting?: boolean } = {}): {
  queue: SendQueue;
  counters: UdpCounters;
  errors: [number, Endpoint][];
  lost: Endpoint[];
  offloads: string[];
} {
  const counters = new UdpCounters();
  const errors: [number, Endpoint][] = [];
  const lost: Endpoint[] = [];
  const offloads: string[] = [];
  const queue = new SendQueue(options.family ?? 4, 5, {
    segmenting: options.segmenting ?? false,
    counters,
    callbacks: {
      onSendError: (errno, destination) => errors.push([errno, destination]),
      onSourceLost: (destination) => lost.push(destination),
      onOffloadLost: (name, reason) => offloads.push(`${name}: ${reason}`),
    },
  });
  return { queue, counters, errors, lost, offloads };
}

/**
 * Queues a run without gaps that has `length` bytes. Each datagram has `each` bytes; the last one
 * has the rest.
 */
function pushTouching(
  queue: SendQueue,
  offset: number,
  length: number,
  each: number,
  destination: Endpoint,
  tos: number,
): void {
  const count = length === 0 ? 1 : Math.ceil(length / each);
  const last = length - (count - 1) * each;
  queue.pushRun(runOf(MEMORY, offset, each, last, each, count, destination, tos));
}

function payloads(): Uint8Array[] {
  return kernel.sent.map(({ payload }) => payload);
}

function ofStarts(count: number, length = 10): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => MEMORY.slice(i, i + length));
}

function total(): number {
  return kernel.sent.reduce((sum, { payload }) => sum + payload.length, 0);
}

function sourceOf(message: SentMessage): Uint8Array | undefined {
  return message.control.find(({ type }) => type === IP_PKTINFO)?.data;
}

function segmentOf(message: SentMessage): number | undefined {
  const data = message.control.find(
    ({ level, type }) => level === 17 && type === UDP_SEGMENT,
  )?.data;
  return data && data[0] | (data[1] << 8);
}
