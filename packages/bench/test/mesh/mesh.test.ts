import { describe, expect, it } from 'vitest';
import { overLimit } from '../../src/mesh/mesh.ts';
import type { Measurement } from '../../src/results/result.ts';

describe('overLimit', () => {
  it('reports each count above its limit', () => {
    const over = overLimit([
      of('registry writes per join', 'writes', 3),
      of('at rest: registry writes of all', 'writes', 1),
      of('5,000 nodes: UAPI set per change', 'requests', 1.5),
      of('5,000 nodes: nft transactions per change', 'transactions', 0.1),
      of('full UAPI get per change and agent', 'requests', 1),
    ]);
    expect(over).toHaveLength(5);
    expect(over[0]).toBe('etcd: registry writes per join: 3 writes, 2 at most');
  });

  it('accepts counts that equal their limits, a missing count, and a time of any length', () => {
    expect(
      overLimit([
        of('registry writes per join', 'writes', 2),
        of('5,000 nodes: UAPI set per change', 'requests', 1),
        of('record written to programmed, p99', 'ms', 1e6),
        of('at rest: registry writes of all', 'writes', null),
      ]),
    ).toEqual([]);
  });
});

function of(figure: string, unit: string, value: number | null): Measurement {
  return { figure, subject: 'etcd', unit, value };
}
