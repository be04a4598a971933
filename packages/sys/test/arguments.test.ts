import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkAddress,
  checkBytes,
  checkDescriptor,
  checkFlag,
  checkFunction,
  checkInteger,
  checkObject,
  checkSpan,
  checkString,
  checkTimeout,
} from '../src/arguments.ts';

const NO_NUMBERS = ['1', 1n, null, undefined, {}, [1], true];

describe('checkSpan', () => {
  test('accepts ranges inside the buffer, and no others', () => {
    const number = fc.oneof(
      fc.integer({ min: -3, max: 70 }),
      fc.constantFrom(0.5, Number.NaN, Infinity, -Infinity, 2 ** 32, 2 ** 32 + 1, 2 ** 53),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 64 }), number, number, (size, offset, length) => {
        const buffer = new Uint8Array(size);
        const isWithin =
          Number.isInteger(offset) &&
          Number.isInteger(length) &&
          offset >= 0 &&
          length >= 0 &&
          offset + length <= size;
        const text = messageOf(() => checkSpan(buffer, offset, length));
        expect(/^"(offset|length)" expected an integer from/.test(text)).toBe(!isWithin);
      }),
      { numRuns: 2000 },
    );
  });

  test.each(NO_NUMBERS)('refuses %o as a number', (value) => {
    const buffer = new Uint8Array(64);
    expect(() => checkSpan(buffer, value as number, 1)).toThrow(TypeError);
    expect(() => checkSpan(buffer, 1, value as number)).toThrow(/^"length" expected a number/);
  });

  test.each([
    undefined,
    null,
    'text',
    [1, 2],
    new ArrayBuffer(8),
    new DataView(new ArrayBuffer(8)),
  ])('refuses %o as memory', (value) => {
    expect(() => checkSpan(value as never, 0, 1)).toThrow(/^"buffer" expected a Uint8Array/);
  });

  test('refuses ranges of a transferred buffer, and of the removed part of a shortened one', () => {
    const buffer = new Uint8Array(new ArrayBuffer(64));
    structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
    expect(() => checkSpan(buffer, 0, 64)).toThrow(RangeError);
    // Resizable ArrayBuffers are part of ES2024, so their type is declared below.
    const memory = new (ArrayBuffer as unknown as ResizableConstructor)(64, { maxByteLength: 128 });
    const view = new Uint8Array(memory);
    memory.resize(32);
    expect(() => checkSpan(view, 0, 33)).toThrow(/"length" expected an integer from 0 to 32/);
    expect(() => checkSpan(view, 0, 32)).not.toThrow();
  });
});

describe('checkInteger', () => {
  test('accepts both limits, and names the expected range for other values', () => {
    checkInteger('port', 0, 0, 9);
    checkInteger('port', 9, 0, 9);
    for (const value of [-1, 10, 0.5, Number.NaN, Infinity]) {
      expect(() => checkInteger('port', value, 0, 9)).toThrow(
        new RangeError(`"port" expected an integer from 0 to 9, got ${value}`),
      );
    }
    for (const value of NO_NUMBERS) {
      expect(() => checkInteger('port', value, 0, 9)).toThrow(TypeError);
    }
  });
});

describe('checkDescriptor', () => {
  test('accepts the descriptors that the kernel can return, and -1', () => {
    for (const fd of [-1, 0, 0x7fff_ffff]) expect(() => checkDescriptor('fd', fd)).not.toThrow();
    for (const fd of [-2, 0x8000_0000]) expect(() => checkDescriptor('fd', fd)).toThrow(RangeError);
  });
});

describe('checkString', () => {
  test('counts bytes, and refuses strings that C would read differently', () => {
    checkString('name', 'ä'.repeat(7), 15);
    expect(() => checkString('name', 'ä'.repeat(8), 15)).toThrow(
      new RangeError('"name" expected at most 15 bytes, got 16'),
    );
    expect(() => checkString('name', 'wg0\0x')).toThrow(/no zero character/);
    expect(() => checkString('name', '')).toThrow(/expected some text/);
    expect(() => checkString('name', Buffer.from('wg0'))).toThrow(/a string, got Uint8Array/);
  });
});

describe('checkAddress', () => {
  test('accepts 4 and 16 bytes', () => {
    checkAddress('gateway', new Uint8Array(4));
    checkAddress('gateway', new Uint8Array(16));
    expect(() => checkAddress('gateway', new Uint8Array(5))).toThrow(
      new TypeError('"gateway" expected 4 or 16 bytes, got 5'),
    );
    expect(() => checkAddress('gateway', '10.0.0.1')).toThrow(/a Uint8Array, got string/);
  });
});

describe('checkTimeout', () => {
  test('accepts every number except NaN, and nothing else', () => {
    for (const ms of [0, -1, 0.5, Infinity]) expect(() => checkTimeout('ms', ms)).not.toThrow();
    for (const ms of [Number.NaN, ...NO_NUMBERS]) {
      expect(() => checkTimeout('ms', ms)).toThrow(/^"ms" expected a number of milliseconds/);
    }
  });
});

describe('checkBytes, checkFlag, checkFunction and checkObject', () => {
  test('name what they expected, and never the value', () => {
    const secret = ['hunter2'];
    for (const check of [checkBytes, checkFunction, checkFlag]) {
      expect(() => check('it', secret)).toThrow(/^"it" expected .*, got Array$/);
    }
    expect(() => checkObject('it', 'hunter2')).toThrow('"it" expected an object, got string');
    expect(() => checkObject('it', null)).toThrow('"it" expected an object, got null');
    expect(() => checkFlag('it', undefined)).not.toThrow();
  });
});

type ResizableConstructor = new (
  length: number,
  options: { maxByteLength: number },
) => ArrayBuffer & { resize(length: number): void };

/** Returns the message of the error that the call throws; '' if it throws nothing. */
function messageOf(call: () => void): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}
