/**
 * The messages of etcd's API that are used here, with those of their fields that are.
 *
 * The numbers are etcd's: `api/etcdserverpb/rpc.proto` and `api/mvccpb/kv.proto`, the same from 3.0 on.
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
  /** 0: none. */
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

/** Of the targets of a comparison: the revision of the last change; 0 where there is no such key. */
export const COMPARE_MOD_REVISION = 2;

interface RequestOp {
  readonly put: Partial<PutRequest>;
}

const requestOp: MessageCodec<RequestOp> = messageCodec({ put: [2, putRequest] });

export interface TxnRequest {
  readonly compare: readonly Partial<Compare>[];
  readonly success: readonly RequestOp[];
}

export const txnRequest: MessageCodec<TxnRequest> = messageCodec({
  compare: [1, compare, 'repeated'],
  success: [2, requestOp, 'repeated'],
});

export interface TxnResponse {
  readonly header: ResponseHeader | undefined;
  readonly succeeded: boolean;
}

export const txnResponse: MessageCodec<TxnResponse> = messageCodec({
  header: [1, responseHeader],
  succeeded: [2, 'bool'],
});

export interface WatchCreateRequest {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
  readonly startRevision: bigint;
  readonly progressNotify: boolean;
  /** Answers may be cut where they are large; from 3.4 on. */
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
  /** Asks for a sign of life; from 3.4 on. */
  readonly progress: object;
}

export const watchRequest: MessageCodec<WatchRequest> = messageCodec({
  create: [1, watchCreateRequest],
  progress: [3, messageCodec<object>({})],
});

export interface WatchEvent {
  /** 0: written, 1: deleted. */
  readonly type: number;
  /** Of a deletion, the key and the revision. */
  readonly kv: KeyValue | undefined;
}

const watchEvent: MessageCodec<WatchEvent> = messageCodec({
  type: [1, 'int32'],
  kv: [2, keyValue],
});

export const EVENT_DELETED = 1;

export interface WatchResponse {
  readonly header: ResponseHeader | undefined;
  /** Less than 0 in the answer to a question for progress. */
  readonly watchId: bigint;
  readonly created: boolean;
  readonly canceled: boolean;
  /** Not 0: what was asked for is no longer kept. */
  readonly compactRevision: bigint;
  readonly cancelReason: string;
  /** The next answer goes on with the same revision. */
  readonly fragment: boolean;
  readonly events: readonly WatchEvent[];
}

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
  /** Seconds. */
  readonly ttl: bigint;
}

export const leaseGrantRequest: MessageCodec<LeaseGrantRequest> = messageCodec({
  ttl: [1, 'int64'],
});

/** An answer to a grant, to a renewal, or to the question for the time that is left. */
export interface LeaseResponse {
  readonly id: bigint;
  /** Seconds; 0 or less: there is no such lease any more. */
  readonly ttl: bigint;
}

export const leaseResponse: MessageCodec<LeaseResponse> = messageCodec({
  id: [2, 'int64'],
  ttl: [3, 'int64'],
});

/** Names a lease, to renew it, to end it, or to ask for the time that is left. */
export interface LeaseRequest {
  readonly id: bigint;
}

export const leaseRequest: MessageCodec<LeaseRequest> = messageCodec({ id: [1, 'int64'] });

export interface AuthenticateRequest {
  readonly name: string;
  readonly password: string;
}

export const authenticateRequest: MessageCodec<AuthenticateRequest> = messageCodec({
  name: [1, 'string'],
  password: [2, 'string'],
});

export interface AuthenticateResponse {
  readonly token: string;
}

export const authenticateResponse: MessageCodec<AuthenticateResponse> = messageCodec({
  token: [2, 'string'],
});
