import { describe, expect, test } from 'vitest';
import { readAttributes } from '../../src/netlink/message-reader.ts';
import { addRuleMessage, readRule } from '../../src/netlink/rule.ts';

describe('addRuleMessage', () => {
  test('writes `not fwmark X table X` as wg-quick has it', () => {
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

  test('carries priority and mask', () => {
    const rule = { family: 6, table: 10, priority: 5, mark: 0x100, markMask: 0xf00 } as const;

    expect(readRule(addRuleMessage(rule).finish(0).subarray(16))).toEqual({
      ...rule,
      toTable: true,
    });
  });

  test('says who made it', () => {
    const rule = { family: 4, table: 10, priority: 5, protocol: 76 } as const;
    const message = addRuleMessage(rule).finish(0);

    expect([...readAttributes(message, 28).bytes(21)!]).toEqual([76]);
    expect(readRule(message.subarray(16))).toEqual({ ...rule, toTable: true });
  });
});

describe('readRule', () => {
  test('is undefined if cut short or of another family', () => {
    expect(readRule(new Uint8Array(11))).toBeUndefined();
    expect(readRule(new Uint8Array(12))).toBeUndefined();
  });

  test('reports "suppress nothing" as nothing', () => {
    const rule = { family: 4, table: 1, suppressPrefixLength: 0xffffffff } as const;

    const read = readRule(addRuleMessage(rule).finish(0).subarray(16));

    expect(read).not.toHaveProperty('suppressPrefixLength');
  });
});
