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
