/**
 * `WgQuickConfig`: a wg-quick configuration file as data.
 *
 * @module
 */
import type {
  AllowedIp,
  Cidr,
  Endpoint,
  HostEndpoint,
  PresharedKey,
  PrivateKey,
  PublicKey,
} from '@litz/core';

/**
 * A configuration file as `parseConfig` returns it. It is plain data, and all fields may be
 * changed.
 */
export interface WgQuickConfig {
  interface: InterfaceSection;
  peers: PeerSection[];
}

/** The [Interface] section. An absent field is not set. */
export interface InterfaceSection {
  privateKey?: PrivateKey;
  /** 0 to 65535; 0 chooses a free port. */
  listenPort?: number;
  /** 0 to 2^32 - 1; 0 means off. */
  fwmark?: number;
  addresses: Cidr[];
  /** Servers and search domains, spelled as in the file. */
  dns: string[];
  /** 68 to 65535 bytes. */
  mtu?: number;
  /**
   * Routing table for the peers' prefixes: 'auto', 'off', a number, or a name that the host defines
   * ('main'). Absent means 'auto'.
   */
  table?: string | number;
  preUp: string[];
  postUp: string[];
  preDown: string[];
  postDown: string[];
  saveConfig?: boolean;
}

/** A [Peer] section. An absent field is not set. */
export interface PeerSection {
  publicKey: PublicKey;
  presharedKey?: PresharedKey;
  allowedIps: AllowedIp[];
  /**
   * Whether a prefix in the file has a `+` or `-` in front. If so, the peer keeps the prefixes that
   * it has already and that the file does not name.
   */
  incremental?: boolean;
  endpoint?: Endpoint | HostEndpoint;
  /** In seconds; 0 means off. */
  persistentKeepalive?: number;
}

/**
 * A configuration to write, in which values may be text. A `WgQuickConfig` is a `WgQuickInput` too.
 */
export interface WgQuickInput {
  interface: InterfaceInput;
  peers: readonly PeerInput[];
}

/** An [Interface] section to write. Key and addresses may be text. */
export interface InterfaceInput extends Omit<InterfaceSection, 'privateKey' | 'addresses'> {
  privateKey?: string | PrivateKey;
  addresses: readonly (string | Cidr)[];
}

/** A [Peer] section to write. Keys, prefixes and the endpoint may be text. */
export interface PeerInput extends Omit<
  PeerSection,
  'publicKey' | 'presharedKey' | 'allowedIps' | 'endpoint'
> {
  publicKey: string | PublicKey;
  presharedKey?: string | PresharedKey;
  allowedIps: readonly (string | AllowedIp)[];
  endpoint?: string | Endpoint | HostEndpoint;
}
