/**
 * Makes the configuration of many peers: each has a key, an endpoint and one inner address.
 *
 * @module
 */
import { Endpoint, type PeerConfiguration, type PrivateKey, type PublicKey } from '@litz/core';

/**
 * Returns peers `first` to `first + count - 1`. Inside the tunnel, peer n has the address 10.0.0.0
 * plus n.
 */
export function manyPeers(count: number, first: number = 0): PeerConfiguration[] {
  return Array.from({ length: count }, (_, i) => peerNumber(first + i));
}

/** Returns the configuration of a peer with an endpoint and one allowed IP. */
export function peerNumber(number: number): PeerConfiguration {
  return {
    publicKey: privateKeyNumber(number).map((byte) => byte ^ 0xff) as PublicKey,
    endpoint: new Endpoint(outerAddress(number), 51820),
    allowedIps: [{ address: innerAddress(number), prefixLength: 32 }],
  };
}

/**
 * Returns the private key of a peer for the arithmetic provider. With other providers, it does not
 * match the public key of `peerNumber`.
 */
export function privateKeyNumber(number: number): PrivateKey {
  const key = new Uint8Array(32).fill(0x40);
  new DataView(key.buffer).setUint32(8, number);
  return key as PrivateKey;
}

/** Returns the address of a peer inside the tunnel, 4 bytes. */
export function innerAddress(number: number): Uint8Array {
  return Uint8Array.of(10, number >> 16, number >> 8, number);
}

function outerAddress(number: number): Uint8Array {
  return Uint8Array.of(172, 16 + (number >> 16), number >> 8, number);
}
