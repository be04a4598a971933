/**
 * Replaces static keys at both ends again and again while packets flow in both directions. The
 * tests use several latencies, so that messages cross. No packet may be lost, not even when
 * handshake messages or keepalives are lost.
 *
 * @module
 */
import {
  createPerson,
  introduce,
  joinNetwork,
  packetBetween,
  SimulatedNetwork,
  type Pair,
} from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { type EngineChange, type PrivateKey, type PublicKey } from '../../src/index.ts';
import { keyId, MESSAGE_TYPE } from '../../src/internals.ts';
import { toyProvider } from './toy-provider.ts';

type Node = Pair['alice'];

describe('keys that are replaced', () => {
  it.each<[string, string, Losses]>([
    ['alice', 'nothing is lost', () => () => false],
    ['bob', 'each third handshake message is lost', eachThirdHandshakeMessage],
    ['both', 'nothing is lost', () => () => false],
    ['both', 'each third handshake message is lost', eachThirdHandshakeMessage],
    ['both', 'each second keepalive is lost', eachSecondKeepalive],
  ])('by %s, a hundred times, lose no packet on a network where %s', (who, _, losses) => {
    const { network, alice, bob } = toyPair();
    const loses = losses();
    network.loses = ({ bytes }) => loses(bytes);
    const talk = new Talk(network, alice, bob);
    talk.go(20_000, 500);
    for (let round = 0; round < 100; round++) {
      network.latency = 1 + (round % 7) * 9;
      const ends = [
        { node: alice, other: bob, next: createPerson(1, 100 + round).privateKey },
        { node: bob, other: alice, next: createPerson(2, 100 + round).privateKey },
      ].filter(({ node }) => who === 'both' || node === (who === 'alice' ? alice : bob));
      for (const end of ends) {
        begin(end);
        talk.go(round % 3 === 0 ? 0 : (round * 7) % 40, 1);
      }
      talk.go(5 * network.latency, 2);
      for (let i = 0; i < 100 && !ends.every(isAnswered); i++) talk.go(400, 20);
      expect([round, ends.every(isAnswered)]).toEqual([round, true]);
      for (const end of ends) complete(end, () => talk.go(2 * network.latency, 3));
      talk.go(20, 2);
    }
    network.drive(1000);
    expect(talk.lost()).toEqual({ alice: 0, bob: 0 });
  });
});

interface End {
  readonly node: Node;
  readonly other: Node;
  readonly next: PrivateKey;
}

/** Sends packets in both directions. */
class Talk {
  readonly #network: SimulatedNetwork;
  readonly #alice: Node;
  readonly #bob: Node;
  #sent = 0;

  constructor(network: SimulatedNetwork, alice: Node, bob: Node) {
    this.#network = network;
    this.#alice = alice;
    this.#bob = bob;
  }

  /** Sends one packet from each side every `gap` milliseconds, for `duration` milliseconds. */
  go(duration: number, gap: number): void {
    const [alice, bob] = [this.#alice, this.#bob];
    for (let t = 0; t < duration; t += gap) {
      alice.send(packetBetween(alice, bob));
      bob.send(packetBetween(bob, alice));
      this.#sent++;
      this.#network.drive(gap);
    }
  }

  /** Returns how many packets of each sender have not arrived. */
  lost(): { alice: number; bob: number } {
    const { packets: ofBob } = this.#alice;
    const { packets: ofAlice } = this.#bob;
    return { alice: this.#sent - ofAlice.length, bob: this.#sent - ofBob.length };
  }
}

function toyPair(): Pair {
  const network = new SimulatedNetwork();
  const crypto = toyProvider();
  const [alice, bob] = [1, 2].map((number) => {
    const person = createPerson(number);
    const publicKey = crypto.dhPublicKey(person.privateKey) as PublicKey;
    return joinNetwork(network, { ...person, publicKey }, { crypto });
  }) as [Node, Node];
  introduce(alice, bob.person);
  introduce(bob, alice.person);
  return { network, alice, bob };
}

/** Gives the node a next identity, and makes its key known to the other node. */
function begin({ node, other, next }: End): void {
  configure(node, { nextPrivateKey: next });
  const { publicKey, nextPublicKey } = node.engine;
  configure(other, { peers: [{ publicKey: publicKey!, nextPublicKey: nextPublicKey! }] });
}

function isAnswered({ node }: End): boolean {
  const own = node.engine.peers()[0]?.sessionStaticKeys?.own;
  return own !== undefined && keyId(own) === keyId(node.engine.nextPublicKey!);
}

/** Makes the next identity the only one, and later promotes its key at the other node. */
function complete({ node, other, next }: End, later: () => void): void {
  const publicKey = node.engine.publicKey!;
  configure(node, { privateKey: next });
  later();
  configure(other, { peers: [{ publicKey, promotePublicKey: true }] });
}

function configure(node: Node, change: EngineChange): void {
  node.input((engine, now) => engine.configure(change, now));
}

type Losses = () => (message: Uint8Array) => boolean;

function eachThirdHandshakeMessage(): (message: Uint8Array) => boolean {
  let count = 0;
  return (message) => message[0] !== MESSAGE_TYPE.TRANSPORT_DATA && count++ % 3 === 2;
}

/** Keepalives carry no packet, so all packets must arrive even if keepalives are lost. */
function eachSecondKeepalive(): (message: Uint8Array) => boolean {
  let count = 0;
  return (message) => message.length === KEEPALIVE_LENGTH && count++ % 2 === 1;
}

const KEEPALIVE_LENGTH = 32;
