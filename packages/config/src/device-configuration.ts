/**
 * `DeviceConfiguration` and `DeviceStatus`: the configuration of the engine and of the sockets, and
 * a snapshot of a device.
 *
 * @module
 */
import type { EngineConfiguration, PeerStatus, PrivateKey } from '@litz/core';

/** A change of a device. An absent field leaves its value as it is. */
export interface DeviceConfiguration extends EngineConfiguration {
  /** 0 to 65535; 0 chooses a free port. */
  listenPort?: number;
  /** The mark of all outer datagrams, 0 to 2^32 - 1; 0 means no mark. */
  fwmark?: number;
}

/** A peer as the cross-platform protocol reports it. An engine's `PeerStatus` has more fields. */
export type DevicePeerStatus = Omit<PeerStatus, 'sessionUp' | 'drops'>;

/** A snapshot of a device. */
export interface DeviceStatus {
  privateKey?: PrivateKey;
  /** The key that will replace the private key, if there is one. */
  nextPrivateKey?: PrivateKey;
  /** 0 means that there is no socket yet. */
  listenPort: number;
  /** 0 means no mark. */
  fwmark: number;
  peers: DevicePeerStatus[];
}
