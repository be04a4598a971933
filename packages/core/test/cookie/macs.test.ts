import { referenceProvider, seededRandomBytes } from '@litz/testkit';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MacChecker, MacSender } from '../../src/cookie/macs.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { Endpoint } from '../../src/endpoint.ts';
import type { StateCodec } from '../../src/hand-over/state-codec.ts';
import { StateReader } from '../../src/hand-over/state-reader.ts';
import { StateWriter } from '../../src/hand-over/state-writer.ts';
import { createStaticIdentity, type StaticIdentity } from '../../src/handshake/static-identity.ts';
import { generatePrivateKey } from '../../src/keys.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300);
const SOURCE = new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820);
const SOURCE_V6 = new Endpoint(Uint8Array.of(0x20, 1, 0xd, 0xb8, ...new Uint8Array(12)), 51820);
const NO_MAC2 = new Uint8Array(16);

describe('MacSender', () => {
  it('writes a mac1 that only the receiver accepts', () => {
    const { sender, checker } = createSides();
    const { checker: stranger } = createSides(2);
    const message = initiation();
    sender.addMacs(message, 0);
    expect(checker.checkMac1(message)).toBe(true);
    expect(stranger.checkMac1(message)).toBe(false);
  });

  it('writes zeros for mac2 until it has a cookie', () => {
    const { sender } = createSides();
    const message = initiation().fill(0xee, 116);
    sender.addMacs(message, 0);
    expect(message.subarray(132)).toEqual(NO_MAC2);
  });

  it('writes both macs of a response too', () => {
    const { sender, checker } = createSides();
    const first = response();
    sender.addMacs(first, 0);
    expect(checker.checkMac1(first)).toBe(true);
    sender.consumeCookieReply(referenceProvider, replyTo(checker, first), 0);
    const second = response();
    sender.addMacs(second, 0);
    expect(checker.checkMac2(second, SOURCE, 0)).toBe(true);
  });

  it('uses a cookie for 115 of its 120 s, because a later message might arrive after the cookie has expired', () => {
    const { sender, checker } = createSides();
    const message = initiation();
    sender.addMacs(message, 1000);
    sender.consumeCookieReply(referenceProvider, replyTo(checker, message, 1000), 1000);
    sender.addMacs(message, 115_999);
    expect(message.subarray(132)).not.toEqual(NO_MAC2);
    expect(checker.checkMac2(message, SOURCE, 115_999)).toBe(true);
    sender.addMacs(message, 116_000);
    expect(message.subarray(132)).toEqual(NO_MAC2);
    sender.addMacs(message, 115_000);
    expect(message.subarray(132), 'it stays expired if the clock goes back').toEqual(NO_MAC2);
  });

  it('accepts one cookie for each message that it sent', () => {
    const { sender, checker } = createSides();
    const message = initiation();
    sender.addMacs(message, 0);
    const reply = replyTo(checker, message);
    expect(sender.consumeCookieReply(referenceProvider, reply, 0)).toBeUndefined();
    expect(sender.consumeCookieReply(referenceProvider, reply, 0)).toBe('unexpected-cookie');
    sender.addMacs(message, 0);
    expect(sender.consumeCookieReply(referenceProvider, replyTo(checker, message), 0)).toBe(
      undefined,
    );
  });

  it('expects no cookie before it has sent a message', () => {
    const { sender, checker } = createSides();
    const message = initiation();
    createSides().sender.addMacs(message, 0);
    expect(sender.consumeCookieReply(referenceProvider, replyTo(checker, message), 0)).toBe(
      'unexpected-cookie',
    );
  });

  it('refuses a cookie reply to any message except the last one', () => {
    const { sender, checker } = createSides();
    const message = initiation();
    sender.addMacs(message, 0);
    const late = replyTo(checker, message);
    message[50] = 1;
    sender.addMacs(message, 0);
    expect(sender.consumeCookieReply(referenceProvider, late, 0)).toBe('invalid-cookie');
  });

  it('refuses a cookie reply that was not made by the receiver of the message', () => {
    const { sender } = createSides();
    const { checker: mallory } = createSides(2);
    const message = initiation();
    sender.addMacs(message, 0);
    expect(sender.consumeCookieReply(referenceProvider, replyTo(mallory, message), 0)).toBe(
      'invalid-cookie',
    );
  });

  it('refuses a reply with a flipped bit, and then still accepts the right reply', () => {
    const { sender, checker } = createSides();
    const message = initiation();
    sender.addMacs(message, 0);
    const reply = replyTo(checker, message);
    // The first 8 bytes are left as they are: the tag does not protect the type and the index.
    fc.assert(
      fc.property(fc.integer({ min: 8 * 8, max: 64 * 8 - 1 }), (bit) => {
        const mutated = reply.slice();
        mutated[bit >> 3] ^= 1 << (bit & 7);
        expect(sender.consumeCookieReply(referenceProvider, mutated, 0)).toBe('invalid-cookie');
      }),
      { numRuns: RUNS },
    );
    expect(sender.consumeCookieReply(referenceProvider, reply, 0)).toBeUndefined();
  });

  it('wipes a cookie when a newer cookie arrives, and when the cookie is too old', () => {
    const opened: Uint8Array[] = [];
    const crypto: CryptoProvider = {
      ...referenceProvider,
      xaeadOpen: (...all) => {
        const cookie = referenceProvider.xaeadOpen(...all)!;
        opened.push(cookie);
        return cookie;
      },
    };
    const { sender, checker } = createSides();
    const message = initiation();
    for (const now of [0, 1000]) {
      sender.addMacs(message, now);
      sender.consumeCookieReply(crypto, replyTo(checker, message, now), now);
    }
    expect(opened.map(isZero)).toEqual([true, false]);
    sender.addMacs(message, 115_999);
    expect(opened.map(isZero)).toEqual([true, false]);
    sender.addMacs(message, 116_000);
    expect(opened.map(isZero)).toEqual([true, true]);
  });

  it('refuses random bytes as a cookie reply, and does not throw', () => {
    const { sender } = createSides();
    sender.addMacs(initiation(), 0);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80, size: 'max' }), (bytes) => {
        expect(sender.consumeCookieReply(referenceProvider, bytes, 0)).toBe('invalid-cookie');
        const reply = new Uint8Array(64);
        reply.set(bytes.subarray(0, 60), 4);
        reply[0] = 3;
        expect(sender.consumeCookieReply(referenceProvider, reply, 0)).toBe('invalid-cookie');
      }),
      { numRuns: RUNS },
    );
  });
});

describe('MacChecker', () => {
  it('wipes the cookie secret when the checker is cleared, and creates a new secret for the next cookie', () => {
    const secrets: Uint8Array[] = [];
    const crypto: CryptoProvider = {
      ...referenceProvider,
      mac: (out, key, input) => {
        if (key.length === 32 && input.length === 6) secrets.push(key);
        referenceProvider.mac(out, key, input);
      },
    };
    const { identity, sender } = createSides();
    const checker = new MacChecker(crypto, identity, seededRandomBytes(7));
    const message = withCookie(sender, checker, SOURCE);
    expect(checker.checkMac2(message, SOURCE, 0)).toBe(true);
    expect(isZero(secrets[0])).toBe(false);
    checker.clear();
    expect(isZero(secrets[0])).toBe(true);
    expect(checker.checkMac2(message, SOURCE, 0)).toBe(false);
    expect(isZero(secrets[0])).toBe(false);
  });

  it('refuses every message with a flipped bit before mac2', () => {
    const { sender, checker } = createSides();
    const message = initiation();
    sender.addMacs(message, 0);
    for (let bit = 0; bit < 132 * 8; bit++) {
      message[bit >> 3] ^= 1 << (bit & 7);
      expect(checker.checkMac1(message)).toBe(false);
      message[bit >> 3] ^= 1 << (bit & 7);
    }
    expect(checker.checkMac1(message)).toBe(true);
  });

  it.each([SOURCE, SOURCE_V6])(
    'binds a cookie to address and port, with an address of $address.length bytes',
    (own) => {
      const { sender, checker } = createSides();
      const message = withCookie(sender, checker, own);
      expect(checker.checkMac2(message, own, 0)).toBe(true);
      for (let at = 0; at < own.address.length; at++) {
        const address = own.address.slice();
        address[at] ^= 1;
        expect(checker.checkMac2(message, new Endpoint(address, own.port), 0)).toBe(false);
      }
      for (const port of [own.port + 1, own.port - 256, own.port ^ 0x4000]) {
        expect(checker.checkMac2(message, new Endpoint(own.address, port), 0)).toBe(false);
      }
    },
  );

  it('gives a source the same cookie at each of our own addresses', () => {
    const { sender, checker } = createSides();
    const message = withCookie(sender, checker, SOURCE);
    const elsewhere = new Endpoint(SOURCE.address, SOURCE.port, {
      sourceAddress: Uint8Array.of(10, 0, 0, 1),
      sourceInterface: 3,
    });
    expect(checker.checkMac2(message, elsewhere, 0)).toBe(true);
  });

  it('changes its secret after 120 s, and refuses cookies that were made from the old secret', () => {
    const { sender, checker } = createSides();
    const message = withCookie(sender, checker, SOURCE);
    expect(checker.checkMac2(message, SOURCE, 119_999)).toBe(true);
    expect(checker.checkMac2(message, SOURCE, 120_000)).toBe(false);
    expect(checker.checkMac2(message, SOURCE, 119_999), 'nor if the clock goes back').toBe(false);
  });

  it('refuses a message without mac2', () => {
    const { sender, checker } = createSides();
    const message = initiation();
    sender.addMacs(message, 0);
    expect(checker.checkMac2(message, SOURCE, 0)).toBe(false);
  });

  it('wipes each cookie after its use', () => {
    const cookies: Uint8Array[] = [];
    const crypto: CryptoProvider = {
      ...referenceProvider,
      mac: (out, key, input) => {
        referenceProvider.mac(out, key, input);
        // An input of 6 bytes is an address and a port, so the output is a cookie.
        if (input.length === 6) cookies.push(out);
      },
    };
    const { sender, identity } = createSides();
    const checker = new MacChecker(crypto, identity, seededRandomBytes(3));
    const message = initiation();
    sender.addMacs(message, 0);
    replyTo(checker, message);
    checker.checkMac2(message, SOURCE, 0);
    expect(cookies.map(isZero)).toEqual([true, true]);
  });

  it('never uses a nonce twice', () => {
    const { sender, checker } = createSides();
    const message = initiation();
    sender.addMacs(message, 0);
    const nonces = Array.from({ length: 50 }, () =>
      Buffer.from(replyTo(checker, message).subarray(8, 32)).toString('hex'),
    );
    expect(new Set(nonces).size).toBe(50);
  });
});

describe('after a hand-over', () => {
  it('a sender that waits for a cookie still accepts it', () => {
    const { sender, checker, identity } = createSides();
    const message = initiation();
    sender.addMacs(message, 0);
    const copy = new MacSender(referenceProvider, identity.publicKey);
    handOver(sender, copy);
    expect(copy.consumeCookieReply(referenceProvider, replyTo(checker, message), 0)).toBe(
      undefined,
    );
  });

  it('a sender uses its cookie for as long as before', () => {
    const { sender, checker, identity } = createSides();
    const message = initiation();
    sender.addMacs(message, 1000);
    sender.consumeCookieReply(referenceProvider, replyTo(checker, message, 1000), 1000);
    const copy = new MacSender(referenceProvider, identity.publicKey);
    handOver(sender, copy);
    copy.addMacs(message, 115_999);
    expect(checker.checkMac2(message, SOURCE, 115_999)).toBe(true);
    copy.addMacs(message, 116_000);
    expect(message.subarray(132)).toEqual(NO_MAC2);
  });

  it('the cookies of a receiver stay valid for as long as before', () => {
    const { sender, checker, identity } = createSides();
    const message = initiation();
    sender.addMacs(message, 1000);
    sender.consumeCookieReply(referenceProvider, replyTo(checker, message, 1000), 1000);
    sender.addMacs(message, 1000);
    const copy = new MacChecker(referenceProvider, identity, seededRandomBytes(9));
    handOver(checker, copy);
    expect(copy.checkMac2(message, SOURCE, 120_999)).toBe(true);
    expect(copy.checkMac2(message, SOURCE, 121_000)).toBe(false);
  });
});

function handOver(from: Coded, to: Coded): void {
  const writer = new StateWriter();
  from.code(writer);
  const reader = new StateReader(writer.written.slice());
  to.code(reader);
  expect(reader.isAtEnd).toBe(true);
}

interface Coded {
  code(codec: StateCodec): void;
}

/** Creates a checker, and a sender of messages to it. */
function createSides(seed = 1): {
  sender: MacSender;
  checker: MacChecker;
  identity: StaticIdentity;
} {
  const randomBytes = seededRandomBytes(seed);
  const identity = createStaticIdentity(referenceProvider, generatePrivateKey(randomBytes));
  return {
    identity,
    sender: new MacSender(referenceProvider, identity.publicKey),
    checker: new MacChecker(referenceProvider, identity, randomBytes),
  };
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function initiation(): Uint8Array {
  return Uint8Array.of(1, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, ...new Uint8Array(140));
}

function response(): Uint8Array {
  return Uint8Array.of(2, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, ...new Uint8Array(84));
}

function replyTo(checker: MacChecker, message: Uint8Array, now = 0, source = SOURCE): Uint8Array {
  const reply = new Uint8Array(64);
  checker.createCookieReply(message, source, now, reply);
  expect([...reply.subarray(0, 8)]).toEqual([3, 0, 0, 0, 0x11, 0x22, 0x33, 0x44]);
  return reply;
}

/** Returns a message with a mac2 that is valid for `source`. */
function withCookie(sender: MacSender, checker: MacChecker, source: Endpoint): Uint8Array {
  const message = initiation();
  sender.addMacs(message, 0);
  sender.consumeCookieReply(referenceProvider, replyTo(checker, message, 0, source), 0);
  sender.addMacs(message, 0);
  return message;
}
