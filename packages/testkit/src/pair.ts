/**
 * `createPair`: creates two engines, alice and bob, that know each other, on a simulated network.
 *
 * ```
 *  alice 192.0.2.1:51820  ----- network -----  bob 192.0.2.2:51820
 *        10.0.0.1/32, fd00::1/128                   10.0.0.2/32, fd00::2/128
 * ```
 *
 * @module
 */
import {
  Endpoint,
  Engine,
  parsePrivateKey,
  publicKeyOf,
  nobleProvider,
  type CryptoProvider,
  type EngineOptions,
  type PeerConfiguration,
  type PrivateKey,
  type PublicKey,
} from '@litz/core';
import { ipPacket, type PacketOptions } from './packets.ts';
import { referenceProvider } from './reference-provider.ts';
import { seededRandomBytes } from './seeded-random.ts';
import { SimulatedNetwork, type SimulatedNode } from './simulated-network.ts';

/** The owner of a node: a key pair from a seed, and addresses from a number from 1 to 250. */
export interface Person {
  number: number;
  privateKey: PrivateKey;
  publicKey: PublicKey;
  endpoint: Endpoint;
  /** The addresses inside the tunnel. */
  ipv4: Uint8Array;
  ipv6: Uint8Array;
}

export interface PairOptions {
  alice?: Partial<EngineOptions>;
  bob?: Partial<EngineOptions>;
  /**
   * Replaces fields of the configuration with which alice adds bob as a peer. `aliceAsPeer`
   * replaces fields of the configuration with which bob adds alice.
   */
  bobAsPeer?: Partial<PeerConfiguration>;
  aliceAsPeer?: Partial<PeerConfiguration>;
  seed?: number;
  latency?: number;
}

export interface Pair {
  network: SimulatedNetwork;
  alice: SimulatedNode & { person: Person };
  bob: SimulatedNode & { person: Person };
}

/** Creates the pair. Both have each other as a peer; nothing was sent yet. */
export function createPair(options: PairOptions = {}): Pair {
  const seed = options.seed ?? 1;
  const network = new SimulatedNetwork(
    options.latency === undefined ? {} : { latency: options.latency },
  );
  const alice = joinNetwork(network, createPerson(1, seed), options.alice);
  const bob = joinNetwork(network, createPerson(2, seed), options.bob);
  introduce(alice, bob.person, options.bobAsPeer);
  introduce(bob, alice.person, options.aliceAsPeer);
  return { network, alice, bob };
}

/** Returns a person. The same number and seed give the same person. */
export function createPerson(number: number, seed = 1): Person {
  const bytes = new Uint8Array(32);
  seededRandomBytes(seed * 1000 + number)(bytes);
  const privateKey = parsePrivateKey(bytes);
  return {
    number,
    privateKey,
    publicKey: publicKeyOf(privateKey, CRYPTO),
    endpoint: new Endpoint(Uint8Array.of(192, 0, 2, number), 51820),
    ipv4: Uint8Array.of(10, 0, 0, number),
    ipv6: Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number),
  };
}

/**
 * Adds a node with the person's key to the network. Its engine uses the simulated clock, and random
 * bytes from a seed of its own.
 */
export function joinNetwork(
  network: SimulatedNetwork,
  person: Person,
  options: Partial<EngineOptions> = {},
): SimulatedNode & { person: Person } {
  const engine = new Engine({
    randomBytes: seededRandomBytes(person.number),
    unixTime: () => unixTimeOf(node),
    crypto: CRYPTO,
    ...options,
  });
  const node: SimulatedNode & { person: Person } = Object.assign(
    network.add(engine, person.endpoint),
    { person },
  );
  node.input((engine, now) => engine.configure({ privateKey: person.privateKey }, now));
  return node;
}

/** Returns the Unix time of a node in ms: that of the simulated clock, plus the node's offset. */
export function unixTimeOf({ network, clockOffset }: SimulatedNode): number {
  return UNIX_EPOCH_OF_TESTS + network.now + clockOffset;
}

/** Adds a person to a node as a peer, with the person's endpoint and allowed IPs. */
export function introduce(
  node: SimulatedNode,
  person: Person,
  changes: Partial<PeerConfiguration> = {},
): void {
  const peer: PeerConfiguration = {
    publicKey: person.publicKey,
    endpoint: person.endpoint,
    allowedIps: [
      { address: person.ipv4, prefixLength: 32 },
      { address: person.ipv6, prefixLength: 128 },
    ],
    ...changes,
  };
  node.input((engine, now) => engine.configure({ peers: [peer] }, now));
}

/** Returns an IPv4 packet from one person to another. */
export function packetBetween(
  from: { person: Person },
  to: { person: Person },
  options: Partial<PacketOptions> = {},
): Uint8Array {
  return ipPacket({ source: from.person.ipv4, destination: to.person.ipv4, ...options });
}

/** Makes a session. Alice initiates; the handshake and one packet arrive. */
export function connect({ network, alice, bob }: Pair): void {
  alice.send(packetBetween(alice, bob));
  network.settle();
}

/**
 * The provider of core. For mutation tests, which run very often, a faster X25519 replaces the one
 * of core.
 */
const CRYPTO: CryptoProvider =
  process.env['LITZ_TEST_X25519'] === 'quick'
    ? {
        ...nobleProvider,
        dh: (privateKey, publicKey) => referenceProvider.dh(privateKey, publicKey),
        dhPublicKey: (privateKey) => referenceProvider.dhPublicKey(privateKey),
      }
    : nobleProvider;
/** The Unix time in ms when the simulated clock shows 0: 2024-01-01. */
export const UNIX_EPOCH_OF_TESTS: number = 1_704_067_200_000;
