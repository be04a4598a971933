/**
 * A crypto provider in WebAssembly: every primitive in the module, none in JavaScript.
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';
import { WasmArena } from './wasm-arena.ts';
import { WasmCiphers } from './wasm-cipher.ts';
import { compileModuleAsync, supportedBuild } from './wasm-module.ts';

/**
 * Compiles the module if that was not done before. A browser may refuse this on its main thread: see
 * `loadWasmProvider`.
 *
 * @param arena whose bytes are sealed and opened in place; default: one of its own
 * @throws {Error} this engine has no WebAssembly
 */
export function createWasmProvider(arena: WasmArena = new WasmArena()): CryptoProvider {
  const ciphers = new WasmCiphers(arena);
  const window = new Window(arena, ciphers);
  return {
    name: 'wasm',
    dh: (privateKey, publicKey) => window.x25519(privateKey, publicKey),
    dhPublicKey: (privateKey) => window.x25519(privateKey, BASE_POINT) ?? new Uint8Array(32),
    hash: (out, a, b = NOTHING) => window.blake2s(out, 32, [a, b]),
    mac: (out, key, input) => window.blake2s(out, 16, [input], key),
    hmac: (out, key, a, b = NOTHING) => hmac(window, out, key, a, b),
    aeadSeal: (key, counter, plain, auth) => window.seal(key, nonceOf(counter), plain, auth),
    aeadOpen: (key, counter, sealed, auth) => window.open(key, nonceOf(counter), sealed, auth),
    xaeadSeal: (key, nonce, plain, auth) =>
      window.withSubkey(key, nonce, (subkey, rest) => window.seal(subkey, rest, plain, auth)),
    xaeadOpen: (key, nonce, sealed, auth) =>
      window.withSubkey(key, nonce, (subkey, rest) => window.open(subkey, rest, sealed, auth)),
    createCipher: (key) => ciphers.create(key),
  };
}

/** The same, compiled without blocking. */
export async function loadWasmProvider(): Promise<CryptoProvider> {
  const build = supportedBuild();
  const module = await compileModuleAsync(build);
  return createWasmProvider(new WasmArena({ build, module }));
}

/** Three words, the first of them zero. */
type Nonce = readonly [number, number, number];

/** Everything but transport: bytes are copied in, and wiped when the result was copied out. */
class Window {
  readonly #arena: WasmArena;
  readonly #ciphers: WasmCiphers;

  constructor(arena: WasmArena, ciphers: WasmCiphers) {
    this.#arena = arena;
    this.#ciphers = ciphers;
  }

  /** @returns undefined if the result is all zero */
  x25519(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
    const { functions, memory, places } = this.#arena;
    memory.set(privateKey, places.SCALAR);
    memory.set(publicKey, places.POINT);
    functions.x25519();
    const result = this.#takeHash(32);
    let bits = 0;
    for (const byte of result) bits |= byte;
    return bits === 0 ? undefined : result;
  }

  /** Of the parts one behind the other. */
  blake2s(
    out: Uint8Array,
    outLength: number,
    parts: readonly Uint8Array[],
    key: Uint8Array = NOTHING,
  ): void {
    const { functions, memory, places } = this.#arena;
    // The key stands in front, in a block of its own.
    const padded = key.length === 0 ? [] : [key, new Uint8Array(64 - key.length)];
    const length = this.#copyIn([...padded, ...parts], 64);
    functions.blake2s(places.WINDOW, length, outLength, key.length);
    memory.fill(0, places.WINDOW, places.WINDOW + length);
    out.set(this.#takeHash(outLength));
  }

  seal(key: Uint8Array, [n0, n1, n2]: Nonce, plain: Uint8Array, auth: Uint8Array): Uint8Array {
    const { functions, memory, places } = this.#arena;
    const { length } = plain;
    const end = this.#copyIn([auth, plain], 16);
    this.#useKey(key);
    const data = places.WINDOW + auth.length;
    functions.seal(n0, n1, n2, places.WINDOW, auth.length, data, length);
    this.#ciphers.forget();
    const sealed = memory.slice(data, data + length + 16);
    memory.fill(0, places.WINDOW, places.WINDOW + end + 16);
    return sealed;
  }

  /** @returns undefined for a wrong tag */
  open(
    key: Uint8Array,
    [n0, n1, n2]: Nonce,
    sealed: Uint8Array,
    auth: Uint8Array,
  ): Uint8Array | undefined {
    const { functions, memory, places } = this.#arena;
    const length = sealed.length - 16;
    if (length < 0) return undefined;
    const end = this.#copyIn([auth, sealed], 0);
    this.#useKey(key);
    const data = places.WINDOW + auth.length;
    const isRight = functions.open(n0, n1, n2, places.WINDOW, auth.length, data, length) === 1;
    this.#ciphers.forget();
    const plain = isRight ? memory.slice(data, data + length) : undefined;
    memory.fill(0, places.WINDOW, places.WINDOW + end);
    return plain;
  }

  /** XChaCha20-Poly1305 is ChaCha20-Poly1305 with a key out of the nonce's first 16 bytes. */
  withSubkey<T>(
    key: Uint8Array,
    nonce: Uint8Array,
    run: (subkey: Uint8Array, rest: Nonce) => T,
  ): T {
    const words = new DataView(nonce.buffer, nonce.byteOffset, nonce.length);
    const word = (at: number): number => words.getUint32(at, true);
    this.#useKey(key);
    this.#arena.functions.hchacha20(word(0), word(4), word(8), word(12));
    this.#ciphers.forget();
    const subkey = this.#takeHash(32);
    try {
      return run(subkey, [0, word(16), word(20)]);
    } finally {
      subkey.fill(0);
    }
  }

  #useKey(key: Uint8Array): void {
    // What the ciphers think is there is not there any more.
    this.#ciphers.forget();
    this.#arena.memory.set(key, this.#arena.places.KEY);
  }

  #takeHash(length: number): Uint8Array {
    const { memory, places } = this.#arena;
    const hash = memory.slice(places.HASH, places.HASH + length);
    memory.fill(0, places.HASH, places.HASH + 32);
    return hash;
  }

  /** @param behind bytes that must be free behind them. @returns their length */
  #copyIn(parts: readonly Uint8Array[], behind: number): number {
    const { memory, places } = this.#arena;
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const most = places.WINDOW_LENGTH - behind;
    if (length > most) throw new RangeError(`expected at most ${most} bytes, got ${length}`);
    let at = places.WINDOW;
    for (const part of parts) {
      memory.set(part, at);
      at += part.length;
    }
    return length;
  }
}

/** RFC 2104. */
function hmac(
  window: Window,
  out: Uint8Array,
  key: Uint8Array,
  a: Uint8Array,
  b: Uint8Array,
): void {
  const block = new Uint8Array(64);
  if (key.length > 64) window.blake2s(block, 32, [key]);
  else block.set(key);
  const inner = new Uint8Array(32);
  window.blake2s(inner, 32, [block.map((byte) => byte ^ 0x36), a, b]);
  window.blake2s(out, 32, [block.map((byte) => byte ^ 0x5c), inner]);
  block.fill(0);
  inner.fill(0);
}

/** Section 5.4.6: 4 zero bytes, then the counter in 64 bits, little-endian. */
function nonceOf(counter: number): Nonce {
  return [0, counter | 0, (counter / 2 ** 32) | 0];
}

const NOTHING = new Uint8Array(0);
const BASE_POINT: Uint8Array = Uint8Array.of(9, ...new Uint8Array(31));
