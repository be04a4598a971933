import { describe, expect, it } from 'vitest';
import type { Cipher } from '../../src/crypto/provider.ts';
import { Keypair, Keypairs, type SessionStaticKeys } from '../../src/peer/keypairs.ts';
import { PublicKey } from '../../src/keys.ts';
import type { Peer } from '../../src/peer/peer.ts';
import { SenderIndexTable } from '../../src/peer/sender-index.ts';

describe('Keypair', () => {
  it('sends until 180 s have passed and expires exactly then', () => {
    const { keypair } = create(true, 1000.25);
    expect(keypair.isUsable(1000.25 + 179_999.9)).toBe(true);
    expect(keypair.isExpired(1000.25 + 180_000)).toBe(true);
    expect(keypair.isUsable(1000.25 + 180_000)).toBe(false);
    // It stays unusable if the clock goes back.
    expect(keypair.isUsable(1000.25)).toBe(false);
  });

  it('sends as many messages as the limit allows', () => {
    const { keypair } = create(true, 0, 2);
    keypair.sendCounter = 1;
    expect(keypair.isUsable(0)).toBe(true);
    keypair.sendCounter = 2;
    expect(keypair.isUsable(0)).toBe(false);
  });

  it('returns how many of the wanted messages the limit allows', () => {
    const { keypair } = create(true, 0, 10);
    expect(keypair.countSealable(0, 10)).toBe(10);
    keypair.sendCounter = 4;
    expect([5, 6, 7, 64].map((wanted) => keypair.countSealable(0, wanted))).toEqual([5, 6, 6, 6]);
    expect(keypair.countSealable(180_000, 1)).toBe(0);
    expect(keypair.countSealable(0, 1)).toBe(0);
  });
});

describe('Keypairs', () => {
  it('uses a new session at once if we initiated it, and keeps the previous session', () => {
    const [a, b, c] = [create(true), create(true), create(true)];
    const keypairs = add(a, b, c);
    expect(keypairs).toMatchObject({ current: c.keypair, previous: b.keypair, next: undefined });
    expect([a, b, c].map(({ destroyed }) => destroyed())).toEqual([2, 0, 0]);
  });

  it('keeps a session that the peer initiated as next, until it is confirmed', () => {
    const [a, b, c] = [create(true), create(true), create(false)];
    const keypairs = add(a, b, c);
    expect(keypairs).toMatchObject({ current: b.keypair, next: c.keypair, previous: undefined });
    expect(keypairs.confirm(b.keypair, indices)).toBe(false);
    expect(keypairs.confirm(c.keypair, indices)).toBe(true);
    expect(keypairs).toMatchObject({ current: c.keypair, previous: b.keypair, next: undefined });
    expect(keypairs.confirm(c.keypair, indices)).toBe(false);
    expect([a, b, c].map(({ destroyed }) => destroyed())).toEqual([2, 0, 0]);
  });

  it('replaces an unconfirmed session with a newer unconfirmed session', () => {
    const [a, b] = [create(false), create(false)];
    expect(add(a, b)).toMatchObject({ current: undefined, next: b.keypair });
    expect([a, b].map(({ destroyed }) => destroyed())).toEqual([2, 0]);
  });

  it('keeps an unconfirmed session as previous when we complete a handshake of our own', () => {
    const [a, b, c] = [create(true), create(false), create(true)];
    const keypairs = add(a, b, c);
    expect(keypairs).toMatchObject({ current: c.keypair, previous: b.keypair, next: undefined });
    expect([a, b, c].map(({ destroyed }) => destroyed())).toEqual([2, 0, 0]);
  });

  it('stops sending, and keeps the keys to receive', () => {
    const [a, b] = [create(true), create(false)];
    const keypairs = add(a, b);
    keypairs.stopSending();
    expect([a, b].map(({ keypair }) => keypair.isUsable(0))).toEqual([false, false]);
    expect([a, b].map(({ destroyed }) => destroyed())).toEqual([0, 0]);
    expect(() => add().stopSending()).not.toThrow();
  });

  it('keeps older sessions usable when newer sessions are added, until the older sessions are wiped', () => {
    const [a, b, c] = [create(true), create(true), create(true)];
    add(a, b, c);
    expect([a, b, c].map(({ keypair }) => keypair.isUsable(0))).toEqual([false, true, true]);
  });

  it('keeps retired sessions to receive while static keys are being replaced', () => {
    const all = Array.from({ length: 8 }, (_, i) => create(i % 2 === 0));
    const keypairs = new Keypairs();
    keypairs.retires = true;
    for (const { keypair } of all) keypairs.add(keypair, indices);
    // Two are `current` and `next`. Four retired keypairs are kept, but they do not send.
    expect(all.map(({ destroyed }) => destroyed())).toEqual([2, 2, 0, 0, 0, 0, 0, 0]);
    const sending = all.filter(({ keypair }) => keypair.isUsable(0)).map(({ keypair }) => keypair);
    expect(sending).toEqual([keypairs.current, keypairs.next]);
    // When no key is being replaced, the next session wipes the retired keypairs.
    keypairs.retires = false;
    const last = create(true);
    keypairs.add(last.keypair, indices);
    expect(all.map(({ destroyed }) => destroyed())).toEqual([2, 2, 2, 2, 2, 2, 2, 0]);
    keypairs.clear(indices);
  });

  it('wipes retired sessions together with the others', () => {
    const before = indices.size;
    const all = [create(true), create(true), create(false), create(true)];
    const keypairs = new Keypairs();
    keypairs.retires = true;
    for (const { keypair } of all) keypairs.add(keypair, indices);
    keypairs.clear(indices);
    expect(all.map(({ destroyed }) => destroyed())).toEqual([2, 2, 2, 2]);
    expect(indices.size).toBe(before);
  });

  it('stops sending for one of our keys, and wipes sessions of one of the peer’s keys', () => {
    const [ours, theirs] = [new PublicKey(32), new PublicKey(32)];
    const [a, b] = [create(true, 0, 100, { own: ours, peer: NO_KEY }), create(false)];
    const keypairs = add(a, b);
    keypairs.stopSending(ours);
    expect([a, b].map(({ keypair }) => keypair.isUsable(0))).toEqual([false, true]);
    const c = create(true, 0, 100, { own: ours, peer: theirs });
    keypairs.add(c.keypair, indices);
    keypairs.clearOfPeerKey(theirs, indices);
    expect(keypairs).toMatchObject({ current: undefined, previous: b.keypair });
    expect([a, b, c].map(({ destroyed }) => destroyed())).toEqual([2, 0, 2]);
  });

  it('wipes the current, previous and next session of one static key, and no others', () => {
    const [theirs, others] = [new PublicKey(32), new PublicKey(32)];
    const keys = [undefined, theirs, others];
    const places = ['current', 'previous', 'next'] as const;
    for (const chosen of keys.flatMap((a) => keys.flatMap((b) => keys.map((c) => [a, b, c])))) {
      const keypairs = new Keypairs();
      const made = places.map((place, i) => {
        const peer = chosen[i];
        if (!peer) return undefined;
        const created = create(true, 0, 100, { own: NO_KEY, peer });
        keypairs[place] = created.keypair;
        return created;
      });
      const before = indices.size;
      keypairs.clearOfPeerKey(theirs, indices);
      const kept = made.map((created, i) => (chosen[i] === others ? created?.keypair : undefined));
      expect(places.map((place) => keypairs[place])).toEqual(kept);
      const wiped = chosen.map((key) => (key === theirs ? 2 : 0));
      expect(made.map((created) => created?.destroyed() ?? 0)).toEqual(wiped);
      expect(before - indices.size).toBe(chosen.filter((key) => key === theirs).length);
    }
  });

  it.each([
    [true, false],
    [true, true],
  ])('wipes keys, frees indices and is empty when cleared (initiator: %s, %s)', (...initiators) => {
    const before = indices.size;
    const all = initiators.map((isInitiator) => create(isInitiator));
    const keypairs = add(...all);
    keypairs.clear(indices);
    expect(all.map(({ destroyed }) => destroyed())).toEqual([2, 2]);
    expect(indices.size).toBe(before);
    const none = { current: undefined, previous: undefined, next: undefined };
    expect(keypairs).toMatchObject(none);
  });
});

describe('Keypairs while keys are replaced', () => {
  it('wipe the sessions of a removed key and all retired sessions, each cipher once', () => {
    const gone = new PublicKey(32);
    const staticKeys = { own: NO_KEY, peer: gone };
    const all = [create(true), create(true), create(true), create(true, 0, 9, staticKeys)];
    const keypairs = new Keypairs();
    keypairs.retires = true;
    for (const { keypair } of all) keypairs.add(keypair, indices);
    const [oldest, old, previous, current] = all;
    expect(all.map(({ destroyed }) => destroyed())).toEqual([0, 0, 0, 0]);
    keypairs.clearOfPeerKey(gone, indices);
    expect([oldest, old, previous, current].map(({ destroyed }) => destroyed())).toEqual([
      2, 2, 0, 2,
    ]);
    expect(keypairs).toMatchObject({ current: undefined, previous: previous.keypair });
    keypairs.clear(indices);
    expect(all.map(({ destroyed }) => destroyed())).toEqual([2, 2, 2, 2]);
  });
});

let nextIndex = 1;
const indices = new SenderIndexTable((out) => {
  new DataView(out.buffer).setUint32(0, nextIndex++, true);
});

interface Created {
  keypair: Keypair;
  /** How many of its two ciphers were destroyed. */
  destroyed: () => number;
}

function create(
  isInitiator: boolean,
  createdAt = 0,
  rejectAfterMessages = 2 ** 40,
  staticKeys: SessionStaticKeys = { own: NO_KEY, peer: NO_KEY },
): Created {
  let destroyed = 0;
  const cipher: Cipher = {
    seal: () => {},
    open: () => true,
    destroy: () => void destroyed++,
  };
  const peer = {} as Peer;
  const localIndex = indices.reserve(peer);
  const keypair = new Keypair({
    peer,
    staticKeys,
    isInitiator,
    localIndex,
    remoteIndex: 0,
    sendCipher: cipher,
    receiveCipher: cipher,
    limits: { rekeyAfterMessages: 2 ** 30, rejectAfterMessages },
    createdAt,
  });
  indices.assign(localIndex, keypair);
  return { keypair, destroyed: () => destroyed };
}

function add(...created: Created[]): Keypairs {
  const keypairs = new Keypairs();
  for (const { keypair } of created) keypairs.add(keypair, indices);
  return keypairs;
}

const NO_KEY = new PublicKey(32);
