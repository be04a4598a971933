import { seededRandomBytes } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { PortTable, type BoundSocket } from '../../src/port/port-table.ts';
import { IpAddress } from '../../src/wire/ip-address.ts';

const A = IpAddress.from('10.0.0.1');
const B = IpAddress.from('10.0.0.2');

describe('PortTable', () => {
  test('finds first a socket that is bound to the address, then one that is bound to all', () => {
    const table = createTable();
    const [all, one] = [bound(undefined, 53), bound(A, 53)];
    table.add(all);
    table.add(one);
    expect([table.find(A, 53), table.find(B, 53), table.find(A, 54)]).toEqual([
      one,
      all,
      undefined,
    ]);
    table.remove(one);
    expect(table.find(A, 53)).toBe(all);
    table.remove(all);
    expect(table.find(A, 53)).toBeUndefined();
  });

  test('lists its sockets, also while they are removed', () => {
    const table = createTable();
    const sockets = [bound(undefined, 53), bound(A, 53), bound(A, 54)];
    for (const socket of sockets) table.add(socket);
    for (const socket of table) table.remove(socket);
    expect([...table]).toEqual([]);
    expect(sockets).toHaveLength(3);
  });

  test('refuses a port that is in use at the same address', () => {
    const table = createTable();
    table.add(bound(A, 53));
    expect(() => table.add(bound(A, 53))).toThrow(/EADDRINUSE/);
    table.add(bound(undefined, 53));
    expect(() => table.add(bound(undefined, 53))).toThrow(/EADDRINUSE/);
  });

  test('chooses each free port of the range, in an order that is not ascending', () => {
    const table = createTable();
    const ports = Array.from({ length: 16_384 }, () => {
      const port = table.chooseFree(A);
      table.add(bound(A, port));
      return port;
    });
    expect([Math.min(...ports), Math.max(...ports), new Set(ports).size]).toEqual([
      49_152, 65_535, 16_384,
    ]);
    const near = ports.slice(1, 1000).filter((port, i) => Math.abs(port - ports[i]) < 100);
    expect(near.length).toBeLessThan(50);
    expect(() => table.chooseFree(A)).toThrow(/EADDRNOTAVAIL/);
    expect(table.chooseFree(B)).toBeGreaterThanOrEqual(49_152);
  });
});

function createTable(): PortTable<BoundSocket> {
  return new PortTable(seededRandomBytes(1));
}

function bound(localAddress: IpAddress | undefined, localPort: number): BoundSocket {
  return { localAddress, localPort };
}
