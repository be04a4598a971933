import { nobleProvider } from '@litz/core';
import { describeCryptoProvider, seededRandomBytes } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { WasmArena, wasmProvider } from '../src/index.ts';
import { BUILDS } from './builds.ts';

describeCryptoProvider('wasm, simd', () => wasmProvider(WasmArena.createSync({ build: 'simd' })));
describeCryptoProvider('wasm, scalar', () =>
  wasmProvider(WasmArena.createSync({ build: 'scalar' })),
);
describeCryptoProvider('wasm, made later', async () => wasmProvider(await WasmArena.create()));

describe.each(BUILDS)('wasmProvider, %s, agrees with noble', (build) => {
  const wasm = wasmProvider(WasmArena.createSync({ build }));
  const lengths = [...Array.from({ length: 601 }, (_, i) => i), 6000, 65_535, 66_559, 66_560];

  test('in hashes of every length up to 600, and of inputs longer than the window', () => {
    for (const length of [...lengths, 66_561, 66_624, 133_120, 200_001]) {
      const input = random(length, length);
      for (const at of [0, length >> 1, length]) {
        const [a, b] = [input.subarray(0, at), input.subarray(at)];
        expect(both((provider, out) => provider.hash(out, a, b))).toBe(true);
      }
      const key = random(length & 1 ? 16 : 32, 2);
      expect(both((provider, out) => provider.mac(out.subarray(0, 16), key, input))).toBe(true);
      expect(both((provider, out) => provider.hmac(out, key, input))).toBe(true);
    }
  });

  test('in HMACs with keys of every length up to 200', () => {
    for (let length = 0; length <= 200; length++) {
      const key = random(length, 3);
      expect(both((provider, out) => provider.hmac(out, key, key, key))).toBe(true);
    }
  });

  test('in Aead and Xaead of every length up to 600, and random lengths up to 65535', () => {
    const random65535 = new Uint16Array(random(40, 7).buffer);
    for (const length of [...lengths.slice(0, 601), ...random65535, 65_535]) {
      const [key, nonce, plain] = [random(32, length), random(24, length), random(length, 1)];
      const auth = random(length % 100, 2);
      const sealed = wasm.aeadSeal(key, length, plain, auth);
      expect(equal(sealed, nobleProvider.aeadSeal(key, length, plain, auth))).toBe(true);
      expect(equal(wasm.aeadOpen(key, length, sealed, auth), plain)).toBe(true);
      const xsealed = wasm.xaeadSeal(key, nonce, plain, auth);
      expect(equal(xsealed, nobleProvider.xaeadSeal(key, nonce, plain, auth))).toBe(true);
      expect(equal(wasm.xaeadOpen(key, nonce, xsealed, auth), plain)).toBe(true);
      sealed[length % sealed.length] ^= 0x10;
      expect(wasm.aeadOpen(key, length, sealed, auth)).toBeUndefined();
    }
  });

  test('in X25519 of random keys, and of points near the edges of the field', () => {
    const points = Array.from({ length: 30 }, (_, i) => random(32, i));
    for (const low of [0, 2, 3, 9, 18, 19, 20, 236, 237, 238, 255]) {
      for (const high of [0, 0x7f, 0x80, 0xff]) {
        points.push(
          new Uint8Array(32)
            .fill(high && 0xff)
            .fill(low, 0, 1)
            .fill(high, 31),
        );
      }
    }
    for (const [i, point] of points.entries()) {
      const privateKey = random(32, 100 + i);
      expect(wasm.dh(privateKey, point)).toEqual(nobleProvider.dh(privateKey, point));
      expect(wasm.dhPublicKey(privateKey)).toEqual(nobleProvider.dhPublicKey(privateKey));
    }
  });

  test('and throws for arguments of a wrong length', () => {
    const [short, key] = [new Uint8Array(31), new Uint8Array(32)];
    expect(() => wasm.dh(short, key)).toThrow('"privateKey" expected 32 bytes, got 31');
    expect(() => wasm.dh(key, short)).toThrow('"publicKey" expected 32 bytes, got 31');
    expect(() => wasm.mac(key, new Uint8Array(33), key)).toThrow(RangeError);
    expect(() => wasm.createCipher(short)).toThrow('"key" expected 32 bytes, got 31');
  });

  function both(run: (provider: typeof wasm, out: Uint8Array) => void): boolean {
    const [ours, theirs] = [new Uint8Array(32), new Uint8Array(32)];
    run(wasm, ours);
    run(nobleProvider, theirs);
    return equal(ours, theirs);
  }
});

function equal(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}

function random(length: number, seed: number): Uint8Array {
  const out = new Uint8Array(length);
  seededRandomBytes(seed + 77)(out);
  return out;
}
