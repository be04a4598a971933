import { parseAddress } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { firstDrop, type FilteredPacket } from '../../src/doctor/filter-rules.ts';
import { readNftRules } from '../../src/doctor/nft-rules.ts';

const PACKET: FilteredPacket = {
  direction: 'in',
  link: 'wg0',
  family: 4,
  protocol: 'udp',
  sourcePort: 1000,
  destinationPort: 51820,
  source: parseAddress('10.0.0.2'),
  destination: undefined,
  isEstablished: true,
};
const NEW = { ...PACKET, isEstablished: false };
const match = (left: unknown, right: unknown, op = '=='): object => ({
  match: { op, left, right },
});
const DPORT = { payload: { protocol: 'udp', field: 'dport' } };
const SADDR = { payload: { protocol: 'ip', field: 'saddr' } };
const STATE = { ct: { key: 'state' } };
const DROP = { drop: null };
const ACCEPT = { accept: null };

describe('readNftRules', () => {
  test.each<[string, object[], 'certain' | 'possible' | undefined]>([
    ['a port', [match(DPORT, 51_820), DROP], 'certain'],
    [
      'a set with a range',
      [match(DPORT, { set: [1, { range: [51_000, 52_000] }] }), DROP],
      'certain',
    ],
    ['another port', [match(DPORT, 51_821), DROP], undefined],
    ['all but this port', [match(DPORT, 51_820, '!='), DROP], undefined],
    [
      'a port of TCP',
      [match({ payload: { protocol: 'tcp', field: 'dport' } }, 51_820), DROP],
      undefined,
    ],
    ['a link', [match({ meta: { key: 'iifname' } }, 'wg*'), { reject: {} }], 'certain'],
    ['an outgoing link', [match({ meta: { key: 'oifname' } }, 'wg0'), DROP], undefined],
    ['a prefix', [match(SADDR, { prefix: { addr: '10.0.0.0', len: 24 } }), DROP], 'certain'],
    ['another address', [match(SADDR, '10.0.0.3'), DROP], undefined],
    ['a family', [match({ meta: { key: 'nfproto' } }, 'ipv6'), DROP], undefined],
    ['a protocol', [match({ meta: { key: 'l4proto' } }, 'udp'), { counter: {} }, DROP], 'certain'],
    ['a limit', [{ limit: { rate: 5 } }, DROP], 'possible'],
    ['a fib expression', [match({ fib: { result: 'type' } }, 'local'), DROP], 'possible'],
    ['REJECT of iptables', [{ xt: { type: 'target', name: 'REJECT' } }], 'certain'],
  ])('reads %s', (_, expr, how) => {
    expect(firstDrop(PACKET, [rules('accept', expr)])?.how).toBe(how);
  });

  test('reads a policy, after a rule that accepts answers', () => {
    const answers = [match(STATE, ['established', 'related'], 'in'), ACCEPT];
    expect(firstDrop(PACKET, [rules('drop', answers)])).toBeUndefined();
    expect(firstDrop(NEW, [rules('drop', answers)])).toEqual({
      how: 'certain',
      rule: 'nft inet f in: policy drop',
    });
    expect(firstDrop(NEW, [rules('drop', [{ vmap: {} }])])?.how).toBe('possible');
  });

  test('follows a jump to a chain of the same table', () => {
    const jump = { jump: { target: 'more' } };
    const text = JSON.stringify({
      nftables: [
        { metainfo: {} },
        chain('in', { hook: 'input', policy: 'accept' }),
        chain('more', {}),
        rule('in', [jump]),
        rule('more', [match(DPORT, 51_820), DROP]),
      ],
    });
    expect(firstDrop(PACKET, [readNftRules(text, false)])?.rule).toBe(
      'nft inet f more: udp dport 51820 drop',
    );
  });

  test('leaves out the tables of iptables-nft, if iptables-save shows them', () => {
    const common = { family: 'ip', table: 'filter' };
    const made = {
      chain: { ...common, name: 'INPUT', type: 'filter', hook: 'input', prio: 0, policy: 'drop' },
    };
    const text = JSON.stringify({ nftables: [made] });
    expect(firstDrop(PACKET, [readNftRules(text, true)])).toBeUndefined();
    expect(firstDrop(PACKET, [readNftRules(text, false)])?.how).toBe('certain');
  });
});

function rules(policy: string, expr: object[]): ReturnType<typeof readNftRules> {
  const nftables = [chain('in', { hook: 'input', policy }), rule('in', expr)];
  return readNftRules(JSON.stringify({ nftables }), false);
}

function chain(name: string, more: object): object {
  return { chain: { family: 'inet', table: 'f', name, type: 'filter', prio: 0, ...more } };
}

function rule(name: string, expr: object[]): object {
  return { rule: { family: 'inet', table: 'f', chain: name, expr } };
}
