import { referenceProvider, toHex } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { SymmetricState } from '../../src/handshake/symmetric-state.ts';
import type { PresharedKey, PublicKey } from '../../src/keys.ts';

const RESPONDER = new Uint8Array(32).fill(9) as PublicKey;

describe('SymmetricState', () => {
  it('begins with the hash of the construction as chaining key (C)', () => {
    const { chainingKey } = SymmetricState.begin(referenceProvider, RESPONDER);
    expect(toHex(chainingKey)).toBe(
      '60e26daef327efc02ec335e2a025d2d016eb4206f87277f52d38d1988b78cd36',
    );
  });

  it('is equal on both sides after each step', () => {
    const [alice, bob] = [begin(), begin()];
    alice.mixKey(new Uint8Array(32).fill(1));
    bob.mixKey(new Uint8Array(32).fill(1));
    const field = alice.seal(Uint8Array.of(1, 2, 3));
    expect(bob.open(field)).toEqual(Uint8Array.of(1, 2, 3));
    alice.mixPresharedKey(new Uint8Array(32) as PresharedKey);
    bob.mixPresharedKey(new Uint8Array(32) as PresharedKey);
    expect(bob.open(alice.seal(new Uint8Array(0)))).toEqual(new Uint8Array(0));
    expect([bob.chainingKey, bob.hash]).toEqual([alice.chainingKey, alice.hash]);
  });

  it('binds a field to everything that was hashed before', () => {
    const [alice, bob] = [begin(), begin()];
    bob.mixHash(Uint8Array.of(1));
    expect(bob.open(alice.seal(Uint8Array.of(1)))).toBeUndefined();
  });

  it('does not change for a field that is not authentic', () => {
    const state = begin();
    const before = state.hash.slice();
    expect(state.open(new Uint8Array(48))).toBeUndefined();
    expect(state.hash).toEqual(before);
  });

  it('continues from copies, and wipes them', () => {
    const from = { chainingKey: new Uint8Array(32).fill(1), hash: new Uint8Array(32).fill(2) };
    const state = SymmetricState.resume(referenceProvider, from);
    state.mixKey(RESPONDER);
    state.mixHash(RESPONDER);
    state.wipe();
    expect([state.chainingKey, state.hash]).toEqual([new Uint8Array(32), new Uint8Array(32)]);
    expect([from.chainingKey[0], from.hash[0]]).toEqual([1, 2]);
  });

  it('wipes the key that it seals with', () => {
    const keys: Uint8Array[] = [];
    const state = SymmetricState.begin(
      {
        ...referenceProvider,
        aeadSeal: (key, ...rest) => {
          keys.push(key);
          return referenceProvider.aeadSeal(key, ...rest);
        },
      },
      RESPONDER,
    );
    state.mixKey(RESPONDER);
    state.seal(Uint8Array.of(1));
    expect(keys[0]).not.toEqual(new Uint8Array(32));
    state.wipe();
    expect(keys).toEqual([new Uint8Array(32)]);
  });

  it('hashes the value tau of the preshared key, and wipes it', () => {
    const inputs: (Uint8Array | undefined)[] = [];
    const state = SymmetricState.begin(
      {
        ...referenceProvider,
        hash: (out, a, b) => {
          inputs.push(b);
          referenceProvider.hash(out, a, b);
        },
      },
      RESPONDER,
    );
    inputs.length = 0;
    const before = state.hash.slice();
    state.mixPresharedKey(new Uint8Array(32).fill(3) as PresharedKey);
    expect(state.hash).not.toEqual(before);
    expect(inputs).toEqual([new Uint8Array(32)]);
  });
});

function begin(): SymmetricState {
  return SymmetricState.begin(referenceProvider, RESPONDER);
}
