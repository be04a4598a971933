/**
 * Messages between the main thread and the packet loop's thread. A structured clone loses the class
 * of endpoints and keys, and the fields of errors; the functions here restore them.
 *
 * A thread that sleeps in poll runs no message handlers. So the sender queues a message and writes
 * to the eventfd, and the thread then reads the queue (`receiveMessageOnPort`).
 *
 * @module
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import {
  Endpoint,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  WireGuardError,
  type PeerConfiguration,
  type SessionStaticKeys,
  type WireGuardErrorCode,
} from '@litz/core';
import {
  ConfigError,
  UapiError,
  wipeSecrets,
  type ConfigProblem,
  type DeviceConfiguration,
} from '@litz/config';
import type { PeerToApply, Steps } from '@litz/core/internals';
import { wipe } from '@litz/core/internals';
import type { CipherThreadStart } from '@litz/openssl';
import type * as Sys from '@litz/sys';
import type { CheckedDeviceChange } from '../plane/data-plane.ts';
import type { PlaneEvent } from '../plane/plane-event.ts';
import type { CryptoStatus, DeviceRequest } from '../driver.ts';
import type { DropEvent } from '../plane/drop-report.ts';
import type { DeviceSnapshot, SnapshotSlice } from '../device-status.ts';
import { isSavedDevice, type SavedSettings } from '../hand-over/saved-device.ts';
import type { CommonSettings } from '../options.ts';
import { packPrefixes, readPrefixes, unpackPrefixes } from './packed-prefixes.ts';
import { packSecrets, wipeBuffer } from './secret-buffer.ts';

/** The first message to the packet loop's thread. */
export interface WorkerStart {
  readonly tunName: string;
  /**
   * Whether a worker thread started this one. That worker can be terminated, and this thread gets
   * no notice of it.
   */
  readonly isNested: boolean;
  readonly settings: CommonSettings;
  /**
   * Set if the device continues the device of another process: the offloads of that process's TUN.
   */
  readonly takesOver?: Pick<SavedSettings, 'offloads'>;
  /** The buffer that holds the secrets of `settings`. The receiver wipes it. */
  readonly secrets: ArrayBuffer;
}

/** A request to the thread of a packet loop, which must answer it. */
export interface RequestMessage {
  readonly id: number;
  readonly request: DeviceRequest;
  /** The buffer that holds the secrets of `request`. The receiver wipes it. */
  readonly secrets?: ArrayBuffer;
}

/**
 * Some of the peers of a `configure` request that has very many. These messages come before the
 * request, in the order of the peers, and the request itself has the last peers. Packets pass
 * between two messages. If one message had 100,000 peers, packets would wait long for its clone.
 */
export interface PeersMessage {
  readonly peers: readonly PeerConfiguration[];
  /** The buffer that holds the secrets of `peers`. The receiver wipes it. */
  readonly secrets: ArrayBuffer;
}

/** A message from the thread of a packet loop. */
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
      /** The buffer that holds the secrets of `answer`. The receiver wipes it. */
      readonly secrets?: ArrayBuffer;
    }
  | { readonly type: 'refused'; readonly id: number; readonly error: ErrorMessage }
  | { readonly type: 'event'; readonly event: PlaneEvent }
  /** Asks for one more thread that helps to seal and open. */
  | { readonly type: 'thread'; readonly start: CipherThreadStart }
  /** The reader of a capture waits, and there is something to read. */
  | { readonly type: 'captured'; readonly id: number }
  /** Something failed, and the device continues. */
  | { readonly type: 'error'; readonly error: ErrorMessage }
  /**
   * The thread ends because of this error. Before `open` it means that the device could not be
   * opened.
   */
  | { readonly type: 'failed'; readonly error: ErrorMessage };

/** The parts of an error that a structured clone keeps. */
export interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /**
   * The error's own fields that are plain data: `code`, and for a system error also `errno`,
   * `errnoNumber`, `syscall`.
   */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause?: ErrorMessage;
}

/**
 * The class `SystemError` of `@litz/sys`. That package is loaded only where system calls are
 * possible.
 */
export type SystemErrorClass = typeof Sys.SystemError;

/**
 * Sends a message.
 *
 * @param transferred a buffer of the message that is transferred to the receiver
 */
export function post(
  port: MessagePort,
  message: WorkerStart | RequestMessage | PeersMessage | WorkerMessage,
  transferred?: ArrayBuffer,
): void {
  port.postMessage(message, transferred ? [transferred] : []);
}

/**
 * Sends a request. Secrets are copied into a buffer that is transferred with it. The state of a
 * `rehearse` or an `adopt` request is not copied but transferred.
 */
export function postRequest(port: MessagePort, id: number, request: DeviceRequest): void {
  if (request.type === 'rehearse' || request.type === 'adopt') {
    const secrets = request.saved.state.buffer as ArrayBuffer;
    return post(port, { id, request, secrets }, secrets);
  }
  if (request.type !== 'configure') return post(port, { id, request });
  const { peers = [] } = request.change;
  let sent = 0;
  for (; peers.length - sent > PEERS_IN_MESSAGE; sent += PEERS_IN_MESSAGE) {
    const part = { peers: peers.slice(sent, sent + PEERS_IN_MESSAGE) };
    const { value, buffer: secrets } = packSecrets(packPrefixes(part));
    post(port, { ...value, secrets }, secrets);
  }
  const last = sent === 0 ? request.change : { ...request.change, peers: peers.slice(sent) };
  const { value: change, buffer: secrets } = packSecrets(packPrefixes(last));
  return post(port, { id, request: { ...request, change }, secrets }, secrets);
}

/**
 * Sends an answer. The secrets of a snapshot are copied into a buffer that is transferred, and the
 * originals are wiped. A saved state is copied into memory that both threads share, and the
 * original is wiped. A state is not transferred, because at the first transfer V8 throws away all
 * compiled code that reads bytes. Then the packets just before a hand-over would be slow.
 */
export function postAnswer(port: MessagePort, id: number, answer: unknown): void {
  if (isSavedDevice(answer)) {
    const state = new Uint8Array(new SharedArrayBuffer(answer.state.length));
    state.set(answer.state);
    wipe(answer.state);
    return post(port, { type: 'answer', id, answer: { ...answer, state } });
  }
  if (!isSlice(answer)) return post(port, { type: 'answer', id, answer });
  const { value: snapshot, buffer: secrets } = packSecrets(packPrefixes(answer.snapshot));
  wipeSecrets(answer.snapshot);
  return post(port, { type: 'answer', id, answer: { ...answer, snapshot }, secrets }, secrets);
}

/** Returns the answer with its classes restored. Wipes the buffer of secrets after copying them. */
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
      ...(peer.sessionStaticKeys && {
        sessionStaticKeys: reviveSessionStaticKeys(peer.sessionStaticKeys),
      }),
      allowedIps: unpackPrefixes(peer.allowedIps as unknown as Uint8Array),
      ...(peer.presharedKey && { presharedKey: parsePresharedKey(peer.presharedKey) }),
    })),
  };
  wipeBuffer(secrets);
  return { ...answer, snapshot };
}

/** Takes the queued messages of a port, without waiting. */
export function* queuedMessages<Message>(port: MessagePort): Generator<Message, void, undefined> {
  for (;;) {
    const received: { message: Message } | undefined = receiveMessageOnPort(port);
    if (!received) return;
    yield received.message;
  }
}

/**
 * Returns the parts of an error that a structured clone keeps, with those of its causes. If the
 * thrown value is no error, its text becomes the message of an error.
 */
export function toErrorMessage(thrown: unknown): ErrorMessage {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { name, message, stack, cause } = error;
  const fields = Object.fromEntries(
    Object.entries(error).filter(([key, value]) => key !== 'name' && isPlain(value)),
  );
  const inner = cause instanceof Error ? { cause: toErrorMessage(cause) } : {};
  return { name, message, stack, fields, ...inner };
}

/**
 * Returns an error with the class, fields, stack and cause of the original.
 *
 * @param systemError without it, a system error becomes a `WireGuardError` with the same fields
 */
export function fromErrorMessage(thrown: ErrorMessage, systemError?: SystemErrorClass): Error {
  const { name, message, stack, fields, cause } = thrown;
  const error = create(thrown, systemError);
  // The constructor of a Litz class may compose its message from its arguments.
  if (error.message !== message) define(error, 'message', message);
  Object.assign(error, fields);
  if (error.name !== name) error.name = name;
  if (stack !== undefined) error.stack = stack;
  if (cause) define(error, 'cause', fromErrorMessage(cause, systemError));
  return error;
}

/** Returns an endpoint with its class restored. */
export function reviveEndpoint(endpoint: Endpoint): Endpoint {
  const { address, port, scopeId, zone, sourceAddress, sourceInterface } = endpoint;
  return new Endpoint(address, port, {
    scopeId,
    sourceInterface,
    ...(zone !== undefined && { zone }),
    ...(sourceAddress && { sourceAddress }),
  });
}

/**
 * Restores, in steps, the classes of a change that was sent to this thread. The fields of the
 * change were checked before it was sent.
 */
export function* reviveChange(change: DeviceConfiguration): Steps<CheckedDeviceChange> {
  const peers: PeerToApply[] = [];
  for (const peer of change.peers ?? []) {
    peers.push(revivePeer(peer));
    yield;
  }
  const { listenPort, fwmark, privateKey, nextPrivateKey, replacePeers = false } = change;
  return { listenPort, fwmark, privateKey, nextPrivateKey, replacePeers, peers };
}

/** Restores the endpoints of the peers of a configuration or a status. */
export function revivePeers<Peer extends { endpoint?: Endpoint }>(peers: readonly Peer[]): Peer[] {
  return peers.map((peer) =>
    peer.endpoint ? { ...peer, endpoint: reviveEndpoint(peer.endpoint) } : peer,
  );
}

/** Returns the event with its classes restored: keys, endpoints. */
export function reviveEvent(event: PlaneEvent): PlaneEvent {
  if (event.type === 'drop') return reviveDrop(event);
  if (!('peer' in event)) return event;
  const peer = parsePublicKey(event.peer);
  if (event.type === 'peer') {
    const { endpoint, sessionStaticKeys: keys } = event;
    return {
      ...event,
      peer,
      endpoint: endpoint && reviveEndpoint(endpoint),
      ...(keys && { sessionStaticKeys: reviveSessionStaticKeys(keys) }),
    };
  }
  if (event.type === 'unanswered') {
    return { ...event, peer, endpoint: event.endpoint && reviveEndpoint(event.endpoint) };
  }
  if (event.type === 'handshake')
    return { ...event, peer, keys: reviveSessionStaticKeys(event.keys) };
  if (event.type !== 'roam') return { ...event, peer };
  const { endpoint, previous } = event;
  return {
    ...event,
    peer,
    endpoint: reviveEndpoint(endpoint),
    previous: previous && reviveEndpoint(previous),
  };
}

function revivePeer({ allowedIps, ...peer }: PeerConfiguration): PeerToApply {
  const { publicKey, nextPublicKey, endpoint } = peer;
  return {
    ...peer,
    publicKey: parsePublicKey(publicKey),
    ...(nextPublicKey && { nextPublicKey: parsePublicKey(nextPublicKey) }),
    ...(endpoint && { endpoint: reviveEndpoint(endpoint) }),
    ...(allowedIps && {
      allowedIps: isPacked(allowedIps) ? readPrefixes(allowedIps) : allowedIps,
    }),
  };
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

/** Defines a property that is not enumerable, like the own properties of errors. */
function define(error: Error, name: 'message' | 'cause', value: unknown): void {
  Object.defineProperty(error, name, { value, configurable: true, writable: true });
}

/**
 * Whether the value is plain data, which a structured clone keeps as it is. False for typed arrays,
 * which may be keys.
 */
function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isPlain);
  if (typeof value !== 'object' || value === null) {
    return typeof value !== 'function' && typeof value !== 'symbol';
  }
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain);
}

/** Returns whether the prefixes are packed, as they are in a message from another thread. */
function isPacked(allowedIps: unknown): allowedIps is Uint8Array {
  return allowedIps instanceof Uint8Array;
}

function reviveSessionStaticKeys({ own, peer }: SessionStaticKeys): SessionStaticKeys {
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

// Reading a message with this many peers takes a fraction of a millisecond.
const PEERS_IN_MESSAGE = 64;

const PLAIN_ERRORS = new Map<string, new (message: string) => Error>([
  ['TypeError', TypeError],
  ['RangeError', RangeError],
]);
