/**
 * Checks of `Netlink`'s arguments. Without them, the kernel would read only the lower bits of large
 * numbers, and names only up to a zero byte.
 *
 * @module
 */
import {
  checkAddress,
  checkDescriptor,
  checkFlag,
  checkInteger,
  checkObject,
  checkString,
} from '../arguments.ts';
import type { AddressOptions, InterfaceAddress } from './interface-address.ts';
import type { LinkSettings, VethOptions } from './link.ts';
import { TYPE_NUMBERS, type Route, type RouteToOptions } from './route.ts';
import type { Rule, RulePrefix } from './rule.ts';

/**
 * Checks the name of a link, or a template with `%d` for a name. Throws as {@link checkString}
 * does.
 */
export function checkLinkName(name: string, value: unknown): void {
  checkString(name, value, LONGEST_NAME);
}

/** Checks the number of a link; 0 means no link. */
export function checkIndex(name: string, value: unknown): void {
  checkInteger(name, value, 0, LARGEST_INDEX);
}

/**
 * Checks a firewall mark, or the mask of a mark: an integer of 32 bits.
 * @throws {TypeError | RangeError} the message contains `name`
 */
export function checkMark(name: string, value: unknown): void {
  checkInteger(name, value, 0, LARGEST_U32);
}

/**
 * Checks the number of a routing table: an integer of 32 bits.
 * @throws {TypeError | RangeError} the message names "table"
 */
export function checkTable(value: unknown): void {
  checkInteger('table', value, 0, LARGEST_U32);
}

/**
 * Checks the fields of a change of a link.
 * @throws {TypeError | RangeError} the message names the field
 */
export function checkLinkSettings(settings: LinkSettings): void {
  checkObject('change', settings);
  const { up, mtu, name, txQueueLength, netns } = settings;
  checkFlag('up', up);
  if (mtu !== undefined) checkInteger('mtu', mtu, 0, LARGEST_INDEX);
  if (name !== undefined) checkLinkName('name', name);
  if (txQueueLength !== undefined) checkInteger('txQueueLength', txQueueLength, 0, LARGEST_U32);
  if (netns !== undefined) checkDescriptor('netns', netns);
  const { reversePathFilter, ipv6AddressGeneration: generation } = settings;
  if (reversePathFilter !== undefined) checkInteger('reversePathFilter', reversePathFilter, 0, 2);
  if (generation === undefined || generation === 'eui64' || generation === 'none') return;
  throw new TypeError(
    `"ipv6AddressGeneration" expected eui64 or none, got ${JSON.stringify(generation)}`,
  );
}

/**
 * Checks the options of `Netlink.createVeth`.
 * @throws {TypeError | RangeError} the message names the option
 */
export function checkVethOptions(options: VethOptions): void {
  checkObject('options', options);
  if (options.mtu !== undefined) checkInteger('mtu', options.mtu, 0, LARGEST_INDEX);
  if (options.peerNetns !== undefined) checkDescriptor('peerNetns', options.peerNetns);
}

/**
 * Checks an address with its prefix length. `peer` must be of the same family.
 * @throws {TypeError | RangeError} the message names the field
 */
export function checkInterfaceAddress(value: InterfaceAddress): void {
  checkObject('address', value);
  const { address, prefixLength, peer } = value;
  checkAddress('address', address);
  checkInteger('prefixLength', prefixLength, 0, address.length * 8);
  if (peer === undefined) return;
  checkAddress('peer', peer);
  if (peer.length === address.length) return;
  throw new TypeError(`"peer" expected ${address.length} bytes like "address", got ${peer.length}`);
}

/**
 * Checks the options of `Netlink.addAddress`.
 * @throws {TypeError} the message names the option
 */
export function checkAddressOptions(options: AddressOptions): void {
  checkObject('options', options);
  checkFlag('noDad', options.noDad);
  checkFlag('noPrefixRoute', options.noPrefixRoute);
}

/**
 * Checks the fields of a route.
 * @throws {TypeError | RangeError} the message names the field
 */
export function checkRoute(route: Route): void {
  checkObject('route', route);
  const { destination, prefixLength, interfaceIndex, gateway, source, type } = route;
  checkAddress('destination', destination);
  checkInteger('prefixLength', prefixLength, 0, destination.length * 8);
  if (interfaceIndex !== undefined) checkIndex('interfaceIndex', interfaceIndex);
  if (gateway !== undefined) checkAddress('gateway', gateway);
  if (source !== undefined) checkAddress('source', source);
  if (route.table !== undefined) checkTable(route.table);
  if (route.metric !== undefined) checkInteger('metric', route.metric, 0, LARGEST_U32);
  if (route.mtu !== undefined) checkInteger('mtu', route.mtu, 0, LARGEST_U32);
  if (route.protocol !== undefined) checkInteger('protocol', route.protocol, 0, LARGEST_U8);
  if (route.scope !== undefined) checkInteger('scope', route.scope, 0, LARGEST_U8);
  if (type === undefined || Object.hasOwn(TYPE_NUMBERS, type)) return;
  const names = Object.keys(TYPE_NUMBERS).join(', ');
  throw new TypeError(`"type" expected one of ${names}, got ${JSON.stringify(type)}`);
}

/**
 * Checks what is done with a route.
 * @throws {TypeError} the action is not add, replace or delete
 */
export function checkRouteAction(action: unknown): void {
  if (action === 'add' || action === 'replace' || action === 'delete') return;
  throw new TypeError(`"action" expected add, replace or delete, got ${String(action)}`);
}

/**
 * Checks the options of `Netlink.routeTo`.
 * @param length number of bytes of the destination
 */
export function checkRouteToOptions(options: RouteToOptions, length: number): void {
  checkObject('options', options);
  const { mark, source, udp } = options;
  if (mark !== undefined) checkMark('mark', mark);
  if (source !== undefined) checkAddress('source', source);
  if (source !== undefined && source.length !== length) {
    throw new TypeError(`"source" expected ${length} bytes like "address", got ${source.length}`);
  }
  if (udp === undefined) return;
  checkObject('udp', udp);
  checkInteger('sourcePort', udp.sourcePort, 0, 0xffff);
  checkInteger('destinationPort', udp.destinationPort, 0, 0xffff);
}

/**
 * Checks a family of addresses.
 * @throws {TypeError} the family is neither 4 nor 6
 */
export function checkFamily(family: unknown): void {
  if (family === 4 || family === 6) return;
  throw new TypeError(`"family" expected 4 or 6, got ${String(family)}`);
}

/**
 * Checks the fields of a rule. `to` and `from` must be of the rule's family.
 * @throws {TypeError | RangeError} the message names the field
 */
export function checkRule(rule: Rule): void {
  checkObject('rule', rule);
  checkFamily(rule.family);
  checkTable(rule.table);
  if (rule.priority !== undefined) checkInteger('priority', rule.priority, 0, LARGEST_U32);
  if (rule.mark !== undefined) checkMark('mark', rule.mark);
  if (rule.markMask !== undefined) checkMark('markMask', rule.markMask);
  checkFlag('invert', rule.invert);
  if (rule.suppressPrefixLength !== undefined) {
    checkInteger('suppressPrefixLength', rule.suppressPrefixLength, 0, 128);
  }
  if (rule.protocol !== undefined) checkInteger('protocol', rule.protocol, 0, LARGEST_U8);
  const length = rule.family === 4 ? 4 : 16;
  if (rule.to !== undefined) checkRulePrefix('to', rule.to, length);
  if (rule.from !== undefined) checkRulePrefix('from', rule.from, length);
  if (rule.ipProtocol !== undefined) checkInteger('ipProtocol', rule.ipProtocol, 1, LARGEST_U8);
  if (rule.sourcePort !== undefined) checkInteger('sourcePort', rule.sourcePort, 1, 0xffff);
  if (rule.destinationPort === undefined) return;
  checkInteger('destinationPort', rule.destinationPort, 1, 0xffff);
}

function checkRulePrefix(name: string, prefix: RulePrefix, length: number): void {
  checkObject(name, prefix);
  checkAddress(`${name}.address`, prefix.address);
  if (prefix.address.length !== length) {
    const got = prefix.address.length;
    throw new TypeError(`"${name}.address" expected ${length} bytes for "family", got ${got}`);
  }
  checkInteger(`${name}.prefixLength`, prefix.prefixLength, 0, length * 8);
}

const LARGEST_U8 = 0xff;
const LARGEST_U32 = 0xffff_ffff;
const LARGEST_INDEX = 0x7fff_ffff;
/** IFNAMSIZ without the final zero byte. */
const LONGEST_NAME = 15;
