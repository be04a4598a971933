/**
 * What a caller can set on an engine, as plain data.
 *
 * @module
 */
import type { Endpoint } from './endpoint.ts';
import type { PresharedKey, PrivateKey, PublicKey } from './keys.ts';

/** A range of inner addresses that belongs to a peer (cryptokey routing, section 2). */
export interface AllowedIp {
  /** 4 or 16 bytes, network order; host bits are masked. Copied. */
  address: Uint8Array;
  prefixLength: number;
  /** Takes this prefix away from the peer, if it is the peer's, instead of adding it. */
  remove?: boolean;
}

/** What is absent stays as it is. Keys are copied. */
export interface PeerConfiguration {
  publicKey: PublicKey;
  /** Removes the peer with its session; an unknown one is ignored. */
  remove?: boolean;
  /** Changes a peer that exists and adds none. */
  updateOnly?: boolean;
  /** Used from the next handshake on; the live session stays. null is none. */
  presharedKey?: PresharedKey | null;
  endpoint?: Endpoint;
  /** Seconds, 0 to 65535; 0 is off. */
  persistentKeepalive?: number;
  /** Takes all prefixes away before `allowedIps` are added. */
  replaceAllowedIps?: boolean;
  allowedIps?: readonly AllowedIp[];
}

/** One change of the engine. What is absent stays as it is. */
export interface EngineConfiguration {
  /** null takes the key away: sessions stop sending and handshakes are refused. */
  privateKey?: PrivateKey | null;
  /** Removes all peers, with their sessions, before `peers` are added. */
  replacePeers?: boolean;
  peers?: readonly PeerConfiguration[];
}
