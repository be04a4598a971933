import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { ConnectionTable } from '../../src/proxy/connection-table.ts';
import { ServiceCounts } from '../../src/proxy/proxy-counts.ts';
import type { StreamSocket } from '../../src/proxy/proxy-network.ts';
import { until } from './loopback.ts';

describe('ConnectionTable', () => {
  test('closes the oldest connection without a request when a new connection needs its place', () => {
    const [table, counts] = [new ConnectionTable(2), new ServiceCounts()];
    const [first, second, third] = [socket(), socket(), socket()];
    expect(table.add(first, counts)).toBe(true);
    expect(table.add(second, counts)).toBe(true);
    table.serve(first);
    expect(table.add(third, counts)).toBe(true);
    expect([first, second, third].map((it) => it.destroyed)).toEqual([false, true, false]);
    expect(counts.refused.get('too-many')).toBe(1);
  });

  test('refuses a new connection if all connections are in use', () => {
    const [table, counts] = [new ConnectionTable(1), new ServiceCounts()];
    const [first, second] = [socket(), socket()];
    table.add(first, counts);
    table.serve(first);
    expect(table.add(second, counts)).toBe(false);
    expect([first, second].map((it) => it.destroyed)).toEqual([false, true]);
    // While this connection waits for its next request, it can be closed to make room for a new
    // one.
    table.rest(first, counts);
    expect(table.add(socket(), counts)).toBe(true);
    expect(first.destroyed).toBe(true);
  });

  test('keeps a connection until all of its requests are answered', () => {
    const [table, counts] = [new ConnectionTable(1), new ServiceCounts()];
    const first = socket();
    table.add(first, counts);
    table.serve(first);
    table.serve(first);
    table.rest(first, counts);
    expect(table.add(socket(), counts)).toBe(false);
    expect(first.destroyed).toBe(false);
    table.rest(first, counts);
    expect(table.add(socket(), counts)).toBe(true);
    expect(first.destroyed).toBe(true);
  });

  test('forgets a connection that is closed', async () => {
    const [table, counts] = [new ConnectionTable(1), new ServiceCounts()];
    const first = socket();
    table.add(first, counts);
    table.serve(first);
    first.destroy(new Error('lost'));
    await until(() => table.size === 0);
    expect(table.add(socket(), counts)).toBe(true);
  });

  test('closes all connections, and every connection that is added later', () => {
    const [table, counts] = [new ConnectionTable(9), new ServiceCounts()];
    const [first, second, late] = [socket(), socket(), socket()];
    table.add(first, counts);
    table.add(second, counts);
    table.serve(second);
    table.close();
    expect(table.add(late, counts)).toBe(false);
    expect([first, second, late].map((it) => it.destroyed)).toEqual([true, true, true]);
    expect(counts.refused.size).toBe(0);
  });
});

function socket(): StreamSocket {
  return new PassThrough() as unknown as StreamSocket;
}
