/**
 * `Driver`: runs a data plane and answers requests to it. There are two drivers: one for Linux with
 * a thread of its own (`LinuxDriver`), and one on the event loop (`PortableDriver`).
 *
 * @module
 */
import { WireGuardError, type PublicKey } from '@litz/core';
import type { Steps } from '@litz/core/internals';
import type { DeviceConfiguration } from '@litz/config';
import type { DataPlane, OptionalEvent } from './plane/data-plane.ts';
import type { PlaneEvent } from './plane/plane-event.ts';
import type { CaptureFilter } from './capture/capture-options.ts';
import type { DeviceStats, PeerSlice, SnapshotSlice } from './device-status.ts';
import type { HandOverRequest, SavedDevice } from './hand-over/saved-device.ts';
import { markRefused, markRefusals } from './refusal.ts';

/**
 * A request to a running device. It is plain data, except that endpoints, keys and prefixes are
 * instances of classes.
 */
export type DeviceRequest =
  | { readonly type: 'configure'; readonly change: DeviceConfiguration }
  | { readonly type: 'connect'; readonly publicKey: PublicKey }
  | { readonly type: 'link'; readonly up: boolean }
  | { readonly type: 'listen'; readonly events: readonly OptionalEvent[] }
  /**
   * Reads the next slice of the device's state. A read of the whole state takes one or more slices;
   * `read` says to which of the reads the slice belongs. `end-snapshot` ends a read before its last
   * slice.
   */
  | { readonly type: 'snapshot'; readonly read: number }
  | { readonly type: 'end-snapshot'; readonly read: number }
  | { readonly type: 'peer'; readonly publicKey: PublicKey }
  /** Records packets into a ring in `memory`, until an `end-capture` with the same id. */
  | {
      readonly type: 'capture';
      readonly id: number;
      readonly memory: SharedArrayBuffer;
      readonly filter: CaptureFilter;
    }
  | { readonly type: 'end-capture'; readonly id: number }
  | { readonly type: 'stats' }
  | HandOverRequest;

/** The answer to each type of request. */
export interface DeviceAnswers {
  configure: undefined;
  /** Whether there is a session with the peer now. */
  connect: boolean;
  link: undefined;
  listen: undefined;
  snapshot: SnapshotSlice;
  'end-snapshot': undefined;
  peer: PeerSlice;
  capture: undefined;
  'end-capture': undefined;
  stats: DeviceStats;
  save: SavedDevice;
  rehearse: undefined;
  adopt: undefined;
  resume: undefined;
  release: undefined;
}

/** Which provider does the cryptography, and why. */
export interface CryptoStatus {
  /** 'openssl+wasm', 'openssl', 'wasm', 'noble', or the `name` of a provider of your own. */
  readonly provider: string;
  readonly reason: string;
}

/** A running data plane, in a thread of its own or in the calling thread. */
export interface Driver {
  /** The name of the interface, as the kernel gave it, or of the caller's `Tun`. */
  readonly name: string;
  readonly crypto: CryptoStatus;
  request<Type extends DeviceRequest['type']>(
    request: Extract<DeviceRequest, { type: Type }>,
  ): Promise<DeviceAnswers[Type]>;
  /** Keeps the process alive. This is the default. */
  ref(): void;
  /** Lets the process end while the driver is open. */
  unref(): void;
  /** Releases everything, then calls the listener's `closed`. */
  close(): Promise<void>;
}

/**
 * Receives what happens in a driver. `event` and `error` may be called before `open` of the driver
 * has resolved.
 */
export interface DriverListener {
  event(event: PlaneEvent): void;
  /** The reader of the capture `id` waits, and there is something to read. */
  captured(id: number): void;
  /** Something failed, and the device continues. */
  error(error: Error): void;
  /**
   * Everything is released. Called once, but not if the driver could not be opened. `error`: the
   * crash that ended the device, if there was one.
   */
  closed(error: Error | undefined): void;
}

/**
 * Answers a request that changes neither the configuration nor the link, and is no part of a
 * hand-over. Only a snapshot may need several steps; the device must not be changed between two of
 * its steps.
 *
 * @param now in ms of the engine's clock
 */
export function* answerRequest(
  plane: DataPlane,
  request: Exclude<DeviceRequest, HandOverRequest | { type: 'configure' | 'link' }>,
  now: number,
): Steps<DeviceAnswers[(typeof request)['type']]> {
  if (request.type === 'connect') return plane.connect(request.publicKey, now);
  if (request.type === 'peer') return markRefusals(() => peerSlice(plane, request.publicKey));
  if (request.type === 'snapshot') return yield* snapshot(plane, request.read);
  if (request.type === 'stats') return markRefusals(() => plane.stats());
  if (request.type === 'capture') {
    const { id, memory, filter } = request;
    plane.startCapture(id, memory, filter, now);
  } else if (request.type === 'end-capture') plane.endCapture(request.id);
  else if (request.type === 'end-snapshot') plane.endSnapshot(request.read);
  else plane.listen(request.events);
  return undefined;
}

/** The error of a request to a device that is closed. */
export function closedError(name: string): WireGuardError {
  return new WireGuardError('ERR_LITZ_CLOSED', `the device ${name} is closed`);
}

/** The error of a device whose packet loop crashed. */
export function crashError(name: string, cause: Error): WireGuardError {
  const text = `the packet loop of ${name} crashed: ${cause.message}`;
  return new WireGuardError('ERR_LITZ_WORKER', text, { cause });
}

function peerSlice(plane: DataPlane, publicKey: PublicKey): PeerSlice {
  const found = plane.peer(publicKey);
  return { snapshot: { peers: found ? [found] : [] } };
}

/** A snapshot changes nothing, so its error is a refusal. */
function* snapshot(plane: DataPlane, read: number): Steps<SnapshotSlice> {
  try {
    return yield* plane.snapshot(read);
  } catch (error) {
    throw markRefused(error);
  }
}
