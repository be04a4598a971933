import { readTranscripts, fromHex } from '@litz/testkit';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  COOKIE_REPLY_LENGTH,
  HANDSHAKE_INITIATION_LENGTH,
  HANDSHAKE_RESPONSE_LENGTH,
} from '../../src/constants.ts';
import {
  mac1Offset,
  mac2Offset,
  readMessageType,
  readCookieReply,
  readInitiation,
  readResponse,
  senderIndexOf,
  writeCookieReply,
  writeInitiation,
  writeResponse,
} from '../../src/wire/messages.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300);
const index = fc.nat(0xffffffff);
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
/** Arbitrary bytes, often with the first bytes and the length of a message. */
const almostMessage = fc.oneof(
  fc.uint8Array({ maxLength: 200, size: 'max' }),
  fc
    .tuple(
      fc.nat(5),
      fc.constantFrom(0, 0, 0, 1),
      fc.constantFrom(31, 32, 64, 91, 92, 147, 148, 149),
    )
    .chain(([type, reserved, length]) =>
      bytes(length - 4).map((rest) => Uint8Array.of(type, 0, reserved, 0, ...rest)),
    ),
);

describe('readMessageType', () => {
  it('accepts each length for its own type only', () => {
    for (const [type, lengths] of [
      [1, [148]],
      [2, [92]],
      [3, [64]],
      [4, [32, 33, 48, 1500, 65_507]],
    ] as const) {
      for (const length of lengths) {
        const message = new Uint8Array(length);
        message[0] = type;
        expect(readMessageType(message, 0, length)).toBe(type);
        expect(readMessageType(message, 0, length - 1)).toBe(
          type === 4 && length > 32 ? 4 : undefined,
        );
      }
      const tooShort = Uint8Array.of(type, ...new Uint8Array(30));
      expect(readMessageType(tooShort, 0, 31)).toBeUndefined();
    }
  });

  it('refuses reserved bits, other types, and a range outside the buffer', () => {
    const message = Uint8Array.of(9, 4, 0, 0, 0, ...new Uint8Array(28));
    expect(readMessageType(message, 1, 32)).toBe(4);
    expect(readMessageType(message, 1, 33)).toBeUndefined();
    expect(readMessageType(message, 0, 32)).toBeUndefined();
    for (const at of [2, 3, 4]) {
      const reserved = message.slice();
      reserved[at] = 0x80;
      expect(readMessageType(reserved, 1, 32)).toBeUndefined();
    }
    for (const type of [0, 5, 255]) {
      expect(readMessageType(Uint8Array.of(type, ...new Uint8Array(147)), 0, 148)).toBeUndefined();
    }
  });

  it('returns the type of each message in the transcripts', () => {
    const types = ['handshake-initiation', 'handshake-response', 'cookie-reply', 'transport-data'];
    for (const { type, message } of readTranscripts().flatMap(({ messages }) => messages)) {
      const datagram = fromHex(message);
      expect(readMessageType(datagram, 0, datagram.length)).toBe(types.indexOf(type) + 1);
    }
  });
});

describe('the read functions', () => {
  it('never throw for any bytes, and accept only their own type', () => {
    fc.assert(
      fc.property(almostMessage, (message) => {
        const type = readMessageType(message, 0, message.length);
        expect(readInitiation(message) !== undefined).toBe(type === 1);
        expect(readResponse(message) !== undefined).toBe(type === 2);
        expect(readCookieReply(message) !== undefined).toBe(type === 3);
      }),
      { numRuns: RUNS },
    );
  });

  it('read an initiation as it was written', () => {
    const initiation = fc.record({
      senderIndex: index,
      ephemeral: bytes(32),
      encryptedStatic: bytes(48),
      encryptedTimestamp: bytes(28),
    });
    fc.assert(
      fc.property(initiation, (fields) => {
        const message = new Uint8Array(HANDSHAKE_INITIATION_LENGTH).fill(0xee);
        writeInitiation(message, fields);
        expect(readInitiation(message)).toEqual(fields);
        expect(senderIndexOf(message)).toBe(fields.senderIndex);
        expect(message.subarray(mac1Offset(message))).toEqual(new Uint8Array(32));
        expect(mac2Offset(message) - mac1Offset(message)).toBe(16);
      }),
    );
  });

  it('read a response as it was written', () => {
    const response = fc.record({
      senderIndex: index,
      receiverIndex: index,
      ephemeral: bytes(32),
      encryptedNothing: bytes(16),
    });
    fc.assert(
      fc.property(response, (fields) => {
        const message = new Uint8Array(HANDSHAKE_RESPONSE_LENGTH).fill(0xee);
        writeResponse(message, fields);
        expect(readResponse(message)).toEqual(fields);
        expect(senderIndexOf(message)).toBe(fields.senderIndex);
        expect(message.subarray(mac1Offset(message))).toEqual(new Uint8Array(32));
      }),
    );
  });

  it('read a cookie reply as it was written', () => {
    const reply = fc.record({ receiverIndex: index, nonce: bytes(24), encryptedCookie: bytes(32) });
    fc.assert(
      fc.property(reply, (fields) => {
        const message = new Uint8Array(COOKIE_REPLY_LENGTH).fill(0xee);
        writeCookieReply(message, fields);
        expect(readCookieReply(message)).toEqual(fields);
      }),
    );
  });
});

describe('writeCookieReply', () => {
  it('refuses a buffer of another length', () => {
    const reply = {
      receiverIndex: 1,
      nonce: new Uint8Array(24),
      encryptedCookie: new Uint8Array(32),
    };
    expect(() => writeCookieReply(new Uint8Array(65), reply)).toThrow(
      '"out" expected 64 bytes, got 65',
    );
  });
});
