import { Endpoint } from '@litz/core';
import { describe, expect, it } from 'vitest';
import { ReceivedBatch } from '../../src/plane/received-batch.ts';

describe('ReceivedBatch', () => {
  it('passes datagrams on in their order, again and again until it is cleared', () => {
    const batch = new ReceivedBatch();
    const [buffer, source] = [new Uint8Array(10), new Endpoint(Uint8Array.of(1, 2, 3, 4), 5)];
    batch.add(buffer, 0, 3, source, 1);
    batch.add(buffer, 3, 7, source, 0);
    const seen: unknown[] = [];
    const look = (...datagram: unknown[]): void => void seen.push(datagram);
    batch.forEach(look);
    batch.forEach(look);
    const both = [
      [buffer, 0, 3, source, 1],
      [buffer, 3, 7, source, 0],
    ];
    expect(seen).toEqual([...both, ...both]);
    batch.clear();
    expect(batch.count).toBe(0);
    batch.forEach(look);
    expect(seen).toHaveLength(4);
  });
});
