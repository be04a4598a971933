/**
 * Policy routing rules as rtnetlink messages.
 *
 * ```
 * fib_rule_hdr: u8 family | u8 destination length | u8 source length | u8 tos
 *             | u8 table | u8 | u8 | u8 action | u32 flags
 * ```
 *
 * Pure functions: they convert messages to bytes and back.
 *
 * @module
 */
import { AF_INET, AF_INET6 } from '../constants.ts';
import { MessageBuilder } from './message-builder.ts';
import { readAttributes, viewOf, type Attributes } from './message-reader.ts';
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

/**
 * An address of 4 or 16 bytes, and how many of its bits are compared. The bits after the prefix are
 * zero.
 */
export interface RulePrefix {
  readonly address: Uint8Array;
  readonly prefixLength: number;
}

/** A rule: for the packets to which it applies, the kernel looks for a route in `table`. */
export interface Rule {
  /** The rule applies to packets of this family only. */
  readonly family: 4 | 6;
  /** The number of the routing table. */
  readonly table: number;
  /**
   * The rule with the lower number comes first. Default: the kernel puts the rule in front of the
   * existing ones (32765, 32764, ...).
   */
  readonly priority?: number;
  /** Only packets with this mark (SO_MARK). */
  readonly mark?: number;
  /** Which bits of the mark are compared. Default: all. */
  readonly markMask?: number;
  /** Only packets to these addresses. */
  readonly to?: RulePrefix;
  /** Only packets from these addresses. */
  readonly from?: RulePrefix;
  /**
   * Only packets of this protocol: 6 is TCP, 17 is UDP. Linux 4.17; an older kernel refuses the
   * rule.
   */
  readonly ipProtocol?: number;
  /** Only packets from this port. Needs `ipProtocol`. */
  readonly sourcePort?: number;
  /** Only packets to this port. Needs `ipProtocol`. */
  readonly destinationPort?: number;
  /** If true, the rule applies to all packets that do *not* match: `ip rule add not fwmark ...`. */
  readonly invert?: boolean;
  /** Ignores routes whose prefix is this long or shorter: 0 ignores the default route. */
  readonly suppressPrefixLength?: number;
  /**
   * The program that made the rule, 1 to 255: `ip rule add ... protocol N`. The kernel only stores
   * it.
   */
  readonly protocol?: number;
}

/** A rule of the kernel. */
export interface InstalledRule extends Rule {
  readonly priority: number;
  /** False for a rule that does not look into a table. */
  readonly toTable: boolean;
  /**
   * Set if the rule has conditions that are not included here: interfaces, a type of service,
   * users, ranges of ports.
   */
  readonly hasOtherConditions?: true;
}

/** RTM_NEWRULE of a new rule. The kernel refuses a rule that exists already. */
export function addRuleMessage(rule: Rule): MessageBuilder {
  return ruleMessage(RTM_NEWRULE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, rule);
}

/** RTM_DELRULE of the first rule that has all given properties. */
export function deleteRuleMessage(rule: Rule): MessageBuilder {
  return ruleMessage(RTM_DELRULE, NLM_F_REQUEST | NLM_F_ACK, rule);
}

/** RTM_GETRULE of all rules of both families. */
export function dumpRulesMessage(): MessageBuilder {
  const builder = new MessageBuilder(RTM_GETRULE, NLM_F_REQUEST | NLM_F_DUMP);
  return builder.struct(RULE_HEADER_LENGTH, () => {});
}

/**
 * Returns the rule of an RTM_NEWRULE or RTM_DELRULE payload; undefined if the payload is incomplete
 * or not IP.
 */
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
  const ipProtocol = attributes.u8(FRA_IP_PROTO) ?? 0;
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
    ...prefixIn(attributes, 'to', FRA_DST, view.getUint8(1)),
    ...prefixIn(attributes, 'from', FRA_SRC, view.getUint8(2)),
    ...(ipProtocol === 0 ? {} : { ipProtocol }),
    ...portIn(attributes, 'sourcePort', FRA_SPORT_RANGE),
    ...portIn(attributes, 'destinationPort', FRA_DPORT_RANGE),
    ...(hasOtherConditions(attributes, view.getUint8(3)) ? { hasOtherConditions: true } : {}),
  };
}

function prefixIn(
  attributes: Attributes,
  name: 'to' | 'from',
  type: number,
  prefixLength: number,
): { to?: RulePrefix; from?: RulePrefix } {
  const address = attributes.bytes(type);
  return address && prefixLength > 0 ? { [name]: { address, prefixLength } } : {};
}

/**
 * Reads a struct fib_rule_port_range: u16 first | u16 last. Returns a port only if the first and
 * the last port are the same.
 */
function portIn(
  attributes: Attributes,
  name: 'sourcePort' | 'destinationPort',
  type: number,
): { sourcePort?: number; destinationPort?: number } {
  const [first, last] = portRange(attributes, type);
  return first !== 0 && first === last ? { [name]: first } : {};
}

function portRange(attributes: Attributes, type: number): [first: number, last: number] {
  const range = attributes.bytes(type);
  if (!range || range.length < 4) return [0, 0];
  return [viewOf(range).getUint16(0, true), viewOf(range).getUint16(2, true)];
}

function hasOtherConditions(attributes: Attributes, tos: number): boolean {
  const isWide = [FRA_SPORT_RANGE, FRA_DPORT_RANGE].some((type) => {
    const [first, last] = portRange(attributes, type);
    return first !== last;
  });
  const others = [FRA_IIFNAME, FRA_OIFNAME, FRA_UID_RANGE];
  return isWide || tos !== 0 || others.some((type) => attributes.bytes(type) !== undefined);
}

function ruleMessage(type: number, flags: number, rule: Rule): MessageBuilder {
  const { table, priority, mark, markMask, suppressPrefixLength, protocol, to, from } = rule;
  const { ipProtocol, sourcePort, destinationPort } = rule;
  const builder = new MessageBuilder(type, flags).struct(RULE_HEADER_LENGTH, (view) => {
    view.setUint8(0, rule.family === 4 ? AF_INET : AF_INET6);
    view.setUint8(1, to?.prefixLength ?? 0);
    view.setUint8(2, from?.prefixLength ?? 0);
    // A table number may need more than eight bits; the attribute has the whole number.
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
  if (to) builder.bytes(FRA_DST, to.address);
  if (from) builder.bytes(FRA_SRC, from.address);
  if (ipProtocol !== undefined) builder.u8(FRA_IP_PROTO, ipProtocol);
  if (sourcePort !== undefined) builder.bytes(FRA_SPORT_RANGE, portBytes(sourcePort));
  if (destinationPort !== undefined) builder.bytes(FRA_DPORT_RANGE, portBytes(destinationPort));
  return builder;
}

function portBytes(port: number): Uint8Array {
  const range = new Uint8Array(4);
  viewOf(range).setUint16(0, port, true);
  viewOf(range).setUint16(2, port, true);
  return range;
}

const RULE_HEADER_LENGTH = 12;
const FR_ACT_TO_TBL = 1;
const FIB_RULE_INVERT = 0x2;
const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_OIFNAME = 17;
const FRA_UID_RANGE = 20;
/** Linux 4.17, like the three constants after it. */
const FRA_PROTOCOL = 21;
const FRA_IP_PROTO = 22;
const FRA_SPORT_RANGE = 23;
const FRA_DPORT_RANGE = 24;
/** No program is named as the maker of the rule. */
const RTPROT_UNSPEC = 0;
/** The kernel reports "suppress nothing" as -1. */
const SUPPRESS_NOTHING = 0xffffffff;
