/**
 * `MeshRule`: a policy rule of the mesh, as plain data.
 *
 * @module
 */
import { formatCidr, type Cidr } from '@litz/core';

/** A policy rule of the mesh. Immutable. */
export interface MeshRule {
  /** All properties of the rule, in nearly the form of `ip rule`. Equal rules have equal texts. */
  readonly text: string;
  readonly family: 4 | 6;
  readonly priority: number;
  readonly table: number;
  /** Only packets to these addresses. */
  readonly to?: Readonly<Cidr>;
  /** Only packets from these addresses. */
  readonly from?: Readonly<Cidr>;
  /** Only packets without this bit in their mark. The daemon's datagrams have the bit. */
  readonly notMark?: number;
  /** Only TCP segments to this port. */
  readonly tcpTo?: number;
  /** Only TCP segments from this port. */
  readonly tcpFrom?: number;
}

/** Makes a rule with its text. */
export function meshRule(rule: Omit<MeshRule, 'text'>): MeshRule {
  const { family, priority, table, to, from, notMark, tcpTo, tcpFrom } = rule;
  const words = [
    `IPv${family} priority ${priority}:`,
    notMark === undefined ? '' : `not fwmark ${hex(notMark)}/${hex(notMark)}`,
    from ? `from ${formatCidr(from)}` : '',
    to ? `to ${formatCidr(to)}` : '',
    tcpTo === undefined ? '' : `ipproto tcp dport ${tcpTo}`,
    tcpFrom === undefined ? '' : `ipproto tcp sport ${tcpFrom}`,
    `lookup ${table === MAIN_TABLE ? 'main' : table}`,
  ];
  return { ...rule, text: words.filter((word) => word !== '').join(' ') };
}

/** Whether the rule is an exception: its packets bypass the tunnel. */
export function isException(rule: MeshRule): boolean {
  return rule.table === MAIN_TABLE;
}

function hex(number: number): string {
  return `0x${number.toString(16)}`;
}

/** Number of the kernel's main routing table. */
export const MAIN_TABLE = 254;
