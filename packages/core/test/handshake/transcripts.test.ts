/**
 * Compares core with `test-vectors/wireguard/*.json`, which another implementation has made. From
 * the same inputs, both sides of core must write the same bytes as the other implementation, and
 * each side must accept what the other side writes.
 *
 * @module
 */
import { readTranscripts, referenceProvider } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { nobleProvider } from '../../src/crypto/noble.ts';
import { replayTranscript } from './replay-transcript.ts';

const CASES = readTranscripts().flatMap((transcript) =>
  [nobleProvider, referenceProvider].map((crypto) => ({
    name: transcript.name,
    provider: crypto.name,
    transcript,
    crypto,
  })),
);

describe('the handshake', () => {
  it.each(CASES)(
    'produces the messages and secrets of $name.json with $provider',
    ({ transcript, crypto }) => {
      expect(replayTranscript(transcript, crypto)).toEqual(transcript);
    },
  );
});
