/**
 * What goes between the main thread and the packet loop's, and how it survives the way: a structured
 * clone keeps neither the class of an endpoint or a key nor the fields of an error.
 *
 * A thread that sleeps in poll runs no message handlers: a message to it is queued and an eventfd is
 * written, then it reads the queue (`receiveMessageOnPort`).
 *
 * @module
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import {
  Endpoint,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  Prefix,
  WireGuardError,
  type SessionKeys,
  type WireGuardErrorCode,
} from '@litz/core';
import {
  ConfigError,
  UapiError,
  wipeSecrets,
  type ConfigProblem,
  type DeviceConfiguration,
} from '@litz/config';
import type * as Sys from '@litz/sys';
import type { PlaneEvent } from '../plane/data-plane.ts';
import type { CryptoStatus, DeviceRequest } from '../driver.ts';
import type { DropEvent } from '../plane/drop-report.ts';
import type { DeviceSnapshot, SnapshotSlice } from '../device-status.ts';
import type { CommonSettings } from '../options.ts';
import { packSecrets, wipeBuffer } from './secret-buffer.ts';

/** `workerData`. */
export interface WorkerStart {
  readonly shared: SharedArrayBuffer;
  /** For all messages from here on. */
  readonly port: MessagePort;
  readonly tunName: string;
  /** Started by a worker, which may be terminated without a word to us. */
  readonly isNested: boolean;
  readonly settings: CommonSettings;
  /** Of the settings' secrets; to be wiped. */
  readonly secrets: ArrayBuffer;
}

export interface RequestMessage {
  readonly id: number;
  readonly request: DeviceRequest;
  /** Of the request's secrets; to be wiped. */
  readonly secrets?: ArrayBuffer;
}

export type WorkerMessage =
  | {
      readonly type: 'open';
      readonly name: string;
      readonly crypto: CryptoStatus;
      readonly warnings: readonly string[];
    }
  | {
      readonly type: 'answer';
      readonly id: number;
      readonly answer: unknown;
      /** Of the answer's secrets; to be wiped. */
      readonly secrets?: ArrayBuffer;
    }
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
  /** `code`, a system error's `errno`, `errnoNumber` and `syscall`, and whatever else is plain data. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause?: ErrorMessage;
}

/** The class of `@litz/sys`, which is loaded only where there are system calls. */
export type SystemErrorClass = typeof Sys.SystemError;

/** @param transferred a buffer of the message that changes hands */
export function post(
  port: MessagePort,
  message: RequestMessage | WorkerMessage,
  transferred?: ArrayBuffer,
): void {
  port.postMessage(message, transferred ? [transferred] : []);
}

/** Asks for something; secrets are copied into a buffer that goes along. */
export function postRequest(port: MessagePort, id: number, request: DeviceRequest): void {
  if (request.type !== 'configure') return post(port, { id, request });
  const { holder: change, buffer: secrets } = packSecrets(request.change);
  return post(port, { id, request: { ...request, change }, secrets }, secrets);
}

/** Answers; the secrets of a snapshot are wiped here. */
export function postAnswer(port: MessagePort, id: number, answer: unknown): void {
  if (!isSlice(answer)) return post(port, { type: 'answer', id, answer });
  const { holder: snapshot, buffer: secrets } = packSecrets(answer.snapshot);
  wipeSecrets(answer.snapshot);
  return post(port, { type: 'answer', id, answer: { ...answer, snapshot }, secrets }, secrets);
}

/** What was answered, with the classes that were lost on the way. Wipes the buffer. */
export function reviveAnswer(answer: unknown, secrets: ArrayBuffer | undefined): unknown {
  if (!isSlice(answer)) return answer;
  const { privateKey, nextPrivateKey, peers } = answer.snapshot;
  const snapshot: DeviceSnapshot = {
    ...answer.snapshot,
    ...(privateKey && { privateKey: parsePrivateKey(privateKey) }),
    ...(nextPrivateKey && { nextPrivateKey: parsePrivateKey(nextPrivateKey) }),
    peers: revivePeers(peers).map((peer) => ({
      ...peer,
      publicKey: parsePublicKey(peer.publicKey),
      ...(peer.nextPublicKey && { nextPublicKey: parsePublicKey(peer.nextPublicKey) }),
      ...(peer.sessionKeys && { sessionKeys: reviveSessionKeys(peer.sessionKeys) }),
      allowedIps: peer.allowedIps.map(
        ({ address, prefixLength }) => new Prefix(address, prefixLength),
      ),
      ...(peer.presharedKey && { presharedKey: parsePresharedKey(peer.presharedKey) }),
    })),
  };
  wipeBuffer(secrets);
  return { ...answer, snapshot };
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
  const { name, message, stack, cause } = error;
  const fields = Object.fromEntries(
    Object.entries(error).filter(([key, value]) => key !== 'name' && isPlain(value)),
  );
  const inner = cause instanceof Error ? { cause: toErrorMessage(cause) } : {};
  return { name, message, stack, fields, ...inner };
}

/** @param systemError without it a system error is a `WireGuardError` with the same fields */
export function fromErrorMessage(thrown: ErrorMessage, systemError?: SystemErrorClass): Error {
  const { name, message, stack, fields, cause } = thrown;
  const error = create(thrown, systemError);
  // A class of ours may write its message itself, out of what it is given.
  if (error.message !== message) define(error, 'message', message);
  Object.assign(error, fields);
  if (error.name !== name) error.name = name;
  if (stack !== undefined) error.stack = stack;
  if (cause) define(error, 'cause', fromErrorMessage(cause, systemError));
  return error;
}

function create({ name, message, fields }: ErrorMessage, systemError?: SystemErrorClass): Error {
  const { code, errno, errnoNumber, syscall, problems } = fields;
  if (typeof code !== 'string' || !code.startsWith('ERR_LITZ_')) {
    return new (PLAIN_ERRORS.get(name) ?? Error)(message);
  }
  if (name === 'SystemError' && systemError) {
    return new systemError(String(syscall), Number(errnoNumber));
  }
  if (name === 'UapiError') return new UapiError(Number(errno), message);
  if (name === 'ConfigError') return new ConfigError(problems as readonly ConfigProblem[]);
  return new WireGuardError(code as WireGuardErrorCode, message);
}

/** As an error has it of its own: not to be seen when its fields are listed. */
function define(error: Error, name: 'message' | 'cause', value: unknown): void {
  Object.defineProperty(error, name, { value, configurable: true, writable: true });
}

/** What a structured clone gives back as it was, and no key bytes. */
function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isPlain);
  if (typeof value !== 'object' || value === null) {
    return typeof value !== 'function' && typeof value !== 'symbol';
  }
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain);
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
  if (event.type === 'drop') return reviveDrop(event);
  if (!('peer' in event)) return event;
  const peer = parsePublicKey(event.peer);
  if (event.type === 'peer') {
    const { endpoint, sessionKeys: keys } = event;
    return {
      ...event,
      peer,
      endpoint: endpoint && reviveEndpoint(endpoint),
      ...(keys && { sessionKeys: reviveSessionKeys(keys) }),
    };
  }
  if (event.type === 'handshake') return { ...event, peer, keys: reviveSessionKeys(event.keys) };
  if (event.type !== 'roam') return { ...event, peer };
  const { endpoint, previous } = event;
  return {
    ...event,
    peer,
    endpoint: reviveEndpoint(endpoint),
    previous: previous && reviveEndpoint(previous),
  };
}

function reviveSessionKeys({ own, peer }: SessionKeys): SessionKeys {
  return { own: parsePublicKey(own), peer: parsePublicKey(peer) };
}

function reviveDrop(event: DropEvent): DropEvent {
  const { peer, source } = event;
  return {
    ...event,
    ...(peer && { peer: parsePublicKey(peer) }),
    ...(source && { source: reviveEndpoint(source) }),
  };
}

function isSlice(answer: unknown): answer is SnapshotSlice {
  return (answer as Partial<SnapshotSlice> | undefined)?.snapshot !== undefined;
}

const PLAIN_ERRORS = new Map<string, new (message: string) => Error>([
  ['TypeError', TypeError],
  ['RangeError', RangeError],
]);
