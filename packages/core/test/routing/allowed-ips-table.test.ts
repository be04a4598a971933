/**
 * Compares the lookups of `AllowedIps` with `test-vectors/tables/allowed-ips.json`.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAddress, parseCidr } from '../../src/index.ts';
import { AllowedIps } from '../../src/internals.ts';

type Step =
  | { insert: string; peer: string }
  | { remove: string; peer: string }
  | { removeAll: string }
  | { lookup: string; peer: string | null };

interface Table {
  tests: { name: string; steps: Step[] }[];
}

const url = new URL('../../../../test-vectors/tables/allowed-ips.json', import.meta.url);
const { tests } = JSON.parse(readFileSync(url, 'utf8')) as Table;

describe('AllowedIps', () => {
  it.each(tests)('agrees with the table: $name', ({ steps }) => {
    const table = new AllowedIps<string>();
    const lookups = steps.filter((step) => 'lookup' in step);
    expect(steps.flatMap((step) => take(table, step))).toEqual(lookups);
  });
});

/**
 * Does one step. Returns the step with the peer that was found for a lookup, and nothing for a
 * change.
 */
function take(table: AllowedIps<string>, step: Step): Step[] {
  if ('lookup' in step) {
    const address = parseAddress(step.lookup);
    const found = table.lookup(address, 0, address.length as 4 | 16);
    return [{ lookup: step.lookup, peer: found ?? null }];
  }
  if ('removeAll' in step) {
    table.removeAll(step.removeAll);
    return [];
  }
  const { address, prefixLength } = parseCidr('insert' in step ? step.insert : step.remove);
  if ('insert' in step) table.insert(address, prefixLength, step.peer);
  else table.remove(address, prefixLength, step.peer);
  return [];
}
