import { Endpoint } from '@litz/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkDestination, checkRun } from '../src/check-run.ts';
import { runOf } from './run-of.ts';

const MEMORY = new Uint8Array(1000);
/** The fields of a valid endpoint. */
const FIELDS = {
  address: Uint8Array.of(192, 0, 2, 1),
  port: 51820,
  scopeId: 0,
  sourceAddress: undefined,
  sourceInterface: 0,
};

const PEER = new Endpoint(FIELDS.address, 51820);

describe('checkRun', () => {
  test.each([
    [100, 100, 0],
    [100, 100, -1],
    [100, 100, 0.5],
    [100, 100, Number.NaN],
    [100, 100, Infinity],
    [100, 101, 2],
    [100, -1, 2],
    [100, Number.NaN, 2],
    [Number.NaN, 100, 2],
    [-1, -1, 2],
    [100.5, 100, 2],
    [100, 99.5, 2],
    [100, 100, 2, 200.5],
    [100, 100, 2, Number.NaN],
    [100, 100, 2, -100],
  ])(
    'refuses a run of datagrams of %d bytes, the last one of %d bytes, with the count %d',
    (each, last, count, stride = 200) => {
      const check = (): void => checkRun(runOf(MEMORY, 0, each, last, stride, count, PEER));
      expect(check).toThrow(RangeError);
      expect(check).toThrow(/^"(length|lastLength|stride|count)" expected an integer from/);
    },
  );

  test('accepts a run if and only if its datagrams are in the buffer and do not overlap', () => {
    const number = fc.integer({ min: 0, max: 40 });
    fc.assert(
      fc.property(number, number, number, number, number, number, (size, ...numbers) => {
        const [offset, each, last, stride, count] = numbers;
        const memory = new Uint8Array(size);
        let isWithin = count >= 1 && last <= each && (count === 1 || stride >= Math.max(each, 1));
        for (let i = 0; i < count; i++) {
          isWithin &&= offset + i * stride + (i === count - 1 ? last : each) <= size;
        }
        const error = thrownBy(() =>
          checkRun(runOf(memory, offset, each, last, stride, count, PEER)),
        );
        expect(error instanceof RangeError).toBe(!isWithin);
      }),
      { numRuns: 20_000 },
    );
  });

  test.each([
    [0, 0, 0],
    [10, 10, 9],
    [10, 0, 0],
  ])('refuses datagrams of %d bytes, the last one of %d bytes, that overlap', (...lengths) => {
    const [each, last, stride] = lengths;
    const check = (): void => checkRun(runOf(MEMORY, 0, each, last, stride, 2 ** 31, PEER));
    expect(check).toThrow(RangeError);
    const two = (): void => checkRun(runOf(MEMORY, 0, each, last, stride, 2, PEER));
    expect(two).toThrow(/^"stride" expected an integer from (1|10) /);
  });

  test.each(['0', null, undefined, 1n, {}, true])('refuses %o instead of a number', (value) => {
    const wrong = value as number;
    const run: [number, number, number, number, number] = [0, 10, 10, 10, 2];
    for (let i = 0; i < run.length; i++) {
      expect(() => checkRun(runOf(MEMORY, ...(run.with(i, wrong) as typeof run), PEER))).toThrow(
        TypeError,
      );
    }
  });

  test('refuses a value that is not a Uint8Array, and a buffer that was transferred', () => {
    expect(() => checkRun(runOf([1, 2] as unknown as Uint8Array, 0, 1, 1, 0, 1, PEER))).toThrow(
      /^"buffer" expected a Uint8Array, got Array/,
    );
    const gone = new Uint8Array(new ArrayBuffer(100));
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expect(() => checkRun(runOf(gone, 0, 10, 10, 0, 1, PEER))).toThrow(
      /"buffer" expected 10 bytes.*got 0$/,
    );
  });
});

describe('checkDestination', () => {
  const peer = new Endpoint(FIELDS.address, 51820);

  test('accepts endpoints, and objects with the same fields', () => {
    expect(() => checkDestination(peer, 0xb8)).not.toThrow();
    expect(() => checkDestination(FIELDS as Endpoint, 0)).not.toThrow();
  });

  test.each<[string, unknown]>([
    ['"destination" expected an object', undefined],
    ['"destination.address" expected a Uint8Array', {}],
    ['"destination.address" expected 4 or 16', { ...FIELDS, address: new Uint8Array(4096) }],
    ['"destination.sourceAddress" expected 4 or', { ...FIELDS, sourceAddress: new Uint8Array(64) }],
    ['"destination.port" expected an integer', { ...FIELDS, port: 65536 }],
    ['"destination.scopeId" expected an integer', { ...FIELDS, scopeId: -1 }],
    ['"destination.sourceInterface" expected an', { ...FIELDS, sourceInterface: 2 ** 32 }],
  ])('throws %s', (text, destination) => {
    expect(() => checkDestination(destination as Endpoint, 0)).toThrow(text);
  });

  test.each([-1, 256, 0.5, Number.NaN])('refuses %d as a traffic class', (tos) => {
    expect(() => checkDestination(peer, tos)).toThrow('"tos" expected an integer from 0 to 255');
  });
});

function thrownBy(call: () => void): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}
