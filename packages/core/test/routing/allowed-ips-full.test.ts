import { describe, expect, it } from 'vitest';
import { AllowedIps } from '../../src/routing/allowed-ips.ts';

describe('AllowedIps of one peer with very many prefixes', () => {
  it('stores 65,536 of each family and removes all of them', { timeout: 60_000 }, () => {
    const table = new AllowedIps<string>();
    const insert = (address: number[], length: number, name: string): void =>
      table.insert(Uint8Array.from(address), length, name);
    for (let i = 0; i < 65_536; i++) {
      insert([10, i >> 8, i, 0], 24, 'a');
      insert([0xfd, 0, i >> 8, i, ...Array(12).fill(0)], 32, 'a');
    }
    insert([10, 0, 0, 0], 8, 'b');
    expect(table.entries('a')).toHaveLength(131_072);
    table.removeAll('a');
    expect(table.entries('a')).toHaveLength(0);
    expect(table.lookup(Uint8Array.of(10, 200, 3, 4), 0, 4)).toBe('b');
  });
});
