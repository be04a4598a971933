/**
 * What a caller can set on an engine, as plain data. In an `EngineChange`, keys, endpoints and
 * prefixes may be text. An `EngineConfiguration` has typed values only.
 *
 * @module
 */
import type { Endpoint } from './endpoint.ts';
import type { PresharedKey, PrivateKey, PublicKey } from './keys.ts';

/**
 * A range of inner addresses that belongs to a peer (cryptokey routing, section 2 of the WireGuard
 * paper).
 */
export interface AllowedIp {
  /** 4 or 16 bytes, network order; host bits are masked. The bytes are copied. */
  address: Uint8Array;
  prefixLength: number;
  /**
   * Removes this prefix from the peer instead of adding it. This entry is ignored if the peer does
   * not have the prefix.
   */
  remove?: boolean;
}

/** A change of one peer. An absent field leaves the value as it is. Keys are copied. */
export interface PeerConfiguration {
  /**
   * Identifies the peer by its current key or by its next key. If a change names the next key, that
   * key becomes the peer's key, as with `promotePublicKey`. But if the change also has `remove`,
   * only the next key is removed.
   */
  publicKey: PublicKey;
  /**
   * The key that will replace the peer's current key. Until then both keys are valid for the same
   * peer, with one set of sessions, allowed IPs and counters. null removes the next key and its
   * sessions. A key of our own or of another peer is ignored.
   */
  nextPublicKey?: PublicKey | null;
  /**
   * Makes the next key the peer's key and forgets the old key. Sessions, allowed IPs and counters
   * stay. This is ignored if the peer has no next key. An unknown peer is not added.
   */
  promotePublicKey?: boolean;
  /** Removes the peer and its sessions. An unknown peer is ignored. */
  remove?: boolean;
  /** Changes an existing peer only; an unknown peer is not added. */
  updateOnly?: boolean;
  /**
   * The key is used from the next handshake on; the current session stays. null removes the key.
   */
  presharedKey?: PresharedKey | null;
  endpoint?: Endpoint;
  /**
   * The name behind the endpoint, as `HOST:PORT`; an empty text removes it. The engine only keeps
   * it. When the name should be looked up again, an `unanswered` event contains it.
   */
  endpointName?: string;
  /** In seconds, 0 to 65535; 0 means off. */
  persistentKeepalive?: number;
  /** Removes all prefixes before `allowedIps` are added. */
  replaceAllowedIps?: boolean;
  allowedIps?: readonly AllowedIp[];
}

/** One change of the engine, with typed values only. An absent field leaves the value as it is. */
export interface EngineConfiguration {
  /**
   * null removes the key and the next key: all sessions stop sending, and handshakes are refused. A
   * new key stops the sessions that were made with the old key. But if the new key is the next key,
   * all sessions stay. All zeros are refused, because a key that was wiped consists of zeros.
   */
  privateKey?: PrivateKey | null;
  /**
   * The key that will replace the device's private key. Until then both keys are valid: peers may
   * initiate to either key, and the next identity initiates to every peer until that peer has
   * answered. null removes the next key. If the private key is removed, the next key is removed
   * too. Sessions that were made with a removed key stop sending. All zeros are refused.
   */
  nextPrivateKey?: PrivateKey | null;
  /** Removes all peers and their sessions before `peers` are added. */
  replacePeers?: boolean;
  peers?: readonly PeerConfiguration[];
}

/**
 * One change of the engine, where keys, endpoints and prefixes may be text. An
 * `EngineConfiguration` is also an `EngineChange`.
 */
export interface EngineChange extends Omit<
  EngineConfiguration,
  'privateKey' | 'nextPrivateKey' | 'peers'
> {
  /** Base64 or bytes, not all zeros; null removes the key. */
  privateKey?: string | PrivateKey | null;
  /** Base64 or bytes, not all zeros; null removes the next key. */
  nextPrivateKey?: string | PrivateKey | null;
  peers?: readonly PeerChange[];
}

/** A change of one peer. The peer is added if it does not exist. */
export interface PeerChange extends Omit<
  PeerConfiguration,
  'publicKey' | 'nextPublicKey' | 'presharedKey' | 'endpoint' | 'allowedIps'
> {
  publicKey: string | PublicKey;
  nextPublicKey?: string | PublicKey | null;
  presharedKey?: string | PresharedKey | null;
  /**
   * '192.0.2.1:51820', '[2001:db8::1]:51820'. A host name is refused: the caller must resolve it.
   */
  endpoint?: string | Endpoint;
  /**
   * '10.0.0.0/24', '10.0.0.2', 'fd00::/8'. A prefix belongs to one peer only: the last peer that it
   * was given to.
   */
  allowedIps?: readonly (string | AllowedIp)[];
}
