import { createPerson } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { Endpoint } from '../src/endpoint.ts';
import { parsePresharedKey, PresharedKey, PrivateKey, PublicKey } from '../src/keys.ts';
import { parseCidr } from '../src/text/cidr.ts';
import {
  checkEndpointName,
  checkPresharedKey,
  checkPrivateKey,
  readAllowedIp,
  readAllowedIps,
  readEndpoint,
  readHostEndpoint,
  readPresharedKey,
  readPrivateKey,
  readPublicKey,
} from '../src/values.ts';

const { publicKey, privateKey } = createPerson(1);
const ZEROS = `${'A'.repeat(43)}=`;

describe('readPublicKey', () => {
  it('returns the same key, and makes a new key from text or bytes', () => {
    expect(readPublicKey(publicKey, 'a')).toBe(publicKey);
    for (const value of [publicKey.toBase64(), Uint8Array.from(publicKey)]) {
      const read = readPublicKey(value, 'a');
      expect(read).toBeInstanceOf(PublicKey);
      expect(read).toEqual(publicKey);
    }
  });

  it('refuses anything that is not a key, and names the field', () => {
    for (const [value, message] of [
      ['abc', '"a": public key: expected 32 bytes as 44 characters of base64, got 3 characters'],
      [publicKey.subarray(1), '"a": public key: expected 32 bytes, got 31'],
      [privateKey, '"a": public key: expected a public key, got a PrivateKey'],
      [null, '"a": public key: expected a string or a Uint8Array, got null'],
    ] as const) {
      expect(() => readPublicKey(value, 'a')).toThrow(message);
    }
  });
});

describe('readPrivateKey', () => {
  it('returns a new key, and undefined for null', () => {
    for (const value of [privateKey, privateKey.toBase64(), Uint8Array.from(privateKey)]) {
      const read = readPrivateKey(value, 'a');
      expect(read).toBeInstanceOf(PrivateKey);
      expect(read).toEqual(privateKey);
      expect(read).not.toBe(privateKey);
    }
    expect(readPrivateKey(null, 'a')).toBeUndefined();
  });

  it('refuses zeros, as text, as bytes and as a wiped key', () => {
    for (const value of [ZEROS, new Uint8Array(32), privateKey.slice().fill(0)]) {
      expect(() => readPrivateKey(value, 'a')).toThrow(
        '"a": private key: expected a key, got all zeros',
      );
    }
  });

  it('refuses anything that is not a key, and names the field', () => {
    for (const value of ['abc', undefined, publicKey, 5]) {
      expect(() => readPrivateKey(value, 'a')).toThrow(/^"a": private key: expected /);
    }
  });
});

describe('readPresharedKey', () => {
  const presharedKey = parsePresharedKey(new Uint8Array(32).fill(7));

  it('returns a new key, and undefined for null and zeros', () => {
    for (const value of [presharedKey, presharedKey.toBase64(), Uint8Array.from(presharedKey)]) {
      const read = readPresharedKey(value, 'a');
      expect(read).toBeInstanceOf(PresharedKey);
      expect(read).toEqual(presharedKey);
      expect(read).not.toBe(presharedKey);
    }
    for (const value of [null, ZEROS, new PresharedKey()]) {
      expect(readPresharedKey(value, 'a')).toBeUndefined();
    }
  });

  it('refuses anything that is not a key, and names the field', () => {
    for (const value of ['abc', undefined, privateKey, 5]) {
      expect(() => readPresharedKey(value, 'a')).toThrow(/^"a": preshared key: expected /);
    }
  });
});

describe('checkPrivateKey and checkPresharedKey', () => {
  it('accept keys, null and undefined, and refuse other values', () => {
    for (const value of [undefined, null, Uint8Array.from(privateKey)]) {
      expect(() => checkPrivateKey(value, 'a')).not.toThrow();
      expect(() => checkPresharedKey(value, 'a')).not.toThrow();
    }
    for (const value of [ZEROS, new PresharedKey()]) {
      expect(() => checkPresharedKey(value, 'a')).not.toThrow();
    }
    const long = new PresharedKey(33);
    for (const value of ['abc', publicKey, long, false]) {
      expect(() => checkPrivateKey(value, 'a')).toThrow(/^"a": private key/);
      expect(() => checkPresharedKey(value, 'a')).toThrow(/^"a": preshared key/);
    }
  });

  it('do not change the caller’s key', () => {
    const key = privateKey.slice() as PrivateKey;
    checkPrivateKey(key, 'a');
    expect(key).toEqual(privateKey);
    const bytes = new Uint8Array(32).fill(7);
    checkPresharedKey(bytes, 'a');
    expect(bytes[0]).toBe(7);
  });
});

describe('readEndpoint', () => {
  it('returns the same endpoint, and reads text and objects', () => {
    const endpoint = new Endpoint(Uint8Array.of(192, 0, 2, 1), 5);
    expect(readEndpoint(endpoint, 'a')).toBe(endpoint);
    expect(readEndpoint('192.0.2.1:5', 'a')).toEqual(endpoint);
    expect(readEndpoint({ host: '192.0.2.1', port: 5 }, 'a')).toEqual(endpoint);
  });

  it('refuses a host name, which the caller must resolve', () => {
    expect(() => readEndpoint('example.org:5', 'a')).toThrow(
      '"a" expected an IP address, got the name "example.org": resolve it first',
    );
    expect(() => readEndpoint('example.org:5', 'a')).toThrow(
      expect.objectContaining({ code: 'ERR_LITZ_INVALID_ENDPOINT' }),
    );
  });
});

describe('readHostEndpoint', () => {
  it('accepts a host name too, as text or in an object', () => {
    const expected = { host: 'example.org', port: 5 };
    expect(readHostEndpoint('example.org:5', 'a')).toEqual(expected);
    expect(readHostEndpoint(expected, 'a')).toEqual(expected);
  });

  it.each<[string, unknown]>([
    [`"a" expected 'ADDRESS:PORT', got undefined`, undefined],
    [`"a" expected 'ADDRESS:PORT', got null`, null],
    [`"a" expected 'ADDRESS:PORT', got Object`, { host: 5, port: 5 }],
    ['"a.port" expected an integer from 1 to 65535, got 0', { host: 'x', port: 0 }],
    ['"a.port" expected an integer from 1 to 65535, got 65536', { host: 'x', port: 65_536 }],
    ['"a.port" expected an integer from 1 to 65535, got undefined', { host: 'x' }],
    ['"a":', 'no port'],
    ['"a":', { host: 'x:5\nremove=true', port: 5 }],
  ])('throws %s', (message, value) => {
    expect(() => readHostEndpoint(value, 'a')).toThrow(message);
  });
});

describe('readAllowedIps', () => {
  it('reads text and typed values', () => {
    const typed = { address: Uint8Array.of(10, 0, 0, 0), prefixLength: 8, remove: true };
    expect(readAllowedIps(['10.1.0.0/16', typed], 'a')).toEqual([parseCidr('10.1.0.0/16'), typed]);
    expect(() => readAllowedIps('10.1.0.0/16', 'a')).toThrow('"a" expected an array, got a string');
    expect(() => readAllowedIps(['10.1.0.0/16', 'x'], 'a')).toThrow(/^"a\[1\]": /);
  });
});

describe('readAllowedIp', () => {
  const [four, sixteen] = [new Uint8Array(4), new Uint8Array(16)];

  it('returns the same typed value, with the longest and the shortest prefix', () => {
    for (const value of [
      { address: four, prefixLength: 0 },
      { address: four, prefixLength: 32 },
      { address: sixteen, prefixLength: 128 },
    ]) {
      expect(readAllowedIp(value, 'a', 0)).toBe(value);
    }
  });

  it.each<[string, unknown]>([
    ['"a[2]": ', '10.0.0.0/33'],
    ['"a[2]" expected an object, got null', null],
    ['"a[2]" expected one of address, prefixLength, remove, got "cidr"', { cidr: 5 }],
    ['"a[2].address" expected 4 or 16 bytes, got 5', { address: new Uint8Array(5) }],
    ['"a[2].address" expected 4 or 16 bytes, got a string', { address: '10.0.0.0' }],
    ['"a[2].address" expected 4 or 16 bytes, got an array', { address: [1, 2, 3, 4] }],
    [
      '"a[2].prefixLength" expected an integer from 0 to 32, got 33',
      { address: four, prefixLength: 33 },
    ],
    [
      '"a[2].prefixLength" expected an integer from 0 to 128, got 129',
      { address: sixteen, prefixLength: 129 },
    ],
    ['"a[2].prefixLength" expected an integer from 0 to 32, got undefined', { address: four }],
    [
      '"a[2].remove" expected true or false, got a number',
      { address: four, prefixLength: 1, remove: 1 },
    ],
  ])('throws %s', (message, value) => {
    expect(() => readAllowedIp(value, 'a', 2)).toThrow(message);
  });
});

describe('checkEndpointName', () => {
  it('accepts a name with a port, no name, and an empty text', () => {
    for (const name of ['vpn.example:1', 'büro.example:65535', '', undefined]) {
      expect(() => checkEndpointName(name, 'a')).not.toThrow();
    }
  });

  it('refuses anything else, and names the field', () => {
    for (const [value, message] of [
      [{ host: 'vpn.example', port: 1 }, '"a" expected a string, got Object'],
      ['vpn.example:65536', '"a" expected HOST:PORT, got "vpn.example:65536"'],
      ['192.0.2.1:1', '"a" expected HOST:PORT, got "192.0.2.1:1"'],
    ] as const) {
      expect(() => checkEndpointName(value, 'a')).toThrow(message);
    }
  });
});
