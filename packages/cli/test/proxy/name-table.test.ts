import { describe, expect, test } from 'vitest';
import { NameTable } from '../../src/proxy/name-table.ts';
import type { ProxyNetwork } from '../../src/proxy/proxy-network.ts';

type Answer = Parameters<ProxyNetwork['lookup']>[2];

describe('NameTable', () => {
  test('looks a name up once, for all datagrams that wait', () => {
    const { table, asked, answer } = slowNames();
    const used: (string | undefined)[] = [];
    table.use('a', (address) => used.push(address));
    table.use('a', (address) => used.push(address));
    expect(used).toEqual([]);
    answer('10.0.0.1');
    table.use('a', (address) => used.push(address));
    expect(used).toEqual(['10.0.0.1', '10.0.0.1', '10.0.0.1']);
    expect(asked).toEqual(['a']);
  });

  test('looks a name up again after a minute', () => {
    const { table, asked, answer, clock } = slowNames();
    table.use('a', () => {});
    answer('10.0.0.1');
    clock.now = 59_999;
    table.use('a', () => {});
    expect(asked).toEqual(['a']);
    clock.now = 60_000;
    table.use('a', () => {});
    expect(asked).toEqual(['a', 'a']);
  });

  test('gives undefined to each caller beyond the 16 that may wait, and to all callers if the name has no address', () => {
    const { table, answer } = slowNames();
    const used: (string | undefined)[] = [];
    for (let i = 0; i < 20; i++) table.use('a', (address) => used.push(address));
    expect(used).toEqual([undefined, undefined, undefined, undefined]);
    answer(undefined);
    expect(used).toHaveLength(20);
    expect(used.every((address) => address === undefined)).toBe(true);
  });

  test('keeps 64 names, and forgets the oldest name when another name comes', () => {
    const { table, asked, answer } = slowNames();
    for (let i = 0; i < 65; i++) {
      table.use(`n${i}`, () => {});
      answer('10.0.0.1');
    }
    table.use('n64', () => {});
    expect(asked).toHaveLength(65);
    table.use('n0', () => {});
    expect(asked).toHaveLength(66);
  });
});

function slowNames(): {
  table: NameTable;
  asked: string[];
  clock: { now: number };
  answer: (address: string | undefined) => void;
} {
  const asked: string[] = [];
  const clock = { now: 0 };
  let pending: Answer | undefined;
  const lookup: ProxyNetwork['lookup'] = (name, _options, callback) => {
    asked.push(name);
    pending = callback;
  };
  const answer = (address: string | undefined): void =>
    address === undefined ? pending?.(new Error('none'), '', 0) : pending?.(null, address, 4);
  return { table: new NameTable({ lookup }, () => clock.now), asked, clock, answer };
}
