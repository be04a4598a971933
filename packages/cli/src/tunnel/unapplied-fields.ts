/**
 * `unappliedFields`: finds the fields that differ between two files and that a reload does not
 * apply.
 *
 * @module
 */
import type { TunnelFile } from '@litz/device/quick';

/** Returns the names of the fields; empty: a reload applies all differences. */
export function unappliedFields(before: TunnelFile, after: TunnelFile): string[] {
  const [a, b] = [before.config.interface, after.config.interface];
  const differs: [name: string, a: unknown, b: unknown][] = [
    ['FwMark', a.fwmark, b.fwmark],
    ['DNS', a.dns, b.dns],
    ['MTU', a.mtu, b.mtu],
    ['Table', before.table, after.table],
    ['PreUp', a.preUp, b.preUp],
    ['PostUp', a.postUp, b.postUp],
  ];
  return differs
    .filter(([, one, other]) => JSON.stringify(one) !== JSON.stringify(other))
    .map(([name]) => name);
}
