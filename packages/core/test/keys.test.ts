import { format, inspect } from 'node:util';
import { seededRandomBytes } from '@litz/testkit';
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { nobleProvider } from '../src/crypto/noble.ts';
import { WireGuardError } from '../src/errors.ts';
import { publicKeyOf } from '../src/key-pair.ts';
import {
  formatKey,
  generatePrivateKey,
  isZeroKey,
  keyId,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  PresharedKey,
  PrivateKey,
  PublicKey,
} from '../src/keys.ts';

const key32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('parsePublicKey', () => {
  it('reads the base64 that Buffer writes, and copies bytes', () => {
    fc.assert(
      fc.property(key32, (bytes) => {
        expect([...parsePublicKey(Buffer.from(bytes).toString('base64'))]).toEqual([...bytes]);
        const copy = parsePublicKey(bytes);
        expect([...copy]).toEqual([...bytes]);
        expect(copy.buffer).not.toBe(bytes.buffer);
      }),
    );
  });

  it('refuses text that is not 32 bytes in base64, and shows no part of it', () => {
    const good = Buffer.alloc(32, 0xa7).toString('base64');
    const bad = [
      '',
      '=',
      good.slice(1),
      `${good}=`,
      ` ${good.slice(1)}`,
      good.replace('=', 'A'),
      `${good.slice(0, 40)}====`,
      `${good.slice(0, 42)}==`,
      good.replaceAll('p', '-'),
      good.replaceAll('p', '_'),
      good.replaceAll('p', '\u0170'), // its low byte is the code of 'p'
      Buffer.alloc(32, 0xa7).toString('hex'),
    ];
    for (const text of bad) {
      const error = errorOf(() => parsePublicKey(text));
      expect(error).toBeInstanceOf(WireGuardError);
      expect((error as WireGuardError).code).toBe('ERR_LITZ_INVALID_KEY');
      expect((error as WireGuardError).message).toMatch(/^public key: expected 32 bytes as 44/);
      expect((error as WireGuardError).message).not.toContain('p6e');
    }
  });

  it('accepts one text for each key: a text whose unused bits are not zero is refused', () => {
    const good = Buffer.alloc(32).toString('base64');
    expect(isZeroKey(parsePublicKey(good))).toBe(true);
    for (const last of ['B', 'C', 'D']) {
      expect(() => parsePublicKey(`${good.slice(0, 42)}${last}=`)).toThrow(WireGuardError);
    }
    expect(parsePublicKey(`${good.slice(0, 42)}E=`)[31]).toBe(1);
  });

  it('accepts a text of 44 characters only if Buffer would write the same text', () => {
    const text = fc.string({ minLength: 43, maxLength: 43, unit: 'binary-ascii' });
    fc.assert(
      fc.property(text, (front) => {
        const whole = `${front}=`;
        const isKey = Buffer.from(whole, 'base64').toString('base64') === whole;
        expect(errorOf(() => parsePublicKey(whole)) === undefined).toBe(isKey);
      }),
    );
  });

  it('refuses other lengths and other types', () => {
    for (const length of [0, 31, 33, 64]) {
      expect(() => parsePublicKey(new Uint8Array(length))).toThrow(
        `public key: expected 32 bytes, got ${length}`,
      );
    }
    for (const value of [undefined, null, 5, [], {}]) {
      expect(() => parsePublicKey(value as never)).toThrow(TypeError);
    }
  });
});

describe('parsePrivateKey', () => {
  it('wipes what it has read from an invalid text', () => {
    const wiped: Uint8Array[] = [];
    // oxlint-disable-next-line typescript/unbound-method -- called with an array as `this`
    const { fill } = Uint8Array.prototype;
    const spy = vi.spyOn(Uint8Array.prototype, 'fill');
    spy.mockImplementation(function (this: Uint8Array, ...all) {
      wiped.push(this);
      return fill.apply(this, all);
    });
    try {
      const wrong = 'YAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBm?=';
      expect(() => parsePrivateKey(wrong)).toThrow(/got invalid characters/);
    } finally {
      spy.mockRestore();
    }
    expect(wiped.map((bytes) => bytes.constructor)).toEqual([PrivateKey]);
    expect(isZeroKey(wiped[0])).toBe(true);
  });

  it('clamps the key', () => {
    const clamped = parsePrivateKey(new Uint8Array(32).fill(0xff));
    expect([clamped[0], clamped[1], clamped[31]]).toEqual([0xf8, 0xff, 0x7f]);
    const small = parsePrivateKey(Uint8Array.of(7, ...new Uint8Array(31)));
    expect([small[0], small[31]]).toEqual([0, 0x40]);
  });

  it('refuses all zeros, as text and as bytes', () => {
    for (const zero of [new Uint8Array(32), `${'A'.repeat(43)}=`]) {
      expect(() => parsePrivateKey(zero)).toThrow('private key: expected a key, got all zeros');
    }
  });
});

describe('parsePresharedKey', () => {
  it('accepts all zeros, and says in an error which kind of key it expected', () => {
    expect(parsePresharedKey(new Uint8Array(32))).toEqual(new PresharedKey());
    expect(() => parsePresharedKey('x')).toThrow(
      'preshared key: expected 32 bytes as 44 characters of base64, got 1 characters',
    );
  });
});

describe('PrivateKey and PresharedKey', () => {
  const secrets: [string, PrivateKey | PresharedKey][] = [
    ['PrivateKey', parsePrivateKey(new Uint8Array(32).fill(0xa8))],
    ['PresharedKey', parsePresharedKey(new Uint8Array(32).fill(0xa8))],
  ];

  it.each(secrets)('show %s(hidden) wherever they are printed', (kind, key) => {
    const hidden = `${kind}(hidden)`;
    const within = { peers: [{ key, keys: new Map([['a', new Set([key])]]) }] };
    const texts = [
      String(key),
      ''.concat(key as never),
      key.toLocaleString(),
      JSON.stringify(within),
      inspect(key),
      inspect(within, { depth: Infinity, showHidden: true, maxArrayLength: null }),
      inspect(within, { depth: 9, compact: false, getters: true }),
      inspect(Object.assign(new Error('x', { cause: within }), { key }), { depth: 9 }),
      format('%s %o %O %j', key, key, key, key),
    ];
    for (const text of texts) {
      expect(text).toContain(hidden);
      expect(text).not.toMatch(/168|a8|qKi/i);
    }
  });

  it.each(secrets)('return their text from toBase64 (%s)', (kind, key) => {
    expect(key.kind).toBe(kind);
    expect(key.toBase64()).toBe(Buffer.from(key).toString('base64'));
    expect(() => (key.subarray(1) as PrivateKey).toBase64()).toThrow(
      'expected a key of 32 bytes, got 31',
    );
  });

  it.each(secrets)('keep their class when they are copied (%s)', (_, key) => {
    const Kind = key.constructor as typeof PrivateKey;
    for (const copy of [
      key.slice(),
      key.subarray(0),
      new Kind(key),
      Kind.from(key),
      new Kind(key.buffer),
    ]) {
      expect(copy).toBeInstanceOf(Kind);
      expect(copy).toEqual(key);
    }
    expect(new Kind(4)).toHaveLength(4);
    expect(isZeroKey(new Kind())).toBe(true);
  });

  it('refuse text in their constructors, because Uint8Array would make zeros of it', () => {
    for (const Kind of [PrivateKey, PresharedKey, PublicKey]) {
      expect(() => new Kind('qKioqA==' as never)).toThrow(`use parse${Kind.name} for text`);
    }
  });
});

describe('isZeroKey', () => {
  it('is true only for zeros', () => {
    expect(isZeroKey(new Uint8Array(32))).toBe(true);
    expect(isZeroKey(new Uint8Array(32).fill(1, 31))).toBe(false);
  });
});

describe('PublicKey', () => {
  const key = parsePublicKey(new Uint8Array(32).fill(0xa8));
  const text = Buffer.alloc(32, 0xa8).toString('base64');

  it('is printed as base64, which can be parsed again', () => {
    expect([String(key), key.toLocaleString(), key.toBase64()]).toEqual([text, text, text]);
    expect(JSON.stringify({ key })).toBe(JSON.stringify({ key: text }));
    expect(inspect({ key })).toBe(`{ key: PublicKey(${text}) }`);
    expect(parsePublicKey(String(key))).toEqual(key);
    expect(key.slice()).toBeInstanceOf(PublicKey);
  });
});

describe('a key of one kind', () => {
  it('is refused in place of a key of another kind', () => {
    const privateKey = parsePrivateKey(new Uint8Array(32).fill(1));
    const publicKey = parsePublicKey(new Uint8Array(32).fill(1));
    expect(() => parsePublicKey(privateKey)).toThrow(
      'public key: expected a public key, got a PrivateKey',
    );
    expect(() => parsePresharedKey(publicKey)).toThrow(TypeError);
    expect(() => parsePrivateKey(publicKey)).toThrow(TypeError);
    expect(() => publicKeyOf(publicKey as never, nobleProvider)).toThrow(TypeError);
  });
});

describe('formatKey', () => {
  it('refuses a text that is not a key', () => {
    const text = Buffer.alloc(32, 7).toString('base64');
    expect(formatKey(text)).toBe(text);
    expect(() => formatKey('abc')).toThrow('key: expected 32 bytes as 44 characters');
    expect(() => formatKey(new Uint8Array(31) as never)).toThrow('key: expected 32 bytes, got 31');
    expect(() => formatKey(undefined as never)).toThrow(TypeError);
  });

  it('writes the base64 that Buffer writes, and so does keyId', () => {
    fc.assert(
      fc.property(key32, (bytes) => {
        const key = parsePublicKey(bytes);
        expect(formatKey(key)).toBe(Buffer.from(bytes).toString('base64'));
        expect(keyId(key)).toBe(formatKey(key));
      }),
    );
  });
});

describe('generatePrivateKey', () => {
  it('clamps the bytes of the random source', () => {
    const key = generatePrivateKey((out) => out.fill(0xff));
    expect([key[0], key[31]]).toEqual([0xf8, 0x7f]);
    expect(generatePrivateKey(seededRandomBytes(1))).not.toEqual(
      generatePrivateKey(seededRandomBytes(2)),
    );
  });

  it('passes on the error of the random source', () => {
    expect(() =>
      generatePrivateKey(() => {
        throw new RangeError('no entropy');
      }),
    ).toThrow('no entropy');
  });
});

describe('publicKeyOf', () => {
  it('agrees with `wg pubkey`', () => {
    const privateKey: PrivateKey = parsePrivateKey('YAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=');
    expect(formatKey(publicKeyOf(privateKey, nobleProvider))).toBe(
      'Y2FD6uTgrq+/bbBAXCNOtE+PGk8Papoh7qaWBpQUXn0=',
    );
    expect(publicKeyOf(privateKey.toBase64(), nobleProvider)).toBeInstanceOf(PublicKey);
  });

  it('does not change the key, and wipes its copy', () => {
    const privateKey = parsePrivateKey('YAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=');
    let used: Uint8Array | undefined;
    const crypto = {
      ...nobleProvider,
      dhPublicKey: (key: Uint8Array) => ((used = key), new Uint8Array(32)),
    };
    publicKeyOf(privateKey, crypto);
    expect(isZeroKey(privateKey)).toBe(false);
    expect(used && isZeroKey(used)).toBe(true);
  });

  it('refuses anything that is not a key', () => {
    expect(() => publicKeyOf('abc', nobleProvider)).toThrow(WireGuardError);
    expect(() => publicKeyOf(5 as never, nobleProvider)).toThrow(TypeError);
  });
});

function errorOf(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('a key', () => {
  it.each([PrivateKey, PublicKey, PresharedKey])(
    'cannot be made from the characters of a text: %o',
    (Key) => {
      expect(() => Key.from('12345678901234567890123456789012' as never)).toThrow(
        /"source" expected bytes, got a string/,
      );
      expect([...Key.from(new Uint8Array(32).fill(7))]).toEqual([...new Uint8Array(32).fill(7)]);
      expect(Key.from([...new Uint8Array(32)])).toBeInstanceOf(Key);
    },
  );
});
