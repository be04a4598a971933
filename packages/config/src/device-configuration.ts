/**
 * What a device can be told, and what it tells: the engine's configuration and what its sockets need.
 *
 * @module
 */
import type { EngineConfiguration, PeerStatus, PrivateKey } from '@litz/core';

/** One change of a device. What is absent stays as it is. */
export interface DeviceConfiguration extends EngineConfiguration {
  /** 0 to 65535; 0 picks one. */
  listenPort?: number;
  /** Mark of all outer datagrams, 0 to 2^32 - 1; 0 is none. */
  fwmark?: number;
}

/** A peer as the cross-platform protocol tells of it: an engine's `PeerStatus` has more. */
export type DevicePeerStatus = Omit<PeerStatus, 'sessionUp' | 'drops'>;

/** A snapshot of a device. */
export interface DeviceStatus {
  privateKey?: PrivateKey;
  /** The key that the device goes over to, if it does. */
  nextPrivateKey?: PrivateKey;
  /** 0: no socket yet. */
  listenPort: number;
  /** 0: none. */
  fwmark: number;
  peers: DevicePeerStatus[];
}
