/**
 * Tests that no secret of a handshake message is left in memory if a provider or a random source
 * fails while the message is made or read.
 *
 * @module
 */
import { referenceProvider } from '@litz/testkit';
import { afterEach, beforeEach, describe, expect, it, vi, type Mock } from 'vitest';
import { dhKeyOf } from '../../src/crypto/dh-key.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { SymmetricState } from '../../src/handshake/symmetric-state.ts';
import {
  createParties,
  initiate,
  receiveInitiation,
  receiveResponse,
  respond,
  type Party,
} from './parties.ts';

/** Prepares both sides. Returns one of them, and the function that makes or reads its message. */
type Prepare = () => { party: Party; run: (party: Party) => unknown };

const MESSAGES: [string, Prepare][] = [
  ['createInitiation', () => ({ party: createParties().alice, run: (alice) => initiate(alice) })],
  [
    'createResponse',
    () => {
      const { alice, bob } = createParties();
      receiveInitiation(bob, initiate(alice));
      return { party: bob, run: respond };
    },
  ],
  [
    'openInitiationStatic',
    () => {
      const { alice, bob } = createParties();
      const message = initiate(alice);
      return { party: bob, run: (party) => receiveInitiation(party, message) };
    },
  ],
  [
    'consumeResponse',
    () => {
      const { alice, bob } = createParties();
      receiveInitiation(bob, initiate(alice));
      const message = respond(bob);
      return { party: alice, run: (party) => receiveResponse(party, message) };
    },
  ],
];

/** All states that `SymmetricState.begin` and `resume` have returned in one pass. */
let states: SymmetricState[] = [];

beforeEach(() => {
  for (const method of ['begin', 'resume'] as const) {
    const real = SymmetricState[method] as (...all: unknown[]) => SymmetricState;
    (vi.spyOn(SymmetricState, method) as Mock).mockImplementation((...all: unknown[]) => {
      const state = real(...all);
      states.push(state);
      return state;
    });
  }
});
afterEach(() => vi.restoreAllMocks());

describe.each(MESSAGES)('%s', (_, prepare) => {
  it.each([
    ['prepares keys', true],
    ['prepares no keys', false],
  ])('wipes all secrets if a provider that %s fails', (_name, preparesKeys) => {
    // In the first pass the first call of the provider fails, in the second pass the second call,
    // and so on.
    for (let failing = 0; ; failing++) {
      const { party, run } = prepare();
      const provider = new FailingProvider(party, preparesKeys, failing);
      states = [];
      const failed = throws(() => run(provider.party));
      const secrets = [...provider.secrets, ...states.map(({ chainingKey }) => chainingKey)];
      expect(secrets.filter((secret) => secret.some((byte) => byte !== 0))).toEqual([]);
      if (failed) continue;
      expect(failing).toBeGreaterThan(5);
      expect(provider.secrets).not.toEqual([]);
      return;
    }
  });
});

/** The reference provider. Its call number `failing` throws, counted from 0. */
class FailingProvider {
  /** The given party, with this provider. */
  readonly party: Party;
  /**
   * Private keys, shared secrets and derived keys, except those that are kept after the message.
   */
  readonly secrets: Uint8Array[] = [];
  #left: number;

  constructor(party: Party, preparesKeys: boolean, failing: number) {
    this.#left = failing;
    const real = referenceProvider;
    const isStatic = (key: Uint8Array): boolean =>
      Buffer.compare(key, party.identity.privateKey) === 0;
    const crypto: CryptoProvider = {
      ...referenceProvider,
      dh: (key, publicKey) => {
        const secret = this.#call(() => real.dh(key, publicKey)!);
        const isKept = isStatic(key) && publicKey === party.handshake.remoteStaticPublic;
        return isKept ? secret : this.#note(secret);
      },
      dhPublicKey: (key) => {
        // `dhKeyOf` passes its own copy of the key.
        if (!isStatic(key)) this.#note(key);
        return this.#call(() => real.dhPublicKey(key));
      },
      hash: (...all) => this.#call(() => real.hash(...all)),
      hmac: (out, ...all) => this.#call(() => real.hmac(this.#note(out), ...all)),
      aeadSeal: (...all) => this.#call(() => real.aeadSeal(...all)),
      aeadOpen: (...all) => this.#call(() => real.aeadOpen(...all)),
    };
    const unprepared = { ...crypto };
    if (preparesKeys) crypto.dhKey = (key) => this.#call(() => dhKeyOf(unprepared, key));
    const randomBytes = (out: Uint8Array): void =>
      this.#call(() => party.randomBytes(this.#note(out)));
    this.party = { ...party, crypto, randomBytes };
  }

  #call<T>(call: () => T): T {
    if (this.#left-- === 0) throw new Error(FAILURE);
    return call();
  }

  #note(secret: Uint8Array): Uint8Array {
    this.secrets.push(secret);
    return secret;
  }
}

function throws(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if ((error as Error).message === FAILURE) return true;
    throw error;
  }
}

const FAILURE = 'the provider failed';
