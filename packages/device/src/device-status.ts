/**
 * What a device tells of itself.
 *
 * @module
 */
import type { DropReason, EngineStats, PeerStatus, PrivateKey } from '@litz/core';

/** The state of a device at one moment; a copy. It is a `DeviceStatus` of `@litz/config` too. */
export interface DeviceSnapshot {
  readonly name: string;
  /** Of the inner packets. */
  readonly mtu: number;
  readonly up: boolean;
  privateKey?: PrivateKey;
  /** The key that the device goes over to, if it does. */
  nextPrivateKey?: PrivateKey;
  /** While the link is down, the one that was asked for; 0 picks one. */
  readonly listenPort: number;
  /** 0: none. */
  readonly fwmark: number;
  peers: PeerStatus[];
}

/** A part of what there is to tell, read between turns. */
export interface SnapshotSlice {
  /** With some of the peers; the private keys are in the first slice alone. */
  readonly snapshot: DeviceSnapshot;
  readonly isLast: boolean;
}

/** Counts since the device was made; those of `udp` since its sockets were opened. */
export type DeviceStats = Omit<EngineStats, 'drops'> & {
  readonly drops: Partial<Record<DropReason, number>>;
  readonly tun: { readonly readPackets: number; readonly writtenPackets: number };
  /** By the names of `UdpCounters`; empty while the link is down. */
  readonly udp: Readonly<Record<string, number>>;
};
