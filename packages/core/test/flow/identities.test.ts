import { createPerson } from '@litz/testkit';
import { describe, expect, it, vi } from 'vitest';
import { isOurKey, setNextPrivateKey, setPrivateKey } from '../../src/flow/identities.ts';
import { pairOf, preferPair } from '../../src/flow/static-pairs.ts';
import { isZeroKey, keyId, PrivateKey } from '../../src/keys.ts';
import { TIMER } from '../../src/peer/timer-table.ts';
import { startedHandshake, withSession, type WithSession } from './with-session.ts';

const [NEXT, OTHER] = [7, 8].map((number) => createPerson(number));

describe('setPrivateKey', () => {
  it('ends attempts and sessions of the old key, and wipes that key', () => {
    const { state, peer, arm, isArmed, now, events } = inside();
    const { identity: old, macChecker } = state;
    const secret = macChecker!.identity.privateKey;
    let cleared = 0;
    macChecker!.clear = () => void cleared++;
    const attempt = startedHandshake(state, peer);
    peer.handshakeSentAt = now;
    arm(TIMER.RETRANSMIT, 1000);
    expect(setPrivateKey(state, OTHER.privateKey)).toBe(true);
    expect(state.identity!.publicKey).toEqual(OTHER.publicKey);
    expect(state.macChecker!.identity).toBe(state.identity);
    expect(isZeroKey(secret)).toBe(true);
    expect(isZeroKey(old!.privateKey)).toBe(true);
    expect(cleared).toBe(1);
    expect(attempt.isForgotten()).toBe(true);
    expect(isArmed(TIMER.RETRANSMIT)).toBe(false);
    expect(peer.handshakeSentAt).toBe(-Infinity);
    // The session no longer sends, but messages in flight can still be received.
    expect(peer.keypairs.current!.canSend).toBe(false);
    expect(events()).toEqual([{ type: 'session', peer: peer.publicKey, state: 'expired' }]);
  });

  it('keeps the attempt and the session of the next identity when the private key is replaced', () => {
    const { state, peer, arm, isArmed, now, events } = inside();
    setNextPrivateKey(state, NEXT.privateKey);
    preferPair(pairOf(peer, state.nextIdentity!, peer.publicKey));
    Object.defineProperty(peer.keypairs.current!.staticKeys, 'own', {
      value: state.nextIdentity!.publicKey,
    });
    peer.handshakeSentAt = now;
    arm(TIMER.RETRANSMIT, 1000);
    expect(setPrivateKey(state, OTHER.privateKey)).toBe(true);
    expect([isArmed(TIMER.RETRANSMIT), peer.handshakeSentAt]).toEqual([true, now]);
    expect(peer.keypairs.current!.canSend).toBe(true);
    expect(events()).toEqual([]);
  });

  it('changes nothing for the same key, and for null if there is no key', () => {
    const { state, alice } = inside();
    const { identity, macChecker } = state;
    expect(setPrivateKey(state, alice.person.privateKey)).toBe(false);
    expect([state.identity, state.macChecker]).toEqual([identity, macChecker]);
    expect(setPrivateKey(state, null)).toBe(true);
    expect([state.identity, state.macChecker]).toEqual([undefined, undefined]);
    expect(setPrivateKey(state, null)).toBe(false);
    expect(() => setPrivateKey(state, 'x')).toThrow(/privateKey/);
  });

  it('removes the next key together with the private key', () => {
    const { state } = inside();
    setNextPrivateKey(state, NEXT.privateKey);
    const { nextIdentity } = state;
    setPrivateKey(state, null);
    expect([state.nextIdentity, state.nextMacChecker]).toEqual([undefined, undefined]);
    expect(isZeroKey(nextIdentity!.privateKey)).toBe(true);
  });

  it('keeps the sessions if the key is the next key, and wipes the old key', () => {
    const { state, peer, arm, isArmed, events } = inside();
    setNextPrivateKey(state, NEXT.privateKey);
    const { identity: old, macChecker, nextIdentity, nextMacChecker } = state;
    let cleared = 0;
    macChecker!.clear = () => void cleared++;
    pairOf(peer, nextIdentity!, peer.publicKey);
    arm(TIMER.PROBE, 1000);
    expect(setPrivateKey(state, NEXT.privateKey)).toBe(false);
    expect(state).toMatchObject({ nextIdentity: undefined, nextMacChecker: undefined });
    expect(state.identity).toBe(nextIdentity);
    expect(state.macChecker).toBe(nextMacChecker);
    expect(cleared).toBe(1);
    expect(isZeroKey(old!.privateKey)).toBe(true);
    expect(isArmed(TIMER.PROBE)).toBe(false);
    expect([...peer.pairs()].map(({ identity }) => identity)).toEqual([nextIdentity]);
    expect(peer.keypairs.current!.canSend).toBe(true);
    expect(events()).toEqual([]);
  });
});

describe('promotion of the next key', () => {
  it('also works if there is no private key', () => {
    const { state } = inside();
    setNextPrivateKey(state, NEXT.privateKey);
    const { nextIdentity } = state;
    Object.assign(state, { identity: undefined, macChecker: undefined });
    expect(setPrivateKey(state, NEXT.privateKey)).toBe(false);
    expect(state.identity).toBe(nextIdentity);
  });
});

describe('setNextPrivateKey', () => {
  it('gives the next identity its own MacChecker', () => {
    const { state } = inside();
    expect(setNextPrivateKey(state, NEXT.privateKey)).toBe(false);
    expect(state.nextIdentity!.publicKey).toEqual(NEXT.publicKey);
    expect(state.nextMacChecker!.identity).toBe(state.nextIdentity);
  });

  it('changes nothing for the same key', () => {
    const { state, isArmed, arm } = inside();
    expect(setNextPrivateKey(state, null)).toBe(false);
    setNextPrivateKey(state, NEXT.privateKey);
    const { nextIdentity } = state;
    arm(TIMER.PROBE, 1000);
    expect(setNextPrivateKey(state, NEXT.privateKey)).toBe(false);
    expect(state.nextIdentity).toBe(nextIdentity);
    expect(isArmed(TIMER.PROBE)).toBe(true);
    expect(() => setNextPrivateKey(state, 'x')).toThrow(/nextPrivateKey/);
  });

  it('ends the probes of the earlier next key, and wipes that key', () => {
    for (const key of [OTHER.privateKey, null]) {
      const { state, peer, arm, isArmed, events } = inside();
      setNextPrivateKey(state, NEXT.privateKey);
      const { nextIdentity: old, nextMacChecker } = state;
      let cleared = 0;
      nextMacChecker!.clear = () => void cleared++;
      const probing = pairOf(peer, old!, peer.publicKey);
      probing.index = state.indices.reserve(probing);
      const { index } = probing;
      arm(TIMER.PROBE, 1000);
      expect(setNextPrivateKey(state, key)).toBe(true);
      expect(isZeroKey(old!.privateKey)).toBe(true);
      expect(cleared).toBe(1);
      expect(isArmed(TIMER.PROBE)).toBe(false);
      expect(state.indices.handshake(index)).toBeUndefined();
      expect([...peer.pairs()]).toEqual([peer.pair]);
      expect(state.nextIdentity?.publicKey).toEqual(key === null ? undefined : OTHER.publicKey);
      expect([peer.keypairs.current!.canSend, events()]).toEqual([true, []]);
    }
  });

  it('removes the next key if the new next key is our private key', () => {
    const { state, alice } = inside();
    setNextPrivateKey(state, NEXT.privateKey);
    expect(setNextPrivateKey(state, alice.person.privateKey)).toBe(true);
    expect(state.nextIdentity).toBeUndefined();
    expect(setNextPrivateKey(state, alice.person.privateKey)).toBe(false);
  });
});

describe('a private key that is set', () => {
  it.each([
    ['set to the same key', (own: PrivateKey) => [own, undefined]],
    ['set as the same next key', () => [undefined, NEXT.privateKey]],
    ['set to the next key', () => [NEXT.privateKey, undefined]],
    ['set to a new key, also as next key', () => [OTHER.privateKey, OTHER.privateKey]],
    ['set as next key to our own key', (own: PrivateKey) => [undefined, own]],
  ] as const)('is copied only to keys that are in use or wiped: %s', (_, keysOf) => {
    const { state, alice } = inside();
    setNextPrivateKey(state, NEXT.privateKey);
    const [privateKey, nextPrivateKey] = keysOf(alice.person.privateKey);
    const copies = privateKeysMadeBy(() => {
      if (privateKey) setPrivateKey(state, privateKey);
      if (nextPrivateKey) setNextPrivateKey(state, nextPrivateKey);
    });
    const used = [state.identity, state.nextIdentity].map((identity) => identity?.privateKey);
    expect(copies.length).toBeGreaterThan(0);
    expect(copies.filter((key) => !used.includes(key) && !isZeroKey(key))).toEqual([]);
  });
});

describe('isOurKey', () => {
  it('is true for our key and for our next key', () => {
    const { state, alice, bob } = inside();
    const ids = [alice.person, NEXT, bob.person].map(({ publicKey }) => keyId(publicKey));
    expect(ids.map((id) => isOurKey(state, id))).toEqual([true, false, false]);
    setNextPrivateKey(state, NEXT.privateKey);
    expect(ids.map((id) => isOurKey(state, id))).toEqual([true, true, false]);
    state.identity = undefined;
    expect(ids.map((id) => isOurKey(state, id))).toEqual([false, true, false]);
  });
});

/** Returns all private keys that `run` writes to. */
function privateKeysMadeBy(run: () => void): PrivateKey[] {
  const made = new Set<PrivateKey>();
  // oxlint-disable-next-line typescript/unbound-method -- called with an array as `this`
  const { set } = Uint8Array.prototype;
  const spy = vi.spyOn(Uint8Array.prototype, 'set');
  spy.mockImplementation(function (this: Uint8Array, ...source) {
    if (this instanceof PrivateKey) made.add(this);
    set.apply(this, source);
  });
  try {
    run();
  } finally {
    spy.mockRestore();
  }
  return [...made];
}

function inside(): WithSession {
  const all = withSession();
  all.events();
  return all;
}
