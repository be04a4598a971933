/**
 * `Driver`: what runs a data plane, and the requests it takes. One for Linux with a thread of its own,
 * one on the event loop.
 *
 * @module
 */
import { WireGuardError, type PublicKey } from '@litz/core';
import type { DeviceConfiguration } from '@litz/config';
import type { DataPlane, OptionalEvent, PlaneEvent } from './plane/data-plane.ts';
import type { DeviceSnapshot, DeviceStats } from './device-status.ts';
import { refusing } from './refusal.ts';

/** What may be asked of a running device; plain data but for the endpoints' class. */
export type DeviceRequest =
  | { readonly type: 'configure'; readonly change: DeviceConfiguration }
  | { readonly type: 'connect'; readonly publicKey: PublicKey }
  | { readonly type: 'link'; readonly up: boolean }
  | { readonly type: 'listen'; readonly events: readonly OptionalEvent[] }
  /** A slice of the device's state: the next one of this read, which `end-snapshot` ends early. */
  | { readonly type: 'snapshot'; readonly read: number }
  | { readonly type: 'end-snapshot'; readonly read: number }
  | { readonly type: 'stats' };

/** What is answered. */
export interface DeviceAnswers {
  configure: undefined;
  /** Whether there is a session. */
  connect: boolean;
  link: undefined;
  listen: undefined;
  snapshot: SnapshotSlice;
  'end-snapshot': undefined;
  stats: DeviceStats;
}

export interface SnapshotSlice {
  /** With some of the peers; the private key is in the first slice alone. */
  readonly snapshot: DeviceSnapshot;
  readonly isLast: boolean;
}

/** Which provider does the cryptography, and why. */
export interface CryptoStatus {
  /** 'openssl+wasm', 'openssl', 'wasm', 'noble', or what a provider of your own says. */
  readonly provider: string;
  readonly reason: string;
}

export interface Driver {
  /** Of the interface, as it was given by the kernel. */
  readonly name: string;
  readonly crypto: CryptoStatus;
  request<Type extends DeviceRequest['type']>(
    request: Extract<DeviceRequest, { type: Type }>,
  ): Promise<DeviceAnswers[Type]>;
  /** Keeps the process alive, as at the beginning. */
  ref(): void;
  /** Lets the process end. */
  unref(): void;
  /** Releases everything; calls `closed`. */
  close(): Promise<void>;
}

/** Who hears of what happens. Nothing is called before the driver is open. */
export interface DriverListener {
  event(event: PlaneEvent): void;
  /** The device goes on. */
  error(error: Error): void;
  /** Everything is released; `error`: that is why. Called once. */
  closed(error: Error | undefined): void;
}

/** Answers what needs no sockets to be opened. */
export function answerRequest(
  plane: DataPlane,
  request: Exclude<DeviceRequest, { type: 'configure' | 'link' }>,
  now: number,
): DeviceAnswers[(typeof request)['type']] {
  if (request.type === 'connect') return plane.connect(request.publicKey, now);
  if (request.type === 'snapshot') return refusing(() => plane.snapshot(request.read));
  if (request.type === 'stats') return refusing(() => plane.stats());
  if (request.type === 'end-snapshot') plane.endSnapshot(request.read);
  else plane.listen(request.events);
  return undefined;
}

/** What is asked of a device that is closed. */
export function closedError(name: string): WireGuardError {
  return new WireGuardError('ERR_LITZ_CLOSED', `the device ${name} is closed`);
}

/** Why a device closed by itself. */
export function crashError(name: string, cause: Error): WireGuardError {
  const text = `the packet loop of ${name} crashed: ${cause.message}`;
  return new WireGuardError('ERR_LITZ_WORKER', text, { cause });
}
