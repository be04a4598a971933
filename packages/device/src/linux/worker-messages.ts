/**
 * What goes between the main thread and the packet loop's, and how it survives the way: a structured
 * clone keeps neither the class of an endpoint nor the fields of an error.
 *
 * A thread that sleeps in poll runs no message handlers: a message to it is queued and an eventfd is
 * written, then it reads the queue (`receiveMessageOnPort`).
 *
 * @module
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { Endpoint, WireGuardError, type WireGuardErrorCode } from '@litz/core';
import type { DeviceConfiguration } from '@litz/config';
import type { PlaneEvent } from '../plane/data-plane.ts';
import type { CryptoStatus, DeviceRequest } from '../driver.ts';
import type { CommonSettings } from '../options.ts';

/** `workerData`. */
export interface WorkerStart {
  readonly shared: SharedArrayBuffer;
  /** For all messages from here on. */
  readonly port: MessagePort;
  readonly tunName: string;
  /** Started by a worker, which may be terminated without a word to us. */
  readonly isNested: boolean;
  readonly settings: CommonSettings;
}

export interface RequestMessage {
  readonly id: number;
  readonly request: DeviceRequest;
}

export type WorkerMessage =
  | {
      readonly type: 'open';
      readonly name: string;
      readonly crypto: CryptoStatus;
      readonly warnings: readonly string[];
    }
  | { readonly type: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly type: 'refused'; readonly id: number; readonly error: ErrorMessage }
  | { readonly type: 'event'; readonly event: PlaneEvent }
  /** The device goes on. */
  | { readonly type: 'error'; readonly error: ErrorMessage }
  /** The thread ends; before `open` that is why it was not opened. */
  | { readonly type: 'failed'; readonly error: ErrorMessage };

export interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** `code`, and a system error's `errno`, `errnoNumber` and `syscall`. */
  readonly fields: Readonly<Record<string, string | number>>;
}

export function post(port: MessagePort, message: RequestMessage | WorkerMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is a window's
  port.postMessage(message);
}

/** Takes what has come on a port, without waiting. */
export function* queuedMessages<Message>(port: MessagePort): Generator<Message, void, undefined> {
  for (;;) {
    const received: { message: Message } | undefined = receiveMessageOnPort(port);
    if (!received) return;
    yield received.message;
  }
}

export function toErrorMessage(thrown: unknown): ErrorMessage {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const fields: Record<string, string | number> = {};
  for (const [key, value] of Object.entries(error)) {
    if (typeof value === 'string' || typeof value === 'number') fields[key] = value;
  }
  return { name: error.name, message: error.message, stack: error.stack, fields };
}

export function fromErrorMessage({ name, message, stack, fields }: ErrorMessage): Error {
  const { code } = fields;
  const isOurs = typeof code === 'string' && code.startsWith('ERR_LITZ_');
  const error = isOurs
    ? new WireGuardError(code as WireGuardErrorCode, message)
    : new (PLAIN_ERRORS.get(name) ?? Error)(message);
  Object.assign(error, fields);
  if (error.name !== name) error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** An endpoint that lost its class on the way. */
export function reviveEndpoint(endpoint: Endpoint): Endpoint {
  const { address, port, scopeId, zone, sourceAddress, sourceInterface } = endpoint;
  return new Endpoint(address, port, {
    scopeId,
    sourceInterface,
    ...(zone !== undefined && { zone }),
    ...(sourceAddress && { sourceAddress }),
  });
}

export function reviveConfiguration(configuration: DeviceConfiguration): DeviceConfiguration {
  const { peers } = configuration;
  return peers ? { ...configuration, peers: revivePeers(peers) } : configuration;
}

/** Peers of a configuration or a status. */
export function revivePeers<Peer extends { endpoint?: Endpoint }>(peers: readonly Peer[]): Peer[] {
  return peers.map((peer) =>
    peer.endpoint ? { ...peer, endpoint: reviveEndpoint(peer.endpoint) } : peer,
  );
}

export function reviveEvent(event: PlaneEvent): PlaneEvent {
  if (event.type === 'drop' && event.source) {
    return { ...event, source: reviveEndpoint(event.source) };
  }
  if (event.type !== 'roam') return event;
  const { endpoint, previous } = event;
  return {
    ...event,
    endpoint: reviveEndpoint(endpoint),
    previous: previous && reviveEndpoint(previous),
  };
}

const PLAIN_ERRORS = new Map<string, new (message: string) => Error>([
  ['TypeError', TypeError],
  ['RangeError', RangeError],
]);
