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

/** One change of the engine, with typed values alone. What is absent stays as it is. */
export interface EngineConfiguration {
  /** null takes the key away: sessions stop sending and handshakes are refused. */
  privateKey?: PrivateKey | null;
  /** Removes all peers, with their sessions, before `peers` are added. */
  replacePeers?: boolean;
  peers?: readonly PeerConfiguration[];
}

/** One change of the engine, as people write it; an `EngineConfiguration` is one too. */
export interface EngineChange extends Omit<EngineConfiguration, 'privateKey' | 'peers'> {
  /** Base64 or bytes; null takes it away. */
  privateKey?: string | PrivateKey | null;
  peers?: readonly PeerChange[];
}

/** The peer is added if it is not there. */
export interface PeerChange extends Omit<
  PeerConfiguration,
  'publicKey' | 'presharedKey' | 'endpoint' | 'allowedIps'
> {
  publicKey: string | PublicKey;
  presharedKey?: string | PresharedKey | null;
  /** '192.0.2.1:51820', '[2001:db8::1]:51820'. Names are for whoever asks to resolve. */
  endpoint?: string | Endpoint;
  /** '10.0.0.0/24', '10.0.0.2', 'fd00::/8'. A prefix belongs to one peer: the last who was given it. */
  allowedIps?: readonly (string | AllowedIp)[];
}
