/**
 * `SavedDevice`: everything that another process needs to continue a device.
 *
 * @module
 */

/** The state of a data plane outside of its engine. It has no secrets. */
export interface SavedPlane {
  /** The configured port; 0: any. */
  readonly listenPort: number;
  readonly mark: number;
  readonly isUp: boolean;
  readonly lostOffloads: readonly ('tunTcp' | 'tunUdp' | 'udpGso' | 'udpGro')[];
}

/** The UDP sockets, without their descriptors. */
export interface SavedSockets {
  readonly port: number;
  readonly families: readonly (4 | 6)[];
  /** The kernel's counters of lost datagrams, one for each socket. */
  readonly overflows: readonly number[];
  /** Whether runs of datagrams are sent with UDP GSO. */
  readonly segmenting: boolean;
}

/** The part of a saved device that is not secret. It is sent as JSON. */
export interface SavedSettings {
  /** The name of the interface. */
  readonly name: string;
  /** Which super-packets the TUN reads and writes. */
  readonly offloads: { readonly tcp: boolean; readonly udp: boolean };
  readonly plane: SavedPlane;
  /** Absent while the link is down. */
  readonly sockets?: SavedSockets;
  /** When the device was saved, in ms. The clock is the same as for all times in the state. */
  readonly now: number;
}

/** A device that was saved. */
export interface SavedDevice {
  readonly settings: SavedSettings;
  /** The descriptor of the TUN, then those of the sockets. */
  readonly fds: readonly number[];
  /** The state of the engine, with all keys. The receiver must wipe it. */
  readonly state: Uint8Array;
}

/**
 * The requests of a hand-over.
 *
 * - `save`: returns a `SavedDevice`. With `rest` the device then neither reads nor sends until
 *   `resume`. The descriptors still belong to the device.
 * - `rehearse`: a device that rests prepares for `adopt`. It makes all objects that work on the
 *   interface. It also reads the state once, so that V8 compiles the code. The descriptors still
 *   belong to the caller.
 * - `adopt`: a device that rests takes the state and the descriptors of a saved device. It rests
 *   until `resume`, and then continues the saved device.
 * - `resume`: ends the rest. With `restart`, the device begins with new handshakes, because another
 *   process may have used its sessions.
 * - `release`: the device that rests belongs to another process, so `close` leaves the interface as
 *   it is.
 */
export type HandOverRequest =
  | { readonly type: 'save'; readonly rest: boolean }
  | { readonly type: 'rehearse'; readonly saved: SavedDevice }
  | { readonly type: 'adopt'; readonly saved: SavedDevice }
  | { readonly type: 'resume'; readonly restart: boolean }
  | { readonly type: 'release' };

/** Returns whether an answer of a device is a saved device. */
export function isSavedDevice(answer: unknown): answer is SavedDevice {
  return (answer as Partial<SavedDevice> | undefined)?.state instanceof Uint8Array;
}

/** Returns whether a request is one of a hand-over. */
export function isHandOverRequest(request: { readonly type: string }): request is HandOverRequest {
  return HAND_OVER_REQUESTS.includes(request.type);
}

const HAND_OVER_REQUESTS = ['save', 'rehearse', 'adopt', 'resume', 'release'];
