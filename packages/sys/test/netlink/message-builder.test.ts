import { describe, expect, test } from 'vitest';
import { align4, MessageBuilder } from '../../src/netlink/message-builder.ts';

describe('MessageBuilder', () => {
  test('writes the header: length, type, flags and sequence', () => {
    const message = new MessageBuilder(0x1122, 0x3344).finish(0x55667788);

    expect([...message]).toEqual([
      16, 0, 0, 0, 0x22, 0x11, 0x44, 0x33, 0x88, 0x77, 0x66, 0x55, 0, 0, 0, 0,
    ]);
  });

  test('pads values to 4 bytes and keeps the padding out of the attribute length', () => {
    const message = new MessageBuilder(1, 0).u8(2, 0xff).u16(3, 0xabcd).finish(0);

    expect([...message.subarray(16)]).toEqual([
      5, 0, 2, 0, 0xff, 0, 0, 0, 6, 0, 3, 0, 0xcd, 0xab, 0, 0,
    ]);
    expect(message[0]).toBe(32);
  });

  test('ends a string with a zero byte, which counts as part of its length', () => {
    const message = new MessageBuilder(1, 0).string(3, 'wg0').finish(0);

    expect([...message.subarray(16)]).toEqual([8, 0, 3, 0, 0x77, 0x67, 0x30, 0]);
  });

  test('writes the length of a nested attribute', () => {
    const message = new MessageBuilder(1, 0)
      .nested(18, (info) => info.u8(1, 7).nested(2, (data) => data.u32(9, 1)))
      .u8(4, 1)
      .finish(0);

    expect([...message.subarray(16)]).toEqual([
      24, 0, 18, 0, 5, 0, 1, 0, 7, 0, 0, 0, 12, 0, 2, 0, 8, 0, 9, 0, 1, 0, 0, 0, 5, 0, 4, 0, 1, 0,
      0, 0,
    ]);
  });

  test('lets the caller fill a structure in place', () => {
    const message = new MessageBuilder(1, 0)
      .struct(8, (view) => view.setUint32(4, 0x01020304, true))
      .finish(0);

    expect([...message.subarray(16)]).toEqual([0, 0, 0, 0, 4, 3, 2, 1]);
  });

  test('grows with its content', () => {
    const value = new Uint8Array(1000).fill(0x5a);
    const message = new MessageBuilder(1, 0).bytes(1, value).bytes(2, value).finish(0);

    expect(message.length).toBe(16 + 2 * 1004);
    expect(message.subarray(20, 1020)).toEqual(value);
    expect(message.subarray(1024, 2024)).toEqual(value);
  });
});

describe('align4', () => {
  test('rounds up to a multiple of 4', () => {
    expect([0, 1, 3, 4, 5].map(align4)).toEqual([0, 4, 4, 4, 8]);
  });
});
