/**
 * `handshakeSuite`: measures how engines create and consume the messages of a handshake.
 *
 * @module
 */
import {
  Endpoint,
  Engine,
  generatePrivateKey,
  nobleProvider,
  publicKeyOf,
  type CryptoProvider,
  type PublicKey,
} from '@litz/core';
import { seededRandomBytes } from '@litz/testkit';
import { checkEqual, type Case, type MissingCase } from './case.ts';
import type { Candidate } from './providers.ts';

/** Returns a case for each step and each candidate that an engine can use. */
export function handshakeSuite(candidates: readonly Candidate[]): (Case | MissingCase)[] {
  const capable = candidates.filter(({ provider, missing }) => provider ?? missing);
  return STEPS.flatMap((step, number) =>
    capable.map(({ name: subject, provider, missing = '' }) =>
      provider
        ? handshakeCase(step, number, subject, provider)
        : { figure: step, subject, missing },
    ),
  );
}

/** Measures one step. The steps before it are its preparation. */
function handshakeCase(
  figure: string,
  number: number,
  subject: string,
  provider: CryptoProvider,
): Case {
  const parties = new Parties(provider);
  return {
    figure,
    subject,
    operations: 1,
    check: () => checkTranscript(provider),
    prepare: () => {
      parties.finish();
      for (let i = 0; i < number; i++) parties.step();
    },
    run: () => parties.step(),
  };
}

/**
 * Checks that the provider writes the same bytes as the reference, if both have the same keys, time
 * and randomness.
 */
function checkTranscript(provider: CryptoProvider): void {
  const parties = new Parties(provider);
  const expected = new Parties(nobleProvider);
  for (const step of STEPS) checkEqual(step, parties.step(), expected.step());
}

/** An initiator and a responder that do one handshake after the other. */
class Parties {
  readonly #initiator: Engine;
  readonly #responder: Engine;
  readonly #responderKey: PublicKey;
  #message: Uint8Array = new Uint8Array(0);
  #next = 0;
  #now = 0;

  constructor(crypto: CryptoProvider) {
    const keys = [1, 2].map((seed) => generatePrivateKey(seededRandomBytes(seed)));
    const unixTime = (): number => 1_704_067_200_000 + this.#now;
    const [initiator, responder] = keys.map((privateKey, i) => {
      const engine = new Engine({ randomBytes: seededRandomBytes(10 + i), unixTime, crypto });
      const publicKey = publicKeyOf(keys[1 - i]!, nobleProvider);
      engine.configure({ privateKey, peers: [{ publicKey, endpoint: ENDPOINTS[1 - i]! }] }, 0);
      return engine;
    });
    this.#initiator = initiator!;
    this.#responder = responder!;
    this.#responderKey = publicKeyOf(keys[1]!, nobleProvider);
  }

  /** Does one step of the handshake. Returns the message that it made; empty for the last step. */
  step(): Uint8Array {
    if (this.#next === 0) {
      // Moves the clock so that the previous session has expired.
      this.#now += 200_000;
      this.#initiator.connect(this.#responderKey, this.#now);
      this.#message = sentBy(this.#initiator);
    } else if (this.#next % 2 === 1) {
      this.#message = answerOf(this.#responder, this.#message, ENDPOINTS[0], this.#now);
    } else {
      this.#message = answerOf(this.#initiator, this.#message, ENDPOINTS[1], this.#now);
    }
    this.#next = (this.#next + 1) % STEPS.length;
    return this.#message;
  }

  /** Does the remaining steps, so that the next step is the first one. */
  finish(): void {
    while (this.#next !== 0) this.step();
  }
}

function answerOf(engine: Engine, message: Uint8Array, source: Endpoint, now: number): Uint8Array {
  const reason = engine.handleDatagram(message, source, now);
  if (reason !== undefined) throw new Error(`a handshake message was dropped: ${reason}`);
  return sentBy(engine);
}

/** Returns a copy of the first datagram, and drops the others. */
function sentBy(engine: Engine): Uint8Array {
  const message = engine.pollTransmit()?.datagram.slice() ?? new Uint8Array(0);
  while (engine.pollTransmit());
  while (engine.pollEvent());
  return message;
}

const STEPS = [
  'handshake: create an initiation',
  'handshake: consume it, create the response',
  'handshake: consume the response',
  'handshake: confirm the session',
] as const;
const ENDPOINTS = [
  new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820),
  new Endpoint(Uint8Array.of(192, 0, 2, 2), 51820),
] as const;
