import { describe, expect, test } from 'vitest';
import { MessageBuilder } from '../../src/netlink/message-builder.ts';
import { readAttributes } from '../../src/netlink/message-reader.ts';
import {
  namespaceNumberMessage,
  numberNamespaceMessage,
  readNamespaceNumber,
} from '../../src/netlink/namespace-number.ts';

describe('namespaceNumberMessage', () => {
  test('names the namespace by a descriptor', () => {
    const message = namespaceNumberMessage(7).finish(1);

    expect([message[4], message[6]]).toEqual([90, 5]);
    expect(readAttributes(message, 20).u32(3)).toBe(7);
    expect(readAttributes(message, 20).u32(1)).toBeUndefined();
  });
});

describe('numberNamespaceMessage', () => {
  test('lets the kernel choose the number', () => {
    const message = numberNamespaceMessage(7).finish(1);

    expect([message[4], message[6]]).toEqual([88, 5]);
    expect(readAttributes(message, 20).u32(3)).toBe(7);
    expect(readAttributes(message, 20).u32(1)).toBe(0xffffffff);
  });
});

describe('readNamespaceNumber', () => {
  test.each([
    [0, 0],
    [5, 5],
    [0xffffffff, undefined],
    [undefined, undefined],
  ])('reads %s as %s', (number, expected) => {
    const builder = new MessageBuilder(88, 0).struct(4, () => {});
    if (number !== undefined) builder.u32(1, number);

    expect(readNamespaceNumber(builder.finish(0).subarray(16))).toBe(expected);
  });

  test('reads nothing from a truncated message', () => {
    expect(readNamespaceNumber(new Uint8Array(3))).toBeUndefined();
  });
});
