import { nobleProvider } from '@litz/core';
import { copyCipherProvider, describeCryptoProvider } from '@litz/testkit';
import { wasmProvider } from '@litz/wasm';
import { describe, expect, it } from 'vitest';
import { hybridProvider } from '../src/hybrid-provider.ts';

describeCryptoProvider('noble and wasm by turns', () =>
  hybridProvider(nobleProvider, wasmProvider(), 192),
);

describe('hybridProvider', () => {
  it('gives each length to the provider that is for it', () => {
    const hybrid = hybridProvider(nobleProvider, copyCipherProvider(nobleProvider), 100);
    const cipher = hybrid.createCipher(new Uint8Array(32));
    for (const [length, isCopied] of [
      [0, true],
      [1, true],
      [100, true],
      [101, false],
      [1420, false],
    ] as const) {
      const buffer = new Uint8Array(1500).fill(1);
      cipher.seal(0, buffer, 0, length);
      expect(buffer.subarray(0, length).every((byte) => byte === 1)).toBe(isCopied);
      expect(cipher.open(0, buffer, 0, length)).toBe(true);
    }
    expect(hybrid.name).toMatch(/^noble\+/);
  });
});
