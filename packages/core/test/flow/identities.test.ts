import { createPerson } from '@litz/testkit';
import { describe, expect, it, vi } from 'vitest';
import { isOurKey, setNextPrivateKey, setPrivateKey } from '../../src/flow/identities.ts';
import { pairOf, preferPair } from '../../src/flow/static-pairs.ts';
import { isZeroKey, keyId, PrivateKey } from '../../src/keys.ts';
import { TIMER } from '../../src/peer/timer-table.ts';
import { startedHandshake, withSession, type WithSession } from './with-session.ts';

const [NEXT, OTHER] = [7, 8].map((number) => createPerson(number));

describe('setPrivateKey', () => {
  it('ends what was made with the old key, and wipes it', () => {
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
    // What is in flight may still be received.
    expect(peer.keypairs.current!.canSend).toBe(false);
    expect(events()).toEqual([{ type: 'session', peer: peer.publicKey, state: 'expired' }]);
  });

  it('leaves the attempt and the session of another identity', () => {
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

  it('changes nothing where it is the same, and no more where there is none and was none', () => {
    const { state, alice } = inside();
    const { identity, macChecker } = state;
    expect(setPrivateKey(state, alice.person.privateKey)).toBe(false);
    expect([state.identity, state.macChecker]).toEqual([identity, macChecker]);
    expect(setPrivateKey(state, null)).toBe(true);
    expect([state.identity, state.macChecker]).toEqual([undefined, undefined]);
    expect(setPrivateKey(state, null)).toBe(false);
    expect(() => setPrivateKey(state, 'x')).toThrow(/privateKey/);
  });

  it('takes the next one away with it', () => {
    const { state } = inside();
    setNextPrivateKey(state, NEXT.privateKey);
    const { nextIdentity } = state;
    setPrivateKey(state, null);
    expect([state.nextIdentity, state.nextMacChecker]).toEqual([undefined, undefined]);
    expect(isZeroKey(nextIdentity!.privateKey)).toBe(true);
  });

  it('that is the next one keeps sessions, and wipes the old one', () => {
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

describe('promotion', () => {
  it('needs no key before it', () => {
    const { state } = inside();
    setNextPrivateKey(state, NEXT.privateKey);
    const { nextIdentity } = state;
    Object.assign(state, { identity: undefined, macChecker: undefined });
    expect(setPrivateKey(state, NEXT.privateKey)).toBe(false);
    expect(state.identity).toBe(nextIdentity);
  });
});

describe('setNextPrivateKey', () => {
  it('is asked for by its own mac1 too', () => {
    const { state } = inside();
    expect(setNextPrivateKey(state, NEXT.privateKey)).toBe(false);
    expect(state.nextIdentity!.publicKey).toEqual(NEXT.publicKey);
    expect(state.nextMacChecker!.identity).toBe(state.nextIdentity);
  });

  it('changes nothing where it is the same', () => {
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

  it('replaced or taken away, ends what was made with it', () => {
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

  it('is none where it is our own', () => {
    const { state, alice } = inside();
    setNextPrivateKey(state, NEXT.privateKey);
    expect(setNextPrivateKey(state, alice.person.privateKey)).toBe(true);
    expect(state.nextIdentity).toBeUndefined();
    expect(setNextPrivateKey(state, alice.person.privateKey)).toBe(false);
  });
});

describe('a private key that is set', () => {
  it.each([
    ['as it is', (own: PrivateKey) => [own, undefined]],
    ['as the next one is', () => [undefined, NEXT.privateKey]],
    ['to the next one', () => [NEXT.privateKey, undefined]],
    ['to another one', () => [OTHER.privateKey, OTHER.privateKey]],
    ['as the next one to our own', (own: PrivateKey) => [undefined, own]],
  ] as const)('%s leaves no copy but the one that is used', (_, keysOf) => {
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
  it('is true of both', () => {
    const { state, alice, bob } = inside();
    const ids = [alice.person, NEXT, bob.person].map(({ publicKey }) => keyId(publicKey));
    expect(ids.map((id) => isOurKey(state, id))).toEqual([true, false, false]);
    setNextPrivateKey(state, NEXT.privateKey);
    expect(ids.map((id) => isOurKey(state, id))).toEqual([true, true, false]);
    state.identity = undefined;
    expect(ids.map((id) => isOurKey(state, id))).toEqual([false, true, false]);
  });
});

/** All that are written to meanwhile. */
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
