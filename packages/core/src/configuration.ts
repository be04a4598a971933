/**
 * What a caller can set on an engine, as plain data: as people write it, and with typed values alone.
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
  /**
   * Who it is. By the key that a peer goes over to it is the same peer, and has that key for its name
   * from then on, as with `promotePublicKey`; `remove` takes away that key alone.
   */
  publicKey: PublicKey;
  /**
   * The key that the peer goes over to, beside the one that it has: both are the peer, with one set of
   * sessions, allowed IPs and counters. null takes it away, with its sessions. A key of ours or of
   * another peer is ignored.
   */
  nextPublicKey?: PublicKey | null;
  /**
   * The next key becomes the peer's key, and the old one is forgotten. Sessions, allowed IPs and
   * counters stay. Ignored for a peer that has no next key; a peer that is not there is not added.
   */
  promotePublicKey?: boolean;
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

/** One change of the engine, with typed values alone. What is absent stays as it is. */
export interface EngineConfiguration {
  /**
   * null takes the key away, and the next one: sessions stop sending and handshakes are refused. Another
   * key stops the sessions that were made with the old one. The next key takes the place of the old one,
   * and all sessions stay.
   */
  privateKey?: PrivateKey | null;
  /**
   * The key that the device goes over to, beside the one that it has: peers may initiate to both, and
   * the next one initiates to every peer until it has answered. null takes it away, and so does the
   * private key itself; sessions that were made with it stop sending then.
   */
  nextPrivateKey?: PrivateKey | null;
  /** Removes all peers, with their sessions, before `peers` are added. */
  replacePeers?: boolean;
  peers?: readonly PeerConfiguration[];
}

/** One change of the engine, as people write it; an `EngineConfiguration` is one too. */
export interface EngineChange extends Omit<
  EngineConfiguration,
  'privateKey' | 'nextPrivateKey' | 'peers'
> {
  /** Base64 or bytes; null takes it away. */
  privateKey?: string | PrivateKey | null;
  /** Base64 or bytes; null takes it away. */
  nextPrivateKey?: string | PrivateKey | null;
  peers?: readonly PeerChange[];
}

/** The peer is added if it is not there. */
export interface PeerChange extends Omit<
  PeerConfiguration,
  'publicKey' | 'nextPublicKey' | 'presharedKey' | 'endpoint' | 'allowedIps'
> {
  publicKey: string | PublicKey;
  nextPublicKey?: string | PublicKey | null;
  presharedKey?: string | PresharedKey | null;
  /** '192.0.2.1:51820', '[2001:db8::1]:51820'. Names are for whoever asks to resolve. */
  endpoint?: string | Endpoint;
  /** '10.0.0.0/24', '10.0.0.2', 'fd00::/8'. A prefix belongs to one peer: the last who was given it. */
  allowedIps?: readonly (string | AllowedIp)[];
}
