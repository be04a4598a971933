/**
 * `Step`: one thing that bringing a tunnel up does to the host, as plain data, and its words.
 *
 * Steps are made by plan.ts and carried out by tunnel.ts; neither knows how the other does it.
 *
 * @module
 */
import { formatAddress, formatCidr } from '@litz/config';
import type { Prefix } from './prefix.ts';

/** A policy rule. `priority` is always given, so that exactly this rule can be taken away again. */
export interface PolicyRule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly table: number;
  /** Packets with this mark pass the rule by. */
  readonly notMark?: number;
  /** Routes of the table with at most this prefix length do not count. */
  readonly suppressPrefixLength?: number;
}

export type Step =
  /** Makes the TUN device, down, with no address. */
  | { readonly type: 'create-link'; readonly name: string }
  /** Keys, peers and, if it is not 0, the mark of all outer datagrams. */
  | { readonly type: 'configure'; readonly peers: number; readonly mark: number }
  | { readonly type: 'add-address'; readonly address: Prefix }
  /** Opens the sockets: from here on packets flow. */
  | { readonly type: 'set-up'; readonly mtu: number }
  | { readonly type: 'add-route'; readonly destination: Prefix; readonly table: number }
  | { readonly type: 'add-rule'; readonly rule: PolicyRule }
  /** One that a tunnel left that was killed. */
  | { readonly type: 'delete-rule'; readonly rule: PolicyRule }
  | {
      readonly type: 'set-sysctl';
      readonly name: string;
      /** Stays when the tunnel is gone: another one may rely on it by then. */
      readonly value: string;
    }
  /** Lets answers in that come by another way than packets to their sender would leave. */
  | { readonly type: 'loosen-filter'; readonly link: string }
  /** One that was loose for a tunnel that was killed. */
  | { readonly type: 'restore-filter'; readonly link: string };

export const MAIN_TABLE = 254;

/** One line for a person. */
export function describeStep(step: Step, link: string): string {
  switch (step.type) {
    case 'create-link':
      return `create interface ${step.name}`;
    case 'configure': {
      const peers = step.peers === 1 ? '1 peer' : `${step.peers} peers`;
      return `configure ${link}: ${peers}${step.mark ? `, mark ${step.mark}` : ''}`;
    }
    case 'add-address':
      return `add address ${formatAddress(step.address.address)}/${step.address.prefixLength}`;
    case 'set-up':
      return `set ${link} up, MTU ${step.mtu}`;
    case 'add-route':
      return `add route ${formatCidr(step.destination)} through ${link}${inTable(step.table)}`;
    case 'add-rule':
      return `add ${describeRule(step.rule)}`;
    case 'delete-rule':
      return `delete left-over ${describeRule(step.rule)}`;
    case 'loosen-filter':
      return `set net/ipv4/conf/${step.link}/rp_filter = 2`;
    case 'restore-filter':
      return `restore left-over net/ipv4/conf/${step.link}/rp_filter`;
    case 'set-sysctl':
    default:
      return `set ${step.name} = ${step.value}`;
  }
}

function describeRule({ family, notMark, table, suppressPrefixLength }: PolicyRule): string {
  const who = notMark === undefined ? 'all packets' : `all but mark ${notMark}`;
  const what =
    suppressPrefixLength === undefined ? '' : `, routes longer than /${suppressPrefixLength}`;
  return `IPv${family} rule: ${who} by table ${tableName(table)}${what}`;
}

function inTable(table: number): string {
  return table === MAIN_TABLE ? '' : `, table ${table}`;
}

function tableName(table: number): string {
  return table === MAIN_TABLE ? 'main' : String(table);
}
