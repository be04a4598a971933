/**
 * `DeviceSnapshot` and `DeviceStats`: the state and the counters of a device.
 *
 * @module
 */
import type { DropReason, EngineStats, PeerStatus, PrivateKey } from '@litz/core';
import type { BatchStats } from './plane/batch-sizes.ts';
import type { LoopStats } from './plane/loop-time.ts';

/**
 * A copy of the configuration and the peers of a device. Many peers are read in slices, so they are
 * not all read at the same moment. A snapshot is also a `DeviceStatus` of `@litz/config`.
 */
export interface DeviceSnapshot {
  readonly name: string;
  /** Maximum length of an inner packet, in bytes. */
  readonly mtu: number;
  readonly up: boolean;
  privateKey?: PrivateKey;
  /** The key that will replace the private key, if there is one. */
  nextPrivateKey?: PrivateKey;
  /**
   * The port of the open sockets. While the link is down: the configured port, where 0 means any
   * free port.
   */
  readonly listenPort: number;
  /** The firewall mark of the sockets; 0: none. */
  readonly fwmark: number;
  peers: PeerStatus[];
}

/** A part of a snapshot. The slices of one snapshot are read in different turns of the loop. */
export interface SnapshotSlice {
  /** The status with a part of the peers. Only the first slice has the private keys. */
  readonly snapshot: DeviceSnapshot;
  readonly isLast: boolean;
}

/** A part of a snapshot that has one peer, or none. It is sent between threads like a slice. */
export interface PeerSlice {
  readonly snapshot: Pick<DeviceSnapshot, 'peers'>;
}

/** Counters since the device was made. The counters in `udp` start when the sockets are opened. */
export type DeviceStats = Omit<EngineStats, 'drops'> & {
  readonly drops: Partial<Record<DropReason, number>>;
  readonly tun: { readonly readPackets: number; readonly writtenPackets: number };
  /** The names are those of `UdpCounters`. The object is empty while the link is down. */
  readonly udp: Readonly<Record<string, number>>;
  /**
   * `sent`: packets that one turn of the loop read from the TUN. `received`: datagrams that one
   * turn read from a socket.
   */
  readonly batches: { readonly sent: BatchStats; readonly received: BatchStats };
  readonly loop: LoopStats;
  /** How many threads seal and open packets at present, including the thread of the packet loop. */
  readonly threads: number;
};
