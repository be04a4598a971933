/**
 * Policy routing rules as rtnetlink messages.
 *
 * ```
 * fib_rule_hdr: u8 family | u8 destination length | u8 source length | u8 tos
 *             | u8 table | u8 | u8 | u8 action | u32 flags
 * ```
 *
 * Pure: messages to bytes and back.
 *
 * @module
 */
import { AF_INET, AF_INET6 } from '../constants.ts';
import { MessageBuilder } from './message-builder.ts';
import { readAttributes, viewOf } from './message-reader.ts';
import {
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  RT_TABLE_UNSPEC,
  RTM_DELRULE,
  RTM_GETRULE,
  RTM_NEWRULE,
} from './rtnetlink.ts';

const RULE_HEADER_LENGTH = 12;
const FR_ACT_TO_TBL = 1;
const FIB_RULE_INVERT = 0x2;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
/** Linux 4.17. */
const FRA_PROTOCOL = 21;
/** Nobody said who made the rule. */
const RTPROT_UNSPEC = 0;
/** The kernel reports "suppress nothing" as -1. */
const SUPPRESS_NOTHING = 0xffffffff;

/** "Look into `table`", for all packets or for some. */
export interface Rule {
  readonly family: 4 | 6;
  readonly table: number;
  /** Lower comes first; default: the kernel puts it in front of those there are (32765, 32764, ...). */
  readonly priority?: number;
  /** Only packets with this mark (SO_MARK). */
  readonly mark?: number;
  /** Which bits of the mark count; default: all. */
  readonly markMask?: number;
  /** All packets that do *not* match: `ip rule add not fwmark ...`. */
  readonly invert?: boolean;
  /** Passes over routes whose prefix is this long or shorter: 0 = ignore the default route. */
  readonly suppressPrefixLength?: number;
  /** Who made it, 1 to 255: `ip rule add ... protocol N`. The kernel only keeps it. */
  readonly protocol?: number;
}

/** A rule as the kernel has it. */
export interface InstalledRule extends Rule {
  readonly priority: number;
  /** False for rules that do something else than looking into a table. */
  readonly toTable: boolean;
}

export function addRuleMessage(rule: Rule): MessageBuilder {
  return ruleMessage(RTM_NEWRULE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, rule);
}

/** Deletes the first rule that has everything that is given here. */
export function deleteRuleMessage(rule: Rule): MessageBuilder {
  return ruleMessage(RTM_DELRULE, NLM_F_REQUEST | NLM_F_ACK, rule);
}

export function dumpRulesMessage(): MessageBuilder {
  const builder = new MessageBuilder(RTM_GETRULE, NLM_F_REQUEST | NLM_F_DUMP);
  return builder.struct(RULE_HEADER_LENGTH, () => {});
}

/** The rule of an RTM_NEWRULE or RTM_DELRULE payload; undefined if cut short or not IP. */
export function readRule(payload: Uint8Array): InstalledRule | undefined {
  if (payload.length < RULE_HEADER_LENGTH) return undefined;
  const view = viewOf(payload);
  const family = view.getUint8(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const attributes = readAttributes(payload, RULE_HEADER_LENGTH);
  const mark = attributes.u32(FRA_FWMARK);
  const markMask = attributes.u32(FRA_FWMASK);
  const suppress = attributes.u32(FRA_SUPPRESS_PREFIXLEN);
  const protocol = attributes.u8(FRA_PROTOCOL) ?? RTPROT_UNSPEC;
  return {
    family: family === AF_INET ? 4 : 6,
    table: attributes.u32(FRA_TABLE) ?? view.getUint8(4),
    priority: attributes.u32(FRA_PRIORITY) ?? 0,
    toTable: view.getUint8(7) === FR_ACT_TO_TBL,
    ...(mark === undefined ? {} : { mark }),
    ...(markMask === undefined ? {} : { markMask }),
    ...((view.getUint32(8, true) & FIB_RULE_INVERT) === 0 ? {} : { invert: true }),
    ...(suppress === undefined || suppress === SUPPRESS_NOTHING
      ? {}
      : { suppressPrefixLength: suppress }),
    ...(protocol === RTPROT_UNSPEC ? {} : { protocol }),
  };
}

function ruleMessage(type: number, flags: number, rule: Rule): MessageBuilder {
  const { table, priority, mark, markMask, suppressPrefixLength, protocol } = rule;
  const builder = new MessageBuilder(type, flags).struct(RULE_HEADER_LENGTH, (view) => {
    view.setUint8(0, rule.family === 4 ? AF_INET : AF_INET6);
    // Eight bits are too few for a table; the attribute has the number.
    view.setUint8(4, table < 256 ? table : RT_TABLE_UNSPEC);
    view.setUint8(7, FR_ACT_TO_TBL);
    view.setUint32(8, rule.invert ? FIB_RULE_INVERT : 0, true);
  });
  builder.u32(FRA_TABLE, table);
  if (priority !== undefined) builder.u32(FRA_PRIORITY, priority);
  if (mark !== undefined) builder.u32(FRA_FWMARK, mark);
  if (markMask !== undefined) builder.u32(FRA_FWMASK, markMask);
  if (suppressPrefixLength !== undefined) {
    builder.u32(FRA_SUPPRESS_PREFIXLEN, suppressPrefixLength);
  }
  if (protocol !== undefined) builder.u8(FRA_PROTOCOL, protocol);
  return builder;
}
