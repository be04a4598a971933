/**
 * `readFilterSetting`: reads notifications of a link's settings in `net.ipv4.conf`. The kernel
 * sends a notification when `rp_filter`, `forwarding` or one of a few other settings is written.
 *
 * ```
 *   struct netconfmsg: u8 family | 3 bytes to the next multiple of 4
 *   NETCONFA_IFINDEX s32, and the setting that was written
 * ```
 *
 * @module
 */
import { AF_INET } from '../constants.ts';
import { readAttributes } from './message-reader.ts';

/** A reverse path filter that was written. */
export interface FilterSetting {
  /** Number of the link; -1: `conf/all`; -2: `conf/default`. */
  readonly interfaceIndex: number;
  /** 0 (none), 1 (strict) or 2 (loose). */
  readonly reversePathFilter: number;
}

/**
 * Returns the filter of an RTM_NEWNETCONF payload; undefined if the payload is incomplete or about
 * another setting.
 */
export function readFilterSetting(payload: Uint8Array): FilterSetting | undefined {
  if (payload.length < HEADER_LENGTH || payload[0] !== AF_INET) return undefined;
  const attributes = readAttributes(payload, HEADER_LENGTH);
  const index = attributes.u32(NETCONFA_IFINDEX);
  const reversePathFilter = attributes.u32(NETCONFA_RP_FILTER);
  if (index === undefined || reversePathFilter === undefined) return undefined;
  return { interfaceIndex: index | 0, reversePathFilter };
}

const HEADER_LENGTH = 4;
const NETCONFA_IFINDEX = 1;
const NETCONFA_RP_FILTER = 3;
