import { describe as group, expect, it } from 'vitest';
import { WireGuardError } from '../src/errors.ts';
import {
  checkArray,
  checkBoolean,
  checkInteger,
  checkObject,
  describe,
  readField,
  requireInteger,
  withField,
  withinField,
} from '../src/field.ts';

group('checkObject', () => {
  it('accepts objects only', () => {
    expect(() => checkObject({}, 'a')).not.toThrow();
    expect(() => checkObject({ b: 1 }, 'a', ['b', 'c'])).not.toThrow();
    for (const [value, got] of [
      [undefined, 'undefined'],
      [null, 'null'],
      ['text', 'a string'],
      [new Uint8Array(2), 'Uint8Array'],
      [new DataView(new ArrayBuffer(2)), 'DataView'],
    ] as const) {
      expect(() => checkObject(value, 'a')).toThrow(
        new TypeError(`"a" expected an object, got ${got}`),
      );
    }
  });

  it('refuses unknown properties, and names them', () => {
    expect(() => checkObject({ b: 1, prefixlength: 1 }, 'a', ['b', 'c'])).toThrow(
      new TypeError('"a" expected one of b, c, got "prefixlength"'),
    );
  });
});

group('checkArray', () => {
  it('accepts arrays only', () => {
    expect(() => checkArray([], 'a')).not.toThrow();
    for (const value of [{ length: 0 }, new Uint8Array(1), undefined]) {
      expect(() => checkArray(value, 'a')).toThrow(/^"a" expected an array, got /);
    }
  });
});

group('checkBoolean', () => {
  it('accepts true, false and undefined', () => {
    for (const value of [true, false, undefined]) {
      expect(() => checkBoolean(value, 'a')).not.toThrow();
    }
    for (const value of [0, 1, 'true', null]) {
      expect(() => checkBoolean(value, 'a')).toThrow(/^"a" expected true or false, got /);
    }
  });
});

group('requireInteger', () => {
  it('accepts the least and the greatest value', () => {
    for (const value of [3, 4, 7]) expect(() => requireInteger(value, 'a', 3, 7)).not.toThrow();
  });

  it('refuses numbers out of range, and numbers that are not integers', () => {
    for (const value of [2, 8, 3.5, Number.NaN, Infinity]) {
      expect(() => requireInteger(value, 'a', 3, 7)).toThrow(
        new RangeError(`"a" expected an integer from 3 to 7, got ${value}`),
      );
    }
    for (const [value, got] of [
      ['4', 'a string'],
      [undefined, 'undefined'],
      [[4], 'an array'],
    ] as const) {
      expect(() => requireInteger(value, 'a', 3, 7)).toThrow(
        new TypeError(`"a" expected an integer from 3 to 7, got ${got}`),
      );
    }
  });
});

group('checkInteger', () => {
  it('accepts what requireInteger accepts, and undefined', () => {
    expect(() => checkInteger(undefined, 'a', 3, 7)).not.toThrow();
    expect(() => checkInteger(7, 'a', 3, 7)).not.toThrow();
    expect(() => checkInteger(8, 'a', 3, 7)).toThrow(RangeError);
    expect(() => checkInteger(null, 'a', 3, 7)).toThrow(TypeError);
  });
});

group('withField', () => {
  it('puts the name of the field in front of the message, and keeps the kind of the error', () => {
    const wrong = new WireGuardError('ERR_LITZ_INVALID_CIDR', 'expected a prefix');
    const named = withField(wrong, 'a') as WireGuardError;
    expect(named).toBeInstanceOf(WireGuardError);
    expect(named).toMatchObject({ code: wrong.code, message: '"a": expected a prefix' });
    expect(named.cause).toBe(wrong);
    const type = new TypeError('expected text');
    const namedType = withField(type, 'a') as TypeError;
    expect(namedType).toEqual(new TypeError('"a": expected text'));
    expect(namedType.cause).toBe(type);
  });

  it('changes only a WireGuardError and a TypeError', () => {
    for (const error of [new RangeError('x'), new Error('x'), 'x', undefined]) {
      expect(withField(error, 'a')).toBe(error);
    }
  });
});

group('readField', () => {
  it('returns the value, or throws an error that names the field', () => {
    expect(readField('a', () => 5)).toBe(5);
    expect(() => readField('a', fail)).toThrow(new TypeError('"a": expected text'));
  });
});

group('withinField', () => {
  it.each([
    ['"b" expected', '"a.b" expected'],
    ['"b[1].c": expected', '"a.b[1].c": expected'],
    ['"" expected', '"a" expected'],
    ['"[3]" expected', '"a[3]" expected'],
    ['no field', 'no field'],
  ])('turns %j into %j', (message, expected) => {
    const error = new RangeError(message);
    expect(withinField(error, 'a')).toBe(error);
    expect(error.message).toBe(expected);
  });

  it('does not change a value that is not an error', () => {
    expect(withinField('"b" expected', 'a')).toBe('"b" expected');
    expect(withinField(undefined, 'a')).toBe(undefined);
  });
});

group('the function describe', () => {
  it.each([
    [null, 'null'],
    [undefined, 'undefined'],
    [[], 'an array'],
    [{}, 'Object'],
    [Object.create(null), 'an object'],
    [new Map(), 'Map'],
    ['secret', 'a string'],
    [5, 'a number'],
    [() => 5, 'a function'],
  ])('describes %o as %s', (value, expected) => {
    expect(describe(value)).toBe(expected);
  });
});

function fail(): never {
  throw new TypeError('expected text');
}
