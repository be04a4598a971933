/**
 * `packPrefixes`: puts the prefixes of each peer of a message into one array of bytes. A structured
 * clone of very many small objects takes long, and packets wait for it. It is faster to copy the
 * bytes and make the objects anew.
 *
 * ```
 *   for each prefix  | flags | prefix length | address, 16 bytes; IPv4 in the first 4 |
 * ```
 *
 * @module
 */
import { Prefix, type AllowedIp } from '@litz/core';

/** A peer of a configuration or of a snapshot. */
interface PeerWithPrefixes {
  readonly allowedIps?: readonly AllowedIp[];
}

/** Returns a copy whose peers have packed prefixes, under the same name. */
export function packPrefixes<Holder extends { readonly peers?: readonly PeerWithPrefixes[] }>(
  holder: Holder,
): Holder {
  if (!holder.peers) return holder;
  const peers = holder.peers.map((peer) =>
    peer.allowedIps ? { ...peer, allowedIps: pack(peer.allowedIps) } : peer,
  );
  return { ...holder, peers };
}

/** Returns new prefixes from packed ones. */
export function unpackPrefixes(packed: Uint8Array): AllowedIp[] {
  return readPrefixes(packed).map(({ address, prefixLength, remove }) => {
    const prefix: AllowedIp = new Prefix(address.slice(), prefixLength);
    if (remove) prefix.remove = true;
    return prefix;
  });
}

/**
 * Returns views of packed prefixes, for the packet loop, which reads each of them once or twice.
 * Views make less garbage than unpacked prefixes.
 */
export function readPrefixes(packed: Uint8Array): PackedPrefix[] {
  const prefixes: PackedPrefix[] = [];
  for (let at = 0; at < packed.length; at += RECORD) prefixes.push(new PackedPrefix(packed, at));
  return prefixes;
}

/** One prefix in an array of bytes. */
export class PackedPrefix implements AllowedIp {
  readonly #bytes: Uint8Array;
  readonly #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** A new view for each call. */
  get address(): Uint8Array {
    const start = this.#at + ADDRESS;
    const length = (this.#bytes[this.#at]! & IPV6) === 0 ? 4 : 16;
    return this.#bytes.subarray(start, start + length);
  }

  get prefixLength(): number {
    return this.#bytes[this.#at + 1]!;
  }

  get remove(): boolean {
    return (this.#bytes[this.#at]! & REMOVE) !== 0;
  }
}

function pack(allowedIps: readonly AllowedIp[]): Uint8Array {
  const bytes = new Uint8Array(allowedIps.length * RECORD);
  for (let i = 0; i < allowedIps.length; i++) {
    const { address, prefixLength, remove } = allowedIps[i]!;
    const at = i * RECORD;
    bytes[at] = (address.length === 16 ? IPV6 : 0) | (remove === true ? REMOVE : 0);
    bytes[at + 1] = prefixLength;
    bytes.set(address, at + ADDRESS);
  }
  return bytes;
}

const IPV6 = 1;
const REMOVE = 2;
/** Offset of the address, and length of a record, in bytes. */
const ADDRESS = 2;
const RECORD = 18;
