/**
 * `packPrefixes`: puts all prefixes of a peer into one array of bytes, before a configuration or a
 * snapshot is sent to another thread. A structured clone of very many small objects takes long, and
 * packets wait during that time. It is faster to copy the bytes. The packet loop then reads the
 * prefixes one by one as it needs them.
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

/** Returns a copy in which the `allowedIps` of each peer are packed. */
export function packPrefixes<Holder extends { readonly peers?: readonly PeerWithPrefixes[] }>(
  holder: Holder,
): Holder {
  if (!holder.peers) return holder;
  const peers = holder.peers.map((peer) =>
    peer.allowedIps ? { ...peer, allowedIps: pack(peer.allowedIps) } : peer,
  );
  return { ...holder, peers };
}

/** Returns a new `Prefix` object for each packed prefix. */
export function unpackPrefixes(packed: Uint8Array): AllowedIp[] {
  const prefixes: AllowedIp[] = [];
  for (const { address, prefixLength, remove } of readPrefixes(packed)) {
    const prefix: AllowedIp = new Prefix(address.slice(), prefixLength);
    if (remove === true) prefix.remove = true;
    prefixes.push(prefix);
  }
  return prefixes;
}

/** Iterates over packed prefixes. Each address is a view of `packed`. */
export function* readPrefixes(packed: Uint8Array): Generator<AllowedIp, void, undefined> {
  for (let at = 0; at < packed.length; at += RECORD) {
    const flags = packed[at]!;
    const start = at + ADDRESS;
    const address = packed.subarray(start, start + ((flags & IPV6) === 0 ? 4 : 16));
    yield { address, prefixLength: packed[at + 1]!, remove: (flags & REMOVE) !== 0 };
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
/** Offset of the address in a packed prefix, and length of a packed prefix, in bytes. */
const ADDRESS = 2;
const RECORD = 18;
