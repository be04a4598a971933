import { describe, expect, it } from 'vitest';
import { checkBytes, checkMtu, checkOptions, checkRange, checkTime } from '../src/arguments.ts';
import type { EngineOptions } from '../src/engine-options.ts';

describe('checkBytes', () => {
  it('accepts only a Uint8Array', () => {
    expect(() => checkBytes(new Uint8Array(0), 'packet')).not.toThrow();
    for (const value of ['x', [1], undefined, new Uint16Array(1)]) {
      expect(() => checkBytes(value, 'packet')).toThrow(
        new TypeError(`"packet" expected a Uint8Array, got ${typeof value}`),
      );
    }
  });
});

describe('checkTime', () => {
  it('accepts numbers from the smallest to the largest safe integer, also fractions', () => {
    for (const now of [0, -5, 0.25, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER]) {
      expect(() => checkTime(now)).not.toThrow();
    }
  });

  it('refuses any other value', () => {
    for (const now of [Number.NaN, Infinity, 2 ** 53, -(2 ** 53), '5', null, [5], undefined]) {
      expect(() => checkTime(now as number)).toThrow(
        new TypeError(`"now" expected a finite number of milliseconds, got ${String(now)}`),
      );
    }
  });
});

describe('checkRange', () => {
  const buffer = new Uint8Array(100);

  it('accepts a range with enough space around it', () => {
    for (const [offset, length] of [
      [16, 0],
      [16, 53],
      [69, 0],
    ] as const) {
      expect(() => checkRange(buffer, offset, length, 16, 31)).not.toThrow();
    }
  });

  it('refuses an offset without enough space in front', () => {
    for (const offset of [15, -16, 16.5, Number.NaN]) {
      expect(() => checkRange(buffer, offset, 1, 16, 31)).toThrow(
        new RangeError(`"offset" expected an integer of at least 16, got ${offset}`),
      );
    }
  });

  it('refuses a length without enough space behind', () => {
    for (const length of [-1, 0.5, 44, Number.NaN]) {
      expect(() => checkRange(buffer, 26, length, 16, 31)).toThrow(
        new RangeError(`"length" expected 0 to 43 at offset 26, got ${length}`),
      );
    }
  });

  it('refuses a buffer that is not a Uint8Array', () => {
    expect(() => checkRange([] as never, 0, 0, 0, 0)).toThrow('"buffer" expected a Uint8Array');
  });
});

describe('checkMtu', () => {
  it('accepts integers from 1 to 65535 only', () => {
    for (const mtu of [1, 1420, 65535]) expect(() => checkMtu(mtu)).not.toThrow();
    for (const mtu of [0, 65536, 1.5, Number.NaN]) {
      expect(() => checkMtu(mtu)).toThrow(
        new RangeError(`"mtu" expected an integer from 1 to 65535, got ${mtu}`),
      );
    }
  });
});

describe('checkOptions', () => {
  const right: EngineOptions = { randomBytes: () => undefined, unixTime: () => 0 };
  const MOST = 2 ** 53 - 2 ** 13 - 1;

  it('accepts valid options, up to the limits', () => {
    for (const more of [
      {},
      { handshakeGiveUpMs: 0.5 },
      { limits: {} },
      { limits: { rekeyAfterMessages: 1, rejectAfterMessages: MOST } },
      { underLoad: {} },
      { underLoad: { handshakesPerSecond: 1 } },
    ]) {
      expect(() => checkOptions({ ...right, ...more })).not.toThrow();
    }
  });

  it.each<[string, object]>([
    ['"randomBytes" expected a function, got undefined', { randomBytes: undefined }],
    ['"unixTime" expected a function, got a number', { unixTime: 5 }],
    ['"handshakeGiveUpMs" expected a number above 0, got 0', { handshakeGiveUpMs: 0 }],
    ['"handshakeGiveUpMs" expected a number above 0, got -1', { handshakeGiveUpMs: -1 }],
    [
      '"handshakeGiveUpMs" expected a number above 0, got Infinity',
      { handshakeGiveUpMs: Infinity },
    ],
    [
      '"limits.rekeyAfterMessages" expected a number above 0, got 0',
      { limits: { rekeyAfterMessages: 0 } },
    ],
    [
      '"limits.rejectAfterMessages" expected a number above 0, got NaN',
      { limits: { rejectAfterMessages: Number.NaN } },
    ],
    [
      '"limits.rejectAfterMessages" expected at most 2^53 - 2^13 - 1',
      { limits: { rejectAfterMessages: MOST + 1 } },
    ],
    [
      '"underLoad.handshakesPerSecond" expected a number above 0, got 0',
      { underLoad: { handshakesPerSecond: 0 } },
    ],
  ])('throws %s', (message, wrong) => {
    expect(() => checkOptions({ ...right, ...wrong })).toThrow(message);
  });

  it('checks the MTU that the engine will use', () => {
    expect(() => checkOptions({ ...right, mtu: 0 })).toThrow('"mtu"');
  });
});
