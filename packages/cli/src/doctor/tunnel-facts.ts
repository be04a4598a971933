/**
 * `TunnelFacts`: what is known of a tunnel and of the machine around it. Plain data without
 * secrets.
 *
 * @module
 */
import type { DeviceDetails, DevicePeerStatus } from '@litz/config';
import type { Cidr } from '@litz/core';

/** The interface and its daemon at one moment. */
export interface TunnelFacts {
  readonly name: string;
  /** Unix time in ms. */
  readonly nowMs: number;
  /** The daemon; undefined: it does not answer, and `noDaemon` says why. */
  readonly daemon: DaemonFacts | undefined;
  readonly noDaemon: string | undefined;
  /** The link of this name; undefined: there is none. */
  readonly link: LinkFacts | undefined;
  /** The value of rp_filter that the kernel uses for each link: 1 is strict. */
  readonly reversePathFilters: ReadonlyMap<string, number>;
  /** Whether the reverse path filter looks at marks (src_valid_mark). */
  readonly marksAreValid: boolean;
  readonly file: FileFacts | undefined;
  /** Why the rules of the firewall are not known; undefined: they were read. */
  readonly unreadFirewall: string | undefined;
  readonly peers: readonly PeerFacts[];
  /** The number of peers that were not examined. */
  readonly more: number;
}

export interface DaemonFacts {
  /** In base64; undefined: there is no private key. */
  readonly publicKey: string | undefined;
  readonly listenPort: number;
  readonly fwmark: number;
  /** Absent: the daemon is not Litz. */
  readonly details?: DeviceDetails | undefined;
}

export interface LinkFacts {
  /** 'tun', 'wireguard', ...; undefined: a physical link. */
  readonly kind: string | undefined;
  readonly up: boolean;
  /** In bytes. */
  readonly mtu: number;
  readonly addresses: readonly Readonly<Cidr>[];
}

/** The wg-quick file of the interface. */
export interface FileFacts {
  readonly path: string;
  /** Why the file cannot be used; undefined: the file was read. */
  readonly problem: string | undefined;
  /**
   * Prefixes that several peers of the file have. Only the last of these peers gets the packets.
   */
  readonly sharedPrefixes: readonly string[];
  /** Whether a peer has the public key of the interface. */
  readonly hasOwnKeyAsPeer: boolean;
}

export interface PeerFacts {
  /** In base64. */
  readonly key: string;
  /** Without its preshared key. */
  readonly status: Omit<DevicePeerStatus, 'presharedKey'>;
  /**
   * The name of the endpoint in the file, or else the name that the daemon has for it, and its
   * addresses; undefined: there is no name.
   */
  readonly host: HostFacts | undefined;
  /** The way of the tunnel's datagrams to the peer; undefined: there is no endpoint. */
  readonly outer: OuterWay | undefined;
  /** The way of packets to addresses of the peer: one address for each of its first prefixes. */
  readonly inner: readonly InnerWay[];
  /** What the port answered; 'untried': nothing was sent. */
  readonly port: 'refused' | 'silent' | 'untried';
  /** Whether a packet was sent into the tunnel, so that there should have been a handshake. */
  readonly knocked: boolean;
  /**
   * What drops, or may drop, packets to or from the peer: at most one rule or policy for each way
   * of the packets.
   */
  readonly blocks: readonly Block[];
}

export interface HostFacts {
  readonly name: string;
  readonly port: number;
  /** The addresses as text. */
  readonly addresses: readonly string[];
  /** Why the name cannot be resolved; absent: it was resolved. */
  readonly problem?: string;
}

/** How the kernel sends the tunnel's datagrams to an endpoint. */
export interface OuterWay {
  /** The name of the link; undefined: there is no route. */
  readonly link: string | undefined;
  /** Whether the link is the tunnel itself. */
  readonly isLoop: boolean;
  /** The source address that the kernel chooses, as text. */
  readonly source: string | undefined;
  /** The longest datagram in bytes, with its IP header. */
  readonly mtu: number | undefined;
  /** The link for packets without the mark. */
  readonly unmarkedLink: string | undefined;
}

/** How the kernel sends packets to an address of a peer. */
export interface InnerWay {
  readonly prefix: string;
  readonly address: string;
  /** The name of the link; undefined: there is no route. */
  readonly link: string | undefined;
}

/**
 * A rule or a policy of the firewall that drops, or may drop, datagrams (outer) or packets (inner)
 * of the tunnel.
 */
export interface Block {
  readonly way: 'outer-out' | 'outer-in' | 'inner-out' | 'inner-in';
  /** 'certain': each packet of this way is dropped. */
  readonly how: 'certain' | 'possible';
  readonly rule: string;
}
