/**
 * `CheckLine`: the result of one check of a machine, and the settings that are checked. Plain data.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import type { EncryptMode, Enforcement } from '../plan/desired-host.ts';
import type { ReadRecord } from '../record/node-record.ts';

/** The settings that the check compares with the machine. */
export interface CheckRequest {
  readonly mode: EncryptMode;
  readonly enforcement: Enforcement;
  readonly clusterPrefixes: readonly Readonly<Cidr>[];
  /** The prefixes that contain the addresses of all nodes. Empty: the addresses may be anywhere. */
  readonly nodePrefixes: readonly Readonly<Cidr>[];
  /** The records of the registry by node name. Empty: there are none, or they are not known. */
  readonly records: ReadonlyMap<string, ReadRecord>;
  readonly port: number;
  readonly interfaceName: string;
  readonly table: number;
  readonly priority: number;
}

/**
 * The result for one subject. `ok`: nothing is wrong. `note`: the mesh works, but the user should
 * know this. `refused`: the settings can't work on this machine.
 */
export interface CheckLine {
  /** `CNI`, `nft`, ... */
  readonly subject: string;
  readonly state: 'ok' | 'note' | 'refused';
  readonly text: string;
  /** What the user can do; undefined where there is nothing to do. */
  readonly remedy?: string;
}

/** Whether the settings can work on this machine: no line is `refused`. */
export function holds(lines: readonly CheckLine[]): boolean {
  return lines.every(({ state }) => state !== 'refused');
}

/** Returns the line as text for a terminal, without a line end. */
export function formatCheckLine({ subject, state, text, remedy }: CheckLine): string {
  const mark = { ok: 'ok     ', note: 'note   ', refused: 'REFUSED' }[state];
  return `${mark} ${subject}: ${text}${remedy === undefined ? '' : `. ${remedy}`}`;
}
