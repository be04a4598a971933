import { referenceProvider, seededRandomBytes } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { openCookieReply, sealCookieReply } from '../../src/cookie/cookie-reply.ts';

const COOKIE_KEY = new Uint8Array(32).fill(1);
const COOKIE = new Uint8Array(16).fill(2);
const MAC1 = new Uint8Array(16).fill(3);

describe('openCookieReply', () => {
  it('returns the cookie for the mac1 that the reply was made for', () => {
    expect(openCookieReply(referenceProvider, COOKIE_KEY, MAC1, reply())).toEqual(COOKIE);
  });

  it('returns undefined for another mac1 or another key', () => {
    const other = new Uint8Array(16).fill(4);
    expect(openCookieReply(referenceProvider, COOKIE_KEY, other, reply())).toBeUndefined();
    const otherKey = new Uint8Array(32).fill(4);
    expect(openCookieReply(referenceProvider, otherKey, MAC1, reply())).toBeUndefined();
  });

  it('returns undefined for another length or another type', () => {
    for (const length of [0, 4, 63]) {
      const cut = reply().slice(0, length);
      expect(openCookieReply(referenceProvider, COOKIE_KEY, MAC1, cut)).toBeUndefined();
    }
    const otherType = reply().fill(4, 0, 1);
    expect(openCookieReply(referenceProvider, COOKIE_KEY, MAC1, otherType)).toBeUndefined();
  });
});

function reply(): Uint8Array {
  const out = new Uint8Array(64);
  sealCookieReply(referenceProvider, seededRandomBytes(1), out, {
    cookieKey: COOKIE_KEY,
    cookie: COOKIE,
    receiverIndex: 0xfedcba98,
    mac1: MAC1,
  });
  return out;
}
