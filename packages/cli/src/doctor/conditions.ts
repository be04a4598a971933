/**
 * The conditions of firewall rules that nft and iptables both have. Each function returns a
 * condition. A condition returns whether a packet fulfils it, or undefined if it needs a field of
 * the packet that is not known.
 *
 * @module
 */
import { tryParseCidr } from '@litz/core/internals';
import { contains } from './prefix-contains.ts';
import type { Condition, FilteredPacket } from './filter-rules.ts';

/**
 * Whether the packet comes from a link of this name ('in') or goes to one ('out'); `pattern` may
 * end with `*`.
 */
export function linkIs(direction: 'in' | 'out', pattern: string): Condition {
  return (packet) => {
    // A packet that comes in has no outgoing link, and a packet that goes out has no incoming one.
    if (packet.direction !== direction) return false;
    return pattern.endsWith('*')
      ? packet.link.startsWith(pattern.slice(0, -1))
      : packet.link === pattern;
  };
}

/** Whether the packet has this protocol. @param name as in `meta l4proto` */
export function protocolIs(name: string): Condition {
  return ({ protocol }) => (protocol === undefined ? undefined : protocol === name);
}

/**
 * Whether the source or destination port of the packet is in this range, whatever its protocol is.
 */
export function portIs(side: 'source' | 'destination', first: number, last: number): Condition {
  return (packet) => {
    const port = side === 'source' ? packet.sourcePort : packet.destinationPort;
    return port === undefined ? undefined : port >= first && port <= last;
  };
}

/**
 * Whether the source or destination address of the packet is in this prefix.
 *
 * @param text a prefix or an address
 * @returns undefined if `text` is neither
 */
export function addressIs(side: 'source' | 'destination', text: string): Condition | undefined {
  const prefix = tryParseCidr(text);
  if (!prefix) return undefined;
  return (packet: FilteredPacket) => {
    const address = side === 'source' ? packet.source : packet.destination;
    if (!address) return undefined;
    return address.length === prefix.address.length && contains(prefix, address);
  };
}

/** Whether the connection of the packet has one of these states. @param states as in `ct state` */
export function stateIs(states: readonly string[]): Condition {
  return ({ isEstablished }) => states.includes(isEstablished ? 'established' : 'new');
}

/** Whether the IP header is of this family. */
export function familyIs(family: 4 | 6): Condition {
  return (packet) => packet.family === family;
}

/** Returns the opposite condition. If the condition returns undefined, the opposite does too. */
export function not(condition: Condition | undefined): Condition | undefined {
  if (!condition) return undefined;
  return (packet) => {
    const result = condition(packet);
    return result === undefined ? undefined : !result;
  };
}

/** Whether at least one of the conditions holds. */
export function anyOf(conditions: readonly (Condition | undefined)[]): Condition {
  return (packet) => {
    const results = conditions.map((condition) => condition?.(packet));
    if (results.includes(true)) return true;
    return results.includes(undefined) ? undefined : false;
  };
}
