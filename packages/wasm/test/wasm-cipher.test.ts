import { nobleProvider, type Cipher } from '@litz/core';
import { seededRandomBytes } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { createWasmProvider, WasmArena, type WasmBuild } from '../src/index.ts';

const LENGTHS = [
  ...Array.from({ length: 601 }, (_, i) => i),
  ...Array.from({ length: 60 }, (_, i) => (i * 7919 * 131) % 65_536),
  65_535,
];

describe.each<WasmBuild>(['simd', 'scalar'])('WasmCiphers, %s', (build) => {
  it('seals and opens what noble does, in the arena and outside of it', { timeout: 60_000 }, () => {
    const { arena, cipher, reference } = ciphers(build, 65_536 + 64);
    for (const length of LENGTHS) {
      const plain = random(length);
      const expected = new Uint8Array(length + 16);
      expected.set(plain);
      reference.seal(length * 3, expected, 0, length);

      for (const [buffer, offset] of [
        [arena.bytes, length % 33],
        [new Uint8Array(length + 16 + 5), 5],
      ] as const) {
        buffer.set(plain, offset);
        cipher.seal(length * 3, buffer, offset, length);
        const sealed = buffer.subarray(offset, offset + length + 16);
        expect(Buffer.compare(sealed, expected), `sealing ${length} bytes`).toBe(0);
        expect(cipher.open(length * 3, buffer, offset, length)).toBe(true);
        const opened = buffer.subarray(offset, offset + length);
        expect(Buffer.compare(opened, plain), `opening ${length} bytes`).toBe(0);
      }
    }
  });

  it('leaves what it refuses as it was', () => {
    const { arena, cipher } = ciphers(build, 4096);
    for (const length of [0, 1, 63, 192, 193, 448, 1420]) {
      arena.bytes.set(random(length));
      cipher.seal(1, arena.bytes, 0, length);
      arena.bytes[length >> 1] ^= 0x10;
      const before = arena.bytes.slice();
      expect(cipher.open(1, arena.bytes, 0, length)).toBe(false);
      expect(arena.bytes).toEqual(before);
    }
  });

  it('keeps the keys of many ciphers apart', () => {
    const arena = new WasmArena({ length: 256, build });
    const provider = createWasmProvider(arena);
    const keys = Array.from({ length: 5 }, () => random(32));
    const own = keys.map((key) => provider.createCipher(key));
    const reference = keys.map((key) => nobleProvider.createCipher(key));
    for (let i = 0; i < 50; i++) {
      const expected = new Uint8Array(80).fill(i);
      reference[i % 5].seal(i, expected, 0, 64);
      arena.bytes.fill(i);
      own[i % 5].seal(i, arena.bytes, 0, 64);
      expect(arena.bytes.subarray(0, 80)).toEqual(expected);
      // A handshake in between uses the same place for its key.
      if (i % 7 === 0) provider.aeadSeal(random(32), 0, random(32), random(32));
    }
  });

  it('refuses a key of another length, and more than the window holds outside of the arena', () => {
    const { cipher } = ciphers(build, 0);
    expect(() => createWasmProvider().createCipher(new Uint8Array(31))).toThrow(RangeError);
    expect(() => cipher.seal(0, new Uint8Array(70_000), 0, 69_000)).toThrow(RangeError);
  });
});

describe.each<WasmBuild>(['simd', 'scalar'])('secrets in the memory, %s', (build) => {
  it('are gone when nobody needs them', () => {
    const arena = new WasmArena({ length: 4096, build });
    const provider = createWasmProvider(arena);
    const key = random(32);
    const secret = random(48);
    const cipher = provider.createCipher(key);
    const buffer = new Uint8Array(64);
    buffer.set(secret);
    cipher.seal(7, buffer, 0, 48);
    expect(cipher.open(7, buffer, 0, 48)).toBe(true);
    provider.mac(new Uint8Array(16), key, secret);
    provider.hmac(new Uint8Array(32), key, secret, secret);
    provider.hash(new Uint8Array(32), secret);
    const shared = provider.dh(key, provider.dhPublicKey(secret.subarray(0, 32)));
    const sealed = provider.aeadSeal(key, 1, secret, secret);
    provider.aeadOpen(key, 1, sealed, secret);
    provider.xaeadSeal(key, random(24), secret, secret);
    expect(contains(arena.memory, shared ?? key)).toBe(false);
    expect(contains(arena.memory, secret)).toBe(false);
    cipher.seal(8, buffer, 0, 48);
    expect(contains(arena.memory, key), 'in use').toBe(true);
    cipher.destroy();
    expect(contains(arena.memory, key)).toBe(false);
    expect(arena.memory.every((byte) => byte === 0)).toBe(true);
  });
});

function ciphers(
  build: WasmBuild,
  length: number,
): { arena: WasmArena; cipher: Cipher; reference: Cipher } {
  const arena = new WasmArena({ length, build });
  const key = random(32);
  return {
    arena,
    cipher: createWasmProvider(arena).createCipher(key),
    reference: nobleProvider.createCipher(key),
  };
}

const randomBytes = seededRandomBytes(11);

function random(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  randomBytes(bytes);
  return bytes;
}

function contains(memory: Uint8Array, bytes: Uint8Array): boolean {
  return Buffer.from(memory.buffer).includes(Buffer.from(bytes));
}
