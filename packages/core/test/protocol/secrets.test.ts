/**
 * Tests that secrets are wiped when they are not used any more. When the engine passes an array
 * with a secret to the provider, the provider records the array and the content of the array. The
 * copies that the engine makes with `slice` are recorded too, and the arrays that it copies from
 * and to with `set`.
 *
 * @module
 */
import {
  connect,
  createPair,
  createPerson,
  packetBetween,
  type Pair,
  type Person,
} from '@litz/testkit';
import { afterEach, beforeEach, describe, expect, it, vi, type Mock } from 'vitest';
import { CONSTRUCTION } from '../../src/handshake/labels.ts';
import { nobleProvider, parsePresharedKey, type CryptoProvider } from '../../src/index.ts';

let witness: SecretWitness;

beforeEach(() => {
  witness = new SecretWitness();
  // oxlint-disable-next-line typescript/unbound-method -- called with an array as `this`
  const { slice, set } = Uint8Array.prototype;
  spyOn('slice', function (...range: [number?, number?]) {
    return witness.copied(slice.apply(this, range));
  });
  spyOn('set', function (...source: Parameters<Uint8Array['set']>) {
    witness.copied(this);
    if (source[0] instanceof Uint8Array) witness.copied(source[0]);
    set.apply(this, source);
  });
});
afterEach(() => vi.restoreAllMocks());

describe('a completed handshake', () => {
  it('leaves only secrets that are still used, and no transport key outside of the ciphers', () => {
    const pair = witnessedPair();
    connect(pair);
    expect(witness.cipherKeys).toHaveLength(4);
    expect(witness.cipherKeys.filter(hasBytes)).toEqual([]);
    const { alice, bob } = pair;
    // Each side has its private key, the preshared key and DH(S_priv, S_pub of the peer). Its
    // ciphers have the keys of the session.
    const kept = witness.secretsLeft();
    const own = [alice, bob].map(({ person }) => textOf(person.privateKey));
    const staticStatic = textOf(
      nobleProvider.dh(alice.person.privateKey, bob.person.publicKey) as Uint8Array,
    );
    expect(new Set(kept)).toEqual(
      new Set([...own, textOf(PRESHARED_KEY), staticStatic, ...witness.sessionKeys]),
    );
  });

  it('leaves no secrets after keys and peers are removed', () => {
    const { alice, bob } = connectedPair();
    takeAllAway(alice);
    takeAllAway(bob);
    expect(witness.secretsLeft()).toEqual([]);
  });
});

describe('the private key', () => {
  it.each([
    ['a new key', createPerson(7).privateKey],
    ['no key any more', null],
  ])('is wiped when there is %s, and so are the secrets computed with it', (_, privateKey) => {
    const { alice, bob } = connectedPair();
    const { person } = alice;
    const shared = nobleProvider.dh(person.privateKey, bob.person.publicKey) as Uint8Array;
    takeAllAway(bob);
    alice.input((engine, now) => engine.configure({ privateKey }, now));
    const left = witness.secretsLeft();
    expect(left).not.toContain(textOf(person.privateKey));
    expect(left).not.toContain(textOf(shared));
  });

  it('leaves no further copy when the same key is set again', () => {
    const { alice } = connectedPair();
    const { privateKey } = alice.person;
    const before = witness.countOf(privateKey);
    alice.input((engine, now) => engine.configure({ privateKey }, now));
    alice.input((engine, now) => engine.configure({ privateKey: privateKey.toBase64() }, now));
    expect(witness.countOf(privateKey)).toBe(before);
  });

  it('is copied when it is set and when it is read', () => {
    const { alice } = connectedPair();
    const { privateKey } = alice.person;
    const copy = alice.engine.privateKey;
    copy?.fill(0);
    expect(alice.engine.privateKey).toEqual(privateKey);
    alice.input((engine, now) => engine.configure({ privateKey: null }, now));
    expect(hasBytes(privateKey)).toBe(true);
    expect(alice.engine.privateKey).toBeUndefined();
  });
});

describe('a next private key', () => {
  it('is stored once, and so is each shared secret; when it is promoted, the old key and its secrets are wiped', () => {
    const { network, alice, bob } = connectedPair();
    const [first, next] = [alice.person, createPerson(7)];
    theirs.add(next.privateKey);
    const shared = (person: Person): string =>
      textOf(nobleProvider.dh(person.privateKey, bob.person.publicKey) as Uint8Array);
    bob.input((engine, now) => {
      const { publicKey } = first;
      engine.configure({ peers: [{ publicKey, nextPublicKey: next.publicKey }] }, now);
    });
    const { privateKey } = next;
    alice.input((engine, now) => engine.configure({ nextPrivateKey: privateKey }, now));
    network.drive(100);
    takeAllAway(bob);
    const during = witness.secretsLeft();
    for (const secret of [first, next].flatMap((one) => [textOf(one.privateKey), shared(one)])) {
      expect(during.filter((text) => text === secret)).toHaveLength(1);
    }
    alice.input((engine, now) => engine.configure({ privateKey }, now));
    const after = witness.secretsLeft();
    expect(after).toContain(textOf(privateKey));
    expect(after).not.toContain(textOf(first.privateKey));
    expect(after).not.toContain(shared(first));
    takeAllAway(alice);
    expect(witness.secretsLeft()).toEqual([]);
  });

  it.each([
    ['a new key', createPerson(8).privateKey],
    ['no key any more', null],
  ])('is wiped when there is %s, and so are the secrets computed with it', (_, nextPrivateKey) => {
    const { network, alice, bob } = connectedPair();
    const next = createPerson(7);
    theirs.add(next.privateKey);
    alice.input((engine, now) => engine.configure({ nextPrivateKey: next.privateKey }, now));
    network.drive(100);
    takeAllAway(bob);
    const shared = nobleProvider.dh(next.privateKey, bob.person.publicKey) as Uint8Array;
    expect(witness.secretsLeft()).toContain(textOf(shared));
    alice.input((engine, now) => engine.configure({ nextPrivateKey }, now));
    const left = witness.secretsLeft();
    expect(left).not.toContain(textOf(next.privateKey));
    expect(left).not.toContain(textOf(shared));
  });

  it('is wiped together with the private key', () => {
    const { network, alice, bob } = connectedPair();
    const next = createPerson(7);
    theirs.add(next.privateKey);
    alice.input((engine, now) => engine.configure({ nextPrivateKey: next.privateKey }, now));
    network.drive(100);
    takeAllAway(bob);
    takeAllAway(alice);
    expect(witness.secretsLeft()).toEqual([]);
  });
});

describe('a next public key', () => {
  it('leaves no shared secret of the unused key when it is removed or promoted', () => {
    for (const promotePublicKey of [true, false]) {
      const { network, alice, bob } = connectedPair();
      const next = createPerson(7);
      const { publicKey } = alice.person;
      bob.input((engine, now) => {
        engine.configure({ peers: [{ publicKey, nextPublicKey: next.publicKey }] }, now);
      });
      alice.input((engine, now) => engine.configure({ nextPrivateKey: next.privateKey }, now));
      network.drive(100);
      takeAllAway(alice);
      const gone = promotePublicKey ? publicKey : next.publicKey;
      const shared = nobleProvider.dh(bob.person.privateKey, gone) as Uint8Array;
      expect(witness.secretsLeft()).toContain(textOf(shared));
      const change = promotePublicKey ? { promotePublicKey } : { nextPublicKey: null };
      bob.input((engine, now) => engine.configure({ peers: [{ publicKey, ...change }] }, now));
      expect(witness.secretsLeft()).not.toContain(textOf(shared));
      takeAllAway(bob);
    }
  });
});

describe('a preshared key', () => {
  it.each([
    ['a new key', parsePresharedKey(new Uint8Array(32).fill(8))],
    ['no key any more', null],
  ])('is wiped when there is %s', (_, presharedKey) => {
    const { alice, bob } = connectedPair();
    takeAllAway(bob);
    const { publicKey } = bob.person;
    alice.input((engine, now) => engine.configure({ peers: [{ publicKey, presharedKey }] }, now));
    expect(witness.secretsLeft()).not.toContain(textOf(PRESHARED_KEY));
  });

  it('is wiped when its peer is removed', () => {
    const { alice, bob } = connectedPair();
    takeAllAway(bob);
    const { publicKey } = bob.person;
    alice.input((engine, now) => engine.configure({ peers: [{ publicKey, remove: true }] }, now));
    expect(witness.secretsLeft()).toEqual([textOf(alice.person.privateKey)]);
  });
});

describe('a handshake that is not completed', () => {
  it('is wiped when its peer is removed', () => {
    const { alice, bob } = witnessedPair();
    alice.send(packetBetween(alice, bob));
    expect(witness.secretsLeft().length).toBeGreaterThan(4);
    takeAllAway(alice);
    takeAllAway(bob);
    expect(witness.secretsLeft()).toEqual([]);
  });

  it('is wiped when the link goes down', () => {
    const { alice, bob } = witnessedPair();
    alice.send(packetBetween(alice, bob));
    takeAllAway(bob);
    const shared = nobleProvider.dh(alice.person.privateKey, bob.person.publicKey) as Uint8Array;
    alice.input((engine, now) => engine.linkDown(now));
    const left = new Set(witness.secretsLeft());
    // The preshared key was not used yet, so it was not recorded.
    expect(left).toEqual(new Set([alice.person.privateKey, shared].map(textOf)));
  });

  it('of an unknown peer leaves no secrets', () => {
    const { network, alice, bob } = witnessedPair();
    bob.input((engine, now) => engine.configure({ replacePeers: true }, now));
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.engine.stats.drops.count('unknown-peer')).toBe(1);
    takeAllAway(alice);
    takeAllAway(bob);
    expect(witness.secretsLeft()).toEqual([]);
  });

  it('of a peer with a low-order key leaves no secrets', () => {
    const { network, alice, bob } = witnessedPair();
    // Bob cannot compute the secret that he shares with alice.
    witness.refusesDh = (privateKey, publicKey) =>
      same(privateKey, bob.person.privateKey) && same(publicKey, alice.person.publicKey);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(bob.engine.stats.drops.count('invalid-handshake')).toBe(1);
    takeAllAway(alice);
    takeAllAway(bob);
    expect(witness.secretsLeft()).toEqual([]);
  });
});

describe('a cipher that cannot be made', () => {
  it('leaves no session keys behind', () => {
    const pair = witnessedPair();
    witness.failsCiphers = true;
    expect(() => connect(pair)).toThrow('no cipher');
    expect(witness.cipherKeys.length).toBeGreaterThan(0);
    expect(witness.cipherKeys.filter(hasBytes)).toEqual([]);
  });
});

/** Its `provider` records the secrets that the engine passes to it. */
class SecretWitness {
  /** The arrays from which ciphers were made. */
  readonly cipherKeys: Uint8Array[] = [];
  /**
   * The keys of the sessions, in hexadecimal: what `cipherKeys` contained when the ciphers were
   * made.
   */
  readonly sessionKeys: string[] = [];
  failsCiphers = false;
  refusesDh: (privateKey: Uint8Array, publicKey: Uint8Array) => boolean = () => false;
  readonly #shown = new Set<Uint8Array>();
  readonly #copies = new Set<Uint8Array>();
  #isInside = false;
  /** The contents of the recorded arrays, in hexadecimal. */
  readonly #contents = new Set<string>();
  /** Values that are not secret: the first chaining key of every handshake, and public keys. */
  readonly #public = new Set([textOf(hashOf(CONSTRUCTION))]);

  readonly provider: CryptoProvider = {
    ...nobleProvider,
    dh: (privateKey, publicKey) => {
      this.#public.add(textOf(publicKey));
      this.#note(privateKey);
      if (this.refusesDh(privateKey, publicKey)) return undefined;
      return this.#note(this.#within(() => nobleProvider.dh(privateKey, publicKey)));
    },
    dhPublicKey: (privateKey) => {
      this.#note(privateKey);
      const publicKey = this.#within(() => nobleProvider.dhPublicKey(privateKey));
      this.#public.add(textOf(publicKey));
      return publicKey;
    },
    hmac: (out, key, a, b) => {
      if (!this.#public.has(textOf(key))) this.#note(key);
      // `a` can also be an ephemeral public key or the number of an output of the key derivation.
      if (a.length === 32 && !this.#public.has(textOf(a))) this.#note(a);
      this.#within(() => nobleProvider.hmac(out, key, a, b));
      this.#note(out);
    },
    createCipher: (key) => {
      this.#note(key);
      this.cipherKeys.push(key);
      this.sessionKeys.push(textOf(key));
      if (this.failsCiphers) throw new Error('no cipher');
      return nobleProvider.createCipher(key);
    },
  };

  /** Returns the secrets that recorded arrays still contain, except those of the test. */
  secretsLeft(): string[] {
    return [...new Set([...this.#shown, ...this.#copies])]
      .filter((array) => !theirs.has(array))
      .map(textOf)
      .filter((text) => this.#contents.has(text));
  }

  /** Records a copy, unless a primitive of noble made it. */
  copied(copy: Uint8Array): Uint8Array {
    if (!this.#isInside) this.#copies.add(copy);
    return copy;
  }

  countOf(secret: Uint8Array): number {
    return this.secretsLeft().filter((text) => text === textOf(secret)).length;
  }

  #within<T>(primitive: () => T): T {
    this.#isInside = true;
    try {
      return primitive();
    } finally {
      this.#isInside = false;
    }
  }

  #note<Bytes extends Uint8Array | undefined>(secret: Bytes): Bytes {
    if (!secret || !hasBytes(secret)) return secret;
    this.#shown.add(secret);
    this.#contents.add(textOf(secret));
    return secret;
  }
}

const PRESHARED_KEY = parsePresharedKey(new Uint8Array(32).fill(5));
/** Arrays that belong to the test, so the engine must not wipe them. */
const theirs = new Set<Uint8Array>([PRESHARED_KEY]);

function spyOn(method: 'slice' | 'set', run: (this: Uint8Array, ...all: never[]) => unknown): void {
  (vi.spyOn(Uint8Array.prototype, method) as Mock).mockImplementation(run as never);
}

function witnessedPair(): Pair {
  const { provider: crypto } = witness;
  const asPeer = { presharedKey: PRESHARED_KEY };
  const pair = createPair({
    alice: { crypto },
    bob: { crypto },
    bobAsPeer: asPeer,
    aliceAsPeer: asPeer,
  });
  for (const { person } of [pair.alice, pair.bob]) theirs.add(person.privateKey);
  return pair;
}

function connectedPair(): Pair {
  const pair = witnessedPair();
  connect(pair);
  return pair;
}

function takeAllAway(node: Pair['alice'] & { person: Person }): void {
  node.input((engine, now) => engine.configure({ privateKey: null, replacePeers: true }, now));
}

function hashOf(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(32);
  nobleProvider.hash(out, bytes);
  return out;
}

function hasBytes(bytes: Uint8Array): boolean {
  return bytes.some((byte) => byte !== 0);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
