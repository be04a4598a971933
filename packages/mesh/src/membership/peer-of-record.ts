/**
 * `peerOf`: converts an accepted record to a `MeshPeer`. The daemon's configuration and the routes
 * are made from the `MeshPeer`.
 *
 * @module
 */
import { Endpoint, parseAddress } from '@litz/core';
import type { NodeRecord } from '../record/node-record.ts';
import { reachableAddress, type MembershipContext } from './membership-context.ts';
import type { MeshPeer } from './mesh-peer.ts';

export function peerOf(record: NodeRecord, context: MembershipContext): MeshPeer {
  const { name, keys, addresses, port, prefixes, encryptsNode, sendsPlaintext } = record;
  const address = reachableAddress(addresses, context) ?? addresses[0]!;
  const endpoint = new Endpoint(parseAddress(address), port);
  return { name, keys, endpoint, addresses, prefixes, encryptsNode, sendsPlaintext };
}

/** Returns the record from which a peer was made. */
export function recordOfPeer(peer: MeshPeer): NodeRecord {
  const { endpoint, ...rest } = peer;
  return { ...rest, port: endpoint.port, revoked: false };
}
