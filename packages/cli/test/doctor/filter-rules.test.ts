import { parseAddress } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { firstDrop, type FilteredPacket } from '../../src/doctor/filter-rules.ts';
import { readIptablesRules } from '../../src/doctor/iptables-rules.ts';

const INCOMING: FilteredPacket = {
  direction: 'in',
  link: 'eth0',
  family: 4,
  protocol: 'udp',
  sourcePort: 1000,
  destinationPort: 51820,
  source: parseAddress('192.0.2.1'),
  destination: undefined,
  isEstablished: false,
};
const DROP_51820 = '-A INPUT -p udp -m udp --dport 51820 -j DROP';

describe('firstDrop', () => {
  test.each<[string, string[], 'certain' | 'possible' | undefined]>([
    ['a rule for the port', [DROP_51820], 'certain'],
    ['a rule for another port', ['-A INPUT -p udp -m udp --dport 51821 -j DROP'], undefined],
    ['an accept before the drop', ['-A INPUT -i eth+ -j ACCEPT', DROP_51820], undefined],
    ['an accept rule for another link', ['-A INPUT -i lo -j ACCEPT', DROP_51820], 'certain'],
    ['an unknown condition of the drop', ['-A INPUT -m owner --uid-owner 5 -j DROP'], 'possible'],
    [
      'an accept with an unknown condition before the drop',
      ['-A INPUT -m set --match-set x src -j ACCEPT', DROP_51820],
      'possible',
    ],
    ['the policy', [':INPUT DROP [0:0]'], 'certain'],
    ['the policy after an accept', [':INPUT DROP [0:0]', '-A INPUT -p udp -j ACCEPT'], undefined],
    [
      'a chain',
      [':C - [0:0]', '-A INPUT -j C', '-A C -s 192.0.2.0/24 -j REJECT --reject-with x'],
      'certain',
    ],
    [
      'a chain that returns',
      [':C - [0:0]', '-A INPUT -j C', '-A C -j RETURN', '-A C -j DROP'],
      undefined,
    ],
    ['a goto into an empty chain', [':C - [0:0]', '-A INPUT -g C', DROP_51820], undefined],
    ['a drop in another hook', ['-A OUTPUT -j DROP'], undefined],
    [
      'a drop in an earlier hook',
      ['*raw', ':PREROUTING ACCEPT [0:0]', '-A PREROUTING -j DROP'],
      'certain',
    ],
    [
      'a log rule before the drop',
      ['-A INPUT -j LOG --log-prefix "a -j ACCEPT"', DROP_51820],
      'certain',
    ],
    ['the policy of a NAT chain', ['*nat', ':PREROUTING DROP [0:0]'], undefined],
  ])('finds whether a packet is dropped: %s', (_, lines, how) => {
    const text = ['*filter', ':INPUT ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]', ...lines].join('\n');
    expect(firstDrop(INCOMING, [readIptablesRules(text, 'iptables', 4)])?.how).toBe(how);
  });

  test('names the program, the chain and the rule', () => {
    const text = ['*filter', ':INPUT ACCEPT [0:0]', DROP_51820].join('\n');
    expect(firstDrop(INCOMING, [readIptablesRules(text, 'iptables', 4)])?.rule).toBe(
      'iptables filter INPUT: -p udp -m udp --dport 51820 -j DROP',
    );
  });

  test('does not apply the rules of ip6tables to an IPv4 packet', () => {
    const text = ['*filter', ':INPUT DROP [0:0]'].join('\n');
    const rules = readIptablesRules(text, 'ip6tables', 6);
    expect(firstDrop(INCOMING, [rules])).toBeUndefined();
    expect(firstDrop({ ...INCOMING, family: 6 }, [rules])).toMatchObject({ how: 'certain' });
  });

  test('ends when a chain jumps to itself', () => {
    const lines = ['*filter', ':INPUT ACCEPT [0:0]', ':A - [0:0]', '-A INPUT -j A', '-A A -j A'];
    expect(
      firstDrop(INCOMING, [readIptablesRules(lines.join('\n'), 'iptables', 4)]),
    ).toBeUndefined();
  });

  test.each<[string, string, 'certain' | 'possible' | undefined]>([
    [
      'established connections are accepted',
      '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      undefined,
    ],
    ['only new connections are accepted', '-A INPUT -m state --state NEW -j ACCEPT', 'certain'],
    ['all sources but one are accepted', '-A INPUT ! -s 10.0.0.0/8 -j ACCEPT', undefined],
  ])('finds whether an answer is dropped: %s', (_, rule, how) => {
    const text = ['*filter', ':INPUT DROP [0:0]', rule].join('\n');
    const answer = { ...INCOMING, isEstablished: true };
    expect(firstDrop(answer, [readIptablesRules(text, 'iptables', 4)])?.how).toBe(how);
  });
});
