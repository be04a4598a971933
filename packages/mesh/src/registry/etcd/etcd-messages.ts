/**
 * The messages of etcd's API that Litz uses, with the fields that it uses.
 *
 * Source of the field numbers: `api/etcdserverpb/rpc.proto` and `api/mvccpb/kv.proto` of etcd. The
 * numbers have not changed since etcd 3.0.
 *
 * @module
 */
import { messageCodec, type MessageCodec } from './message-codec.ts';

export interface ResponseHeader {
  readonly clusterId: bigint;
  readonly revision: bigint;
}

const responseHeader: MessageCodec<ResponseHeader> = messageCodec({
  clusterId: [1, 'int64'],
  revision: [3, 'int64'],
});

export interface KeyValue {
  readonly key: Uint8Array;
  readonly modRevision: bigint;
  readonly value: Uint8Array;
  /** The lease of the key; 0 if it has none. */
  readonly lease: bigint;
}

const keyValue: MessageCodec<KeyValue> = messageCodec({
  key: [1, 'bytes'],
  modRevision: [3, 'int64'],
  value: [5, 'bytes'],
  lease: [6, 'int64'],
});

export interface RangeRequest {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
  readonly limit: bigint;
  readonly revision: bigint;
}

/**
 * The request for the values of the keys from `key` up to `rangeEnd`, which is excluded. `limit` is
 * the largest number of keys in the answer; 0 means no limit. `revision` is the revision to read; 0
 * means the latest one.
 */
export const rangeRequest: MessageCodec<RangeRequest> = messageCodec({
  key: [1, 'bytes'],
  rangeEnd: [2, 'bytes'],
  limit: [3, 'int64'],
  revision: [4, 'int64'],
});

export interface RangeResponse {
  readonly header: ResponseHeader | undefined;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
}

/** The answer to `rangeRequest`. `more` is true if keys were left out because of the limit. */
export const rangeResponse: MessageCodec<RangeResponse> = messageCodec({
  header: [1, responseHeader],
  kvs: [2, keyValue, 'repeated'],
  more: [3, 'bool'],
});

export interface PutRequest {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lease: bigint;
}

const putRequest: MessageCodec<PutRequest> = messageCodec({
  key: [1, 'bytes'],
  value: [2, 'bytes'],
  lease: [3, 'int64'],
});

interface Compare {
  readonly target: number;
  readonly key: Uint8Array;
  readonly modRevision: bigint;
}

const compare: MessageCodec<Compare> = messageCodec({
  target: [2, 'int32'],
  key: [3, 'bytes'],
  modRevision: [6, 'int64'],
});

/**
 * The target of a comparison with the revision of the key's last change. This revision is 0 if the
 * key does not exist.
 */
export const COMPARE_MOD_REVISION = 2;

interface RequestOp {
  readonly put: Partial<PutRequest>;
}

const requestOp: MessageCodec<RequestOp> = messageCodec({ put: [2, putRequest] });

export interface TxnRequest {
  readonly compare: readonly Partial<Compare>[];
  readonly success: readonly RequestOp[];
}

/** A transaction: `success` is carried out if all comparisons are true. */
export const txnRequest: MessageCodec<TxnRequest> = messageCodec({
  compare: [1, compare, 'repeated'],
  success: [2, requestOp, 'repeated'],
});

export interface TxnResponse {
  readonly header: ResponseHeader | undefined;
  readonly succeeded: boolean;
}

/** The answer to `txnRequest`. `succeeded` is true if all comparisons were true. */
export const txnResponse: MessageCodec<TxnResponse> = messageCodec({
  header: [1, responseHeader],
  succeeded: [2, 'bool'],
});

export interface WatchCreateRequest {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
  readonly startRevision: bigint;
  readonly progressNotify: boolean;
  /** True if etcd may split large answers. Since etcd 3.4. */
  readonly fragment: boolean;
}

const watchCreateRequest: MessageCodec<WatchCreateRequest> = messageCodec({
  key: [1, 'bytes'],
  rangeEnd: [2, 'bytes'],
  startRevision: [3, 'int64'],
  progressNotify: [4, 'bool'],
  fragment: [8, 'bool'],
});

export interface WatchRequest {
  readonly create: Partial<WatchCreateRequest>;
  /** Requests a sign of life from etcd. Since etcd 3.4. */
  readonly progress: object;
}

/**
 * A message on the stream of watches: it starts a watch, or it requests the progress of the
 * watches.
 */
export const watchRequest: MessageCodec<WatchRequest> = messageCodec({
  create: [1, watchCreateRequest],
  progress: [3, messageCodec<object>({})],
});

export interface WatchEvent {
  /** 0 if the key was written, 1 if it was deleted. */
  readonly type: number;
  /** The key with its value. After a deletion, only the key and the revision are set. */
  readonly kv: KeyValue | undefined;
}

const watchEvent: MessageCodec<WatchEvent> = messageCodec({
  type: [1, 'int32'],
  kv: [2, keyValue],
});

/** The type of a `WatchEvent` if the key was deleted, or if its lease ended. */
export const EVENT_DELETED = 1;

export interface WatchResponse {
  readonly header: ResponseHeader | undefined;
  /** The number of the watch. It is negative in the answer to a progress request. */
  readonly watchId: bigint;
  readonly created: boolean;
  readonly canceled: boolean;
  /** Not 0 if the requested revision was compacted. */
  readonly compactRevision: bigint;
  readonly cancelReason: string;
  /** True if the next answer continues the same revision. */
  readonly fragment: boolean;
  readonly events: readonly WatchEvent[];
}

/**
 * A message from etcd on the stream of watches: events, the start or the end of a watch, or the
 * progress.
 */
export const watchResponse: MessageCodec<WatchResponse> = messageCodec({
  header: [1, responseHeader],
  watchId: [2, 'int64'],
  created: [3, 'bool'],
  canceled: [4, 'bool'],
  compactRevision: [5, 'int64'],
  cancelReason: [6, 'string'],
  fragment: [7, 'bool'],
  events: [11, watchEvent, 'repeated'],
});

export interface LeaseGrantRequest {
  /** In seconds. */
  readonly ttl: bigint;
}

/** The request for a new lease. etcd chooses the id of the lease. */
export const leaseGrantRequest: MessageCodec<LeaseGrantRequest> = messageCodec({
  ttl: [1, 'int64'],
});

/** The answer to a grant, to a renewal, or to a request for the remaining time. */
export interface LeaseResponse {
  readonly id: bigint;
  /** In seconds. The value is 0 or less if the lease no longer exists. */
  readonly ttl: bigint;
}

/** The answer to `leaseGrantRequest` and `leaseRequest`. */
export const leaseResponse: MessageCodec<LeaseResponse> = messageCodec({
  id: [2, 'int64'],
  ttl: [3, 'int64'],
});

/** Names a lease: to renew it, to end it, or to get the remaining time. */
export interface LeaseRequest {
  readonly id: bigint;
}

/** The request to renew a lease, to end it, or to get its remaining time. */
export const leaseRequest: MessageCodec<LeaseRequest> = messageCodec({ id: [1, 'int64'] });

export interface AuthenticateRequest {
  readonly name: string;
  readonly password: string;
}

/** The request for a token. It contains the password itself. */
export const authenticateRequest: MessageCodec<AuthenticateRequest> = messageCodec({
  name: [1, 'string'],
  password: [2, 'string'],
});

export interface AuthenticateResponse {
  readonly token: string;
}

/** The answer to `authenticateRequest`, with the token for the metadata of later requests. */
export const authenticateResponse: MessageCodec<AuthenticateResponse> = messageCodec({
  token: [2, 'string'],
});
