import { describe, expect, it } from 'vitest';
import { cookieKeyOf, mac1KeyOf } from '../../src/handshake/static-identity.ts';
import { createParties } from './parties.ts';

describe('createStaticIdentity', () => {
  it('has the keys that others compute from its public key', () => {
    const { alice } = createParties();
    const { publicKey, privateKey, mac1Key, cookieKey } = alice.identity;
    expect([...publicKey]).toEqual([...alice.crypto.dhPublicKey(privateKey)]);
    expect(mac1Key).toEqual(mac1KeyOf(alice.crypto, publicKey));
    expect(cookieKey).toEqual(cookieKeyOf(alice.crypto, publicKey));
    expect(mac1Key).not.toEqual(cookieKey);
  });
});
