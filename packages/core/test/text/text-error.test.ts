import { describe, expect, it } from 'vitest';
import { parseAddress, parseCidr, parseEndpoint, WireGuardError } from '../../src/index.ts';
import { textError } from '../../src/text/text-error.ts';

describe('textError', () => {
  it('names the type of a value that is not text', () => {
    const messages = [null, undefined, 5].map((other) => {
      const error = textError('ERR_LITZ_INVALID_CIDR', 'a prefix', other);
      expect(error).toBeInstanceOf(TypeError);
      return error.message;
    });
    expect(messages).toEqual([
      'expected a prefix as text, got null',
      'expected a prefix as text, got undefined',
      'expected a prefix as text, got number',
    ]);
  });

  it('shows the text, but no key', () => {
    const error = textError('ERR_LITZ_INVALID_CIDR', 'a prefix', 'x');
    expect(error).toBeInstanceOf(WireGuardError);
    expect(error).toMatchObject({
      code: 'ERR_LITZ_INVALID_CIDR',
      message: 'expected a prefix, got "x"',
    });
    const key = 'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=';
    expect(textError('ERR_LITZ_INVALID_CIDR', 'a prefix', key).message).not.toContain(
      key.slice(0, 9),
    );
  });

  it.each([parseAddress, parseCidr, parseEndpoint])(
    'is a TypeError when %o gets a value that is not a string',
    (parse) => {
      for (const value of [undefined, null, 7, {}, Uint8Array.of(1, 2, 3, 4)]) {
        expect(() => parse(value as never)).toThrow(TypeError);
      }
    },
  );
});
