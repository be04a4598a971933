/**
 * Tests that `UdpSockets` passes only memory of the given buffers to the kernel, whatever its
 * arguments are. The fake kernel fails the test on any other address.
 *
 * @module
 */
import { Endpoint } from '@litz/core';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { openUdp, type UdpSockets } from '../src/udp-sockets.ts';
import { kernel } from './fake-kernel.ts';
import { runOf } from './run-of.ts';

vi.mock(import('@litz/sys'), async (original) =>
  (await import('./fake-kernel.ts')).fakeSys(await original()),
);

const PEER = new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820);
const OTHER = new Endpoint(new Uint8Array(16).fill(0xfd), 51820, {
  sourceAddress: new Uint8Array(16).fill(1),
});
const EFAULT = 14;
const EHOSTUNREACH = 113;
const NOTHING = (): void => {};

beforeEach(() => kernel.reset());

describe('UdpSockets.sendRun', () => {
  test('passes only bytes of the buffer to the kernel, for any numbers', () => {
    const number = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 400 }) },
      { weight: 1, arbitrary: fc.integer({ min: -9, max: 70_000 }) },
      { weight: 1, arbitrary: fc.constantFrom(0.5, Number.NaN, Infinity, 2 ** 31, 2 ** 32 + 5) },
    );
    const small = fc.oneof({ weight: 4, arbitrary: fc.nat(5) }, { weight: 1, arbitrary: number });
    const run = fc.tuple(number, number, small, small, small, fc.boolean(), fc.nat(3));
    const sockets = [open({ gso: false }), open({ gso: true })];
    let refused = 0;
    fc.assert(
      fc.property(fc.array(run, { maxLength: 8 }), fc.constantFrom(...sockets), (runs, udp) => {
        for (const [offset, each, last, stride, count, toOther, loss] of runs) {
          const memory = new Uint8Array(new ArrayBuffer(2000)).fill(7);
          try {
            udp.sendRun(
              runOf(memory, offset, each, last, stride, count, toOther ? OTHER : PEER, 0),
            );
          } catch (error) {
            if (!(error instanceof RangeError)) throw error;
            refused++;
          }
          // The buffer may be transferred before its datagrams are sent.
          if (loss === 0) structuredClone(memory.buffer, { transfer: [memory.buffer] });
          if (loss === 1) udp.flush();
        }
        udp.flush();
      }),
      { numRuns: 800 },
    );
    const bytes = Buffer.concat(kernel.sent.map(({ payload }) => payload));
    expect(bytes.every((byte) => byte === 7)).toBe(true);
    expect(Math.min(kernel.sent.length, refused)).toBeGreaterThan(100);
  });

  test.each([false, true])(
    'loses datagrams whose buffer was transferred before the flush: segmenting %s',
    (gso) => {
      const errors: number[] = [];
      const sockets = open({ gso, onSendError: (errno) => errors.push(errno) });
      const gone = new Uint8Array(new ArrayBuffer(100)).fill(1);
      const kept = new Uint8Array(new ArrayBuffer(100)).fill(2);
      sockets.send(gone, 0, 100, PEER, 0);
      sockets.send(kept, 0, 100, PEER, 0);
      structuredClone(gone.buffer, { transfer: [gone.buffer] });
      sockets.flush();
      expect(errors).toEqual([EFAULT]);
      expect(kernel.sent.map(({ payload }) => payload)).toEqual([kept]);
      expect(sockets.counters.sendDroppedFailed).toBe(1);
    },
  );

  test('checks the buffers again after a callback has transferred one', () => {
    const gone = new Uint8Array(new ArrayBuffer(100));
    const errors: number[] = [];
    const sockets = open({
      onSendError(errno) {
        errors.push(errno);
        if (errors.length === 1) structuredClone(gone.buffer, { transfer: [gone.buffer] });
      },
    });
    kernel.onSend = ({ payload }) => (payload[0] === 1 ? EHOSTUNREACH : 0);
    sockets.send(new Uint8Array(100).fill(1), 0, 100, PEER, 0);
    sockets.send(gone, 0, 100, PEER, 0);
    sockets.send(new Uint8Array(100).fill(2), 0, 100, PEER, 0);
    sockets.flush();
    expect(errors).toEqual([EHOSTUNREACH, EFAULT]);
    expect(kernel.sent.map(({ payload }) => payload[0])).toEqual([2]);
  });

  test('sends datagrams that a callback queues, and does not continue without end', () => {
    let reports = 0;
    const memory = new Uint8Array(100);
    const sockets = open({
      onSendError(_, destination) {
        reports++;
        sockets.send(memory, 0, reports === 1 ? 50 : 60, destination, 0);
        sockets.flush();
      },
    });
    kernel.onSend = ({ payload }) => (payload.length === 50 ? 0 : EHOSTUNREACH);
    sockets.send(memory, 0, 100, PEER, 0);
    sockets.flush();
    expect(kernel.sent.map(({ payload }) => payload.length)).toEqual([50]);
    kernel.onSend = () => EHOSTUNREACH;
    sockets.send(memory, 0, 100, PEER, 0);
    sockets.flush();
    expect(reports).toBeLessThan(600);
  });

  test('sends the rest of a run after a callback has sent another run', () => {
    const other = new Uint8Array(9).fill(9);
    let reports = 0;
    const sockets = open({
      onSendError(_, destination) {
        if (reports++ === 0) sockets.sendRun(runOf(other, 0, 9, 9, 0, 1, destination));
      },
    });
    kernel.onSend = () => (reports === 0 ? EHOSTUNREACH : 0);
    const memory = Uint8Array.from({ length: 600 }, (_, i) => i >> 1);
    // The run is longer than the queue, so the queue is flushed before the rest of the run is
    // queued.
    sockets.sendRun(runOf(memory, 0, 2, 1, 2, 300, PEER));
    sockets.flush();
    const own = kernel.sent.filter(({ payload }) => payload.length !== 9);
    const bytes = own.flatMap(({ payload }) => [...payload]);
    expect(bytes).toEqual([...memory.subarray(2, 599)]);
    expect(reports).toBeGreaterThan(0);
  });

  test('does not use a descriptor that a callback has closed', () => {
    const used = new Set<number>();
    const sockets = open({ onSendError: () => sockets.close() });
    kernel.onSend = () => {
      used.add(kernel.lastSender);
      return EHOSTUNREACH;
    };
    for (let i = 0; i < 5; i++) sockets.send(new Uint8Array(10), 0, 10, PEER, 0);
    sockets.flush();
    expect([...used]).toEqual([1010]);
    expect(kernel.lastSender).toBe(999);
  });
});

describe('UdpSockets.receive', () => {
  test('makes no system call after the memory was transferred', () => {
    const memory = { buffer: new Uint8Array(new ArrayBuffer(131_072)), offset: 0 };
    const sockets = open({ slots: 2, memory });
    expect(sockets.receive(NOTHING)).toBe(0);
    structuredClone(memory.buffer.buffer, { transfer: [memory.buffer.buffer] });
    expect(() => sockets.receive(NOTHING)).toThrow('"memory.buffer" was transferred or cut');
  });

  test('refuses a sink that is not a function, and an index that is not an integer', () => {
    const sockets = open({});
    expect(() => sockets.receive(undefined as never)).toThrow('"sink" expected a function');
    expect(() => sockets.receive(NOTHING, 0.5)).toThrow('"only" expected an integer');
  });
});

describe('openUdp', () => {
  test.each<[string, object]>([
    ['"memory.offset" expected', { memory: { buffer: new Uint8Array(131_072), offset: -64 } }],
    ['"memory.offset" expected', { memory: { buffer: new Uint8Array(131_072), offset: NaN } }],
    ['"memory" expected 131072 bytes', { memory: { buffer: new Uint8Array(131_072), offset: 1 } }],
    ['"memory.buffer" expected a Uint8Array', { memory: { buffer: [], offset: 0 } }],
    ['"memory" expected an object', { memory: 5 }],
    ['"slots" expected', { slots: 1.5 }],
    ['"port" expected', { port: 65536 }],
    ['"port" expected a number', { port: '51820' }],
    ['"mark" expected', { mark: -1 }],
    ['"bufferBytes" expected', { bufferBytes: 2 ** 31 }],
    ['"gso" expected true or false', { gso: 'yes' }],
    ['"onSendError" expected a function', { onSendError: {} }],
  ])('throws %s for %o', (text, options) => {
    const call = (): unknown => openUdp({ port: 0, slots: 2, ...options });
    expect(call).toThrow(text);
    expect(kernel.sockets.size).toBe(0);
  });
});

function open(options: Partial<Parameters<typeof openUdp>[0]>): UdpSockets {
  const sockets = openUdp({ port: 0, slots: 2, ...options });
  // Forgets the datagrams of the self-test.
  kernel.sent = [];
  return sockets;
}
