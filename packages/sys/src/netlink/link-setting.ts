/**
 * What the kernel tells of the settings of a link in `net.ipv4.conf`, when somebody writes one of those
 * that it tells of: `rp_filter`, `forwarding` and a few more.
 *
 * ```
 *   struct netconfmsg: u8 family | 3 bytes to the next multiple of 4
 *   NETCONFA_IFINDEX s32, and the setting that was written
 * ```
 * @module
 */
import { AF_INET } from '../constants.ts';
import { readAttributes } from './message-reader.ts';

/** A reverse path filter was written. */
export interface FilterSetting {
  /** -1: `conf/all`; -2: `conf/default`. */
  readonly interfaceIndex: number;
  /** 0, 1 (strict) or 2 (loose). */
  readonly reversePathFilter: number;
}

/** Of an RTM_NEWNETCONF payload; undefined if it is cut short, or about another setting. */
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
