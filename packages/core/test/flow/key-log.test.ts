import { connect, createPair, type PairOptions } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { nobleProvider, parsePresharedKey, parsePrivateKey, publicKeyOf } from '../../src/index.ts';
import { observe, type HandshakeSecrets } from '../../src/internals.ts';

describe('withKeyLog', () => {
  it.each(['alice', 'bob'] as const)('shows the secrets of the message that %s sends', (who) => {
    const presharedKey = parsePresharedKey(new Uint8Array(32).fill(7));
    const options: PairOptions = { bobAsPeer: { presharedKey }, aliceAsPeer: { presharedKey } };
    const pair = createPair(options);
    const [own, other] = who === 'alice' ? [pair.alice, pair.bob] : [pair.bob, pair.alice];
    const copies: Record<string, Uint8Array>[] = [];
    let given: HandshakeSecrets | undefined;
    observe(own.engine, {
      handshakeMessage() {},
      handshakeSecrets(secrets) {
        given = secrets;
        const { staticPrivate, remoteStaticPublic, ephemeralPrivate, presharedKey: psk } = secrets;
        copies.push({
          staticPrivate: staticPrivate.slice(),
          remoteStaticPublic: remoteStaticPublic.slice(),
          ephemeralPrivate: ephemeralPrivate.slice(),
          presharedKey: psk!.slice(),
        });
      },
    });
    connect(pair);
    expect(copies.length).toBe(1);
    const [{ ephemeralPrivate, ...rest }] = copies;
    expect(rest).toEqual({
      staticPrivate: own.person.privateKey,
      remoteStaticPublic: other.person.publicKey,
      presharedKey,
    });
    const [type, offset] = who === 'alice' ? [1, 8] : [2, 12];
    const [{ bytes }] = pair.network.eavesdropper.of(type);
    expect(bytes.subarray(offset, offset + 32)).toEqual(
      new Uint8Array(publicKeyOf(parsePrivateKey(ephemeralPrivate), nobleProvider)),
    );
    // The engine wipes the secrets after the call.
    expect(given!.ephemeralPrivate.every((byte) => byte === 0)).toBe(true);
    expect([...given!.staticPrivate].every((byte) => byte === 0)).toBe(true);
  });

  it('does not disturb a handshake if the observer asks for no secrets', () => {
    const pair = createPair();
    observe(pair.alice.engine, { handshakeMessage() {} });
    connect(pair);
    expect(pair.alice.engine.stats.completedHandshakes).toBe(1);
  });
});
