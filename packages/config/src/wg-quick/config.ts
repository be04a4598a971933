/**
 * A wg-quick configuration file as data.
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

export interface WgQuickConfig {
  interface: InterfaceSection;
  peers: PeerSection[];
}

export interface InterfaceSection {
  privateKey?: PrivateKey;
  /** 0 to 65535; 0 picks one. */
  listenPort?: number;
  /** 0 is off. */
  fwmark?: number;
  addresses: Cidr[];
  /** Servers and search domains, as they stand there. */
  dns: string[];
  mtu?: number;
  /**
   * Routing table for the peers' prefixes: 'auto', 'off', a number, or a name that the host gives it
   * ('main'). Absent is 'auto'.
   */
  table?: string | number;
  preUp: string[];
  postUp: string[];
  preDown: string[];
  postDown: string[];
  saveConfig?: boolean;
}

export interface PeerSection {
  publicKey: PublicKey;
  presharedKey?: PresharedKey;
  allowedIps: AllowedIp[];
  /** Some prefix has a `+` or `-`: the peer keeps those that it has and that are not named. */
  incremental?: boolean;
  endpoint?: Endpoint | HostEndpoint;
  /** Seconds; 0 is off. */
  persistentKeepalive?: number;
}

/** A configuration to be written, with text where it is more at hand. A `WgQuickConfig` is one too. */
export interface WgQuickInput {
  interface: InterfaceInput;
  peers: readonly PeerInput[];
}

export interface InterfaceInput extends Omit<InterfaceSection, 'privateKey' | 'addresses'> {
  privateKey?: string | PrivateKey;
  addresses: readonly (string | Cidr)[];
}

export interface PeerInput extends Omit<
  PeerSection,
  'publicKey' | 'presharedKey' | 'allowedIps' | 'endpoint'
> {
  publicKey: string | PublicKey;
  presharedKey?: string | PresharedKey;
  allowedIps: readonly (string | AllowedIp)[];
  endpoint?: string | Endpoint | HostEndpoint;
}
