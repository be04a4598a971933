/**
 * `osslParams`: arrays of OSSL_PARAM, in which OpenSSL 3 takes settings.
 *
 * ```
 * OSSL_PARAM: char *key | u32 type | u32 padding | void *data | u64 data size | u64 return size
 * ```
 *
 * The array ends with an entry of zeros.
 *
 * @module
 */
import { allocate, type Region } from '@litz/sys';

/** One OSSL_PARAM: a named value that a function of OpenSSL reads. */
export interface OsslParam {
  readonly key: string;
  readonly type: 'integer' | 'octets';
  /** Address of the data that OpenSSL reads. */
  readonly data: number;
  /** Length of the data in bytes. */
  readonly length: number;
}

/** Returns one region with the array and its keys. The data is not copied. */
export function osslParams(params: readonly OsslParam[]): Region {
  const keysAt = (params.length + 1) * PARAM_LENGTH;
  const region = allocate(keysAt + params.length * KEY_LENGTH);
  const { bytes, view, address } = region;
  for (const [i, { key, type, data, length }] of params.entries()) {
    const keyAt = keysAt + i * KEY_LENGTH;
    bytes.set(new TextEncoder().encode(key), keyAt);
    const at = i * PARAM_LENGTH;
    view.setBigUint64(at, BigInt(address + keyAt), true);
    view.setUint32(at + 8, TYPES[type], true);
    view.setBigUint64(at + 16, BigInt(data), true);
    view.setBigUint64(at + 24, BigInt(length), true);
  }
  return region;
}

const PARAM_LENGTH = 40;
/** Bytes for a key with its final zero. */
const KEY_LENGTH = 16;
const TYPES = { integer: 2, octets: 5 } as const;
