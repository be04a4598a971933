/**
 * `DaemonClient`, `DaemonListener`: the connection to a WireGuard daemon, and the receiver of its
 * events.
 *
 * @module
 */
import type { ChangedPeer, DeviceChange, DeviceStatus, PeerChanges } from '@litz/config';

/** The part of `UapiClient` that the agent uses. */
export interface DaemonClient {
  readonly path: string;
  get(options: { readonly keys: boolean }): Promise<DeviceStatus>;
  set(change: DeviceChange): Promise<void>;
  changes(options: { signal: AbortSignal }): AsyncIterable<PeerChanges>;
  /**
   * Closes the connection that is kept open for the next request, if there is one. The client can
   * still be used.
   */
  close?(): void;
}

/** Receives the events of the daemon. Calls come from the event loop, one after the other. */
export interface DaemonListener {
  /** The daemon was found. The wanted configuration is sent next. */
  onUp(): void;
  onDown(reason: string): void;
  /** Peers have changed. `isResync` true: `peers` lists all peers of the daemon. */
  onPeers(peers: readonly ChangedPeer[], isResync: boolean): void;
  /**
   * The trouble has changed. The text says why the daemon cannot be reached or programmed.
   * Undefined: there is no trouble.
   */
  onTrouble(trouble: string | undefined): void;
}
