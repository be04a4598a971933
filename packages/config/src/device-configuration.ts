/**
 * `DeviceConfiguration`: a change of a device (its engine and its sockets) with typed values.
 * `DeviceStatus`: a snapshot of a device.
 *
 * @module
 */
import type { DropReason, EngineConfiguration, PeerStatus, PrivateKey } from '@litz/core';

/** A change of a device, without text. An absent field leaves its value as it is. */
export interface DeviceConfiguration extends EngineConfiguration {
  /** 0 to 65535; 0 chooses a free port. */
  listenPort?: number;
  /** The mark of all outer datagrams, 0 to 2^32 - 1; 0 means no mark. */
  fwmark?: number;
}

/**
 * A peer as the cross-platform protocol reports it. An engine's `PeerStatus` also has `sessionUp`.
 */
export type DevicePeerStatus = Omit<PeerStatus, 'sessionUp' | 'drops'> & {
  /**
   * How many packets were dropped, by reason. Only Litz reports this, to a client that asks for it.
   */
  drops?: Partial<Record<DropReason, number>>;
};

/** How a device works. Only Litz reports this, to a client that asks for it. */
export interface DeviceDetails {
  /** The provider of cryptography, and why it was chosen. */
  provider: string;
  providerReason: string;
  /** The offloads of the kernel that are in use. */
  offloads: string[];
  /** How many threads process packets. */
  threads: number;
  /** The priority of the thread of the packet loop, as in sched(7). */
  priority: 'realtime' | 'normal';
  /** How many packets and messages were dropped, by reason. */
  drops: Partial<Record<DropReason, number>>;
}

/** A snapshot of a device. */
export interface DeviceStatus {
  privateKey?: PrivateKey;
  /** The key that will replace the private key, if there is one. */
  nextPrivateKey?: PrivateKey;
  /** 0 means that there is no socket yet. */
  listenPort: number;
  /** 0 means no mark. */
  fwmark: number;
  details?: DeviceDetails;
  peers: DevicePeerStatus[];
}
