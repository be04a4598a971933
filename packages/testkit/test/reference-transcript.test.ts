import { describe, expect, it } from 'vitest';
import { referenceTranscript, type TranscriptInputs } from '../src/reference-transcript.ts';
import type { Transcript } from '../src/transcript.ts';
import { readTranscripts } from '../src/vectors.ts';

describe('referenceTranscript', () => {
  it.each(readTranscripts())('computes wireguard/$name.json from its inputs', (transcript) => {
    expect(referenceTranscript(inputsOf(transcript))).toEqual(transcript);
  });
});

/** Returns the chosen values of a transcript; the others are computed. */
function inputsOf({ messages, ...rest }: Transcript): TranscriptInputs {
  const inputs: TranscriptInputs = {
    ...rest,
    initiations: [],
    response: { senderIndex: -1, ephemeralPrivate: '' },
    transportData: [],
  };
  for (const message of messages) {
    switch (message.type) {
      case 'handshake-initiation':
        inputs.initiations.push(message);
        break;
      case 'handshake-response':
        inputs.response = message;
        break;
      case 'cookie-reply':
        inputs.cookieReply = message;
        break;
      case 'transport-data':
        inputs.transportData.push(message);
        break;
    }
  }
  return inputs;
}
