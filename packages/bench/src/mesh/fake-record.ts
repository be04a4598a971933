/**
 * Makes records of nodes that do not exist, each with its own address, key and prefix.
 *
 * @module
 */
import {
  formatEndpoint,
  parseCidr,
  parseEndpoint,
  parsePublicKey,
  type Endpoint,
} from '@litz/core';
import { keyId } from '@litz/core/internals';
import type { NodeRecord } from '@litz/mesh';

/** The prefix of all pods. */
export const CLUSTER_PREFIX = '10.128.0.0/9';

/**
 * Returns the record of a node that does not exist.
 *
 * @param number 1 to 30,000
 */
export function fakeRecord(number: number, port: number = DEFAULT_PORT): NodeRecord {
  const key = new Uint8Array(32).fill(0x21);
  key[0] = number & 0xff;
  key[1] = number >> 8;
  return {
    name: `made-${number}`,
    addresses: [fakeAddress(number)],
    port,
    keys: [{ publicKey: parsePublicKey(key), generation: 1, createdAt: 1_760_000_000_000 }],
    prefixes: [parseCidr(fakePrefix(number))],
    encryptsNode: false,
    sendsPlaintext: false,
    revoked: false,
  };
}

/** Returns the address of the node in the underlay. */
export function fakeAddress(number: number): string {
  return `10.77.${number >> 8}.${number & 0xff}`;
}

/** Returns the prefix of the node's pods. */
export function fakePrefix(number: number): string {
  return `10.${128 + (number >> 8)}.${number & 0xff}.0/24`;
}

/** Returns a text that identifies a peer: the key and the endpoint of the node. */
export function peerOf({ keys, addresses, port }: NodeRecord): string {
  const endpoint = parseEndpoint(`${addresses[0]}:${port}`) as Endpoint;
  return `${keyId(keys[0]!.publicKey)} ${formatEndpoint(endpoint)}`;
}

const DEFAULT_PORT = 51_871;
