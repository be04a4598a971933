import { describe, expect, test } from 'vitest';
import { readAttributes } from '../../src/netlink/message-reader.ts';
import { addRuleMessage, readRule } from '../../src/netlink/rule.ts';

describe('addRuleMessage', () => {
  test('writes `not fwmark X table X` as wg-quick does', () => {
    const rule = { family: 4, table: 51820, mark: 51820, invert: true } as const;
    const message = addRuleMessage(rule).finish(0);

    // family, -, -, -, table (in the attribute), -, -, action, flags
    expect([...message.subarray(16, 28)]).toEqual([2, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0]);
    expect(readRule(message.subarray(16))).toEqual({ ...rule, priority: 0, toTable: true });
  });

  test('writes `table main suppress_prefixlength 0`', () => {
    const message = addRuleMessage({ family: 6, table: 254, suppressPrefixLength: 0 }).finish(0);

    expect([...message.subarray(16, 28)]).toEqual([10, 0, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0]);
    expect(readAttributes(message, 28).u32(14)).toBe(0);
    expect(readAttributes(message, 28).u32(6)).toBeUndefined();
  });

  test('contains priority and mask', () => {
    const rule = { family: 6, table: 10, priority: 5, mark: 0x100, markMask: 0xf00 } as const;

    expect(readRule(addRuleMessage(rule).finish(0).subarray(16))).toEqual({
      ...rule,
      toTable: true,
    });
  });

  test('contains the protocol, which is the number of the program that made the rule', () => {
    const rule = { family: 4, table: 10, priority: 5, protocol: 76 } as const;
    const message = addRuleMessage(rule).finish(0);

    expect([...readAttributes(message, 28).bytes(21)!]).toEqual([76]);
    expect(readRule(message.subarray(16))).toEqual({ ...rule, toTable: true });
  });
});

describe('addRuleMessage with conditions', () => {
  test('writes addresses, protocol and ports as readRule reads them', () => {
    const to = { address: Uint8Array.of(10, 244, 0, 0), prefixLength: 16 };
    const from = { address: Uint8Array.of(10, 0, 0, 1), prefixLength: 32 };
    const rule = {
      family: 4,
      table: 254,
      priority: 899,
      to,
      from,
      ipProtocol: 6,
      sourcePort: 2379,
      destinationPort: 6443,
    } as const;
    const message = addRuleMessage(rule).finish(0);

    expect([...message.subarray(16, 19)]).toEqual([2, 16, 32]);
    // struct fib_rule_port_range: the first port and the last one, which are the same.
    expect([...readAttributes(message, 28).bytes(24)!]).toEqual([0x2b, 0x19, 0x2b, 0x19]);
    expect(readRule(message.subarray(16))).toEqual({ ...rule, toTable: true });
  });
});

describe('readRule', () => {
  test.each<[string, number, Uint8Array]>([
    ['an interface that packets come by', 3, Uint8Array.of(0x65, 0x74, 0x68, 0x30, 0)],
    ['an interface that packets leave by', 17, Uint8Array.of(0x65, 0x74, 0x68, 0x30, 0)],
    ['users', 20, new Uint8Array(8)],
    ['a range of ports', 24, Uint8Array.of(1, 0, 2, 0)],
  ])('sets hasOtherConditions if the rule has a condition on %s', (_, type, value) => {
    const rule = { family: 4, table: 254 } as const;
    const message = addRuleMessage(rule).bytes(type, value).finish(0);

    expect(readRule(message.subarray(16))?.hasOtherConditions).toBe(true);
    expect(readRule(addRuleMessage(rule).finish(0).subarray(16))).not.toHaveProperty(
      'hasOtherConditions',
    );
  });

  test('returns undefined for a truncated message and for another family', () => {
    expect(readRule(new Uint8Array(11))).toBeUndefined();
    expect(readRule(new Uint8Array(12))).toBeUndefined();
  });

  test('omits suppressPrefixLength if the rule suppresses nothing', () => {
    const rule = { family: 4, table: 1, suppressPrefixLength: 0xffffffff } as const;

    const read = readRule(addRuleMessage(rule).finish(0).subarray(16));

    expect(read).not.toHaveProperty('suppressPrefixLength');
  });
});
