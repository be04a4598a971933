/**
 * Finds the peer that a packet or a message belongs to, without processing it.
 *
 * @module
 */
import { MESSAGE_TYPE } from '../constants.ts';
import type { EngineState } from '../engine-state.ts';
import type { Peer } from '../peer/peer.ts';
import { pairOfSession } from './static-pairs.ts';
import { readInt32 } from '../wire/int32.ts';
import { IPV4_DESTINATION, IPV6_DESTINATION } from '../wire/ip-packet.ts';

/** Returns the peer that a packet of the interface would be sent to; undefined if there is none. */
export function peerOfPacket(
  { allowedIps }: EngineState,
  buffer: Uint8Array,
  offset: number,
  length: number,
): Peer | undefined {
  const version = length > 0 ? buffer[offset] >>> 4 : 0;
  if (version === 4 && length >= IPV4_DESTINATION + 4) {
    return allowedIps.lookup(buffer, offset + IPV4_DESTINATION, 4);
  }
  if (version !== 6 || length < IPV6_DESTINATION + 16) return undefined;
  return allowedIps.lookup(buffer, offset + IPV6_DESTINATION, 16);
}

/**
 * Looks up the receiver index of a received message, and returns the peer that the message seems to
 * be from. The receiver index is not authenticated. Returns undefined for an initiation, which has
 * no receiver index.
 */
export function peerOfMessage(
  { indices }: EngineState,
  buffer: Uint8Array,
  offset: number,
): Peer | undefined {
  switch (buffer[offset]) {
    case MESSAGE_TYPE.HANDSHAKE_RESPONSE:
      return indices.handshake(readInt32(buffer, offset + RESPONSE_RECEIVER_INDEX))?.peer;
    case MESSAGE_TYPE.COOKIE_REPLY: {
      const index = readInt32(buffer, offset + RECEIVER_INDEX);
      const keypair = indices.keypair(index);
      return (indices.handshake(index) ?? (keypair && pairOfSession(keypair)))?.peer;
    }
    case MESSAGE_TYPE.TRANSPORT_DATA:
      return indices.keypair(readInt32(buffer, offset + RECEIVER_INDEX))?.peer;
    default:
      return undefined;
  }
}

/** Offset in bytes of msg.receiver in a handshake response. */
const RESPONSE_RECEIVER_INDEX = 8;
/** Offset in bytes of msg.receiver in a cookie reply and in transport data. */
const RECEIVER_INDEX = 4;
