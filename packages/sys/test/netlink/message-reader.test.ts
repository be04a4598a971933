import { assert, property, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MessageBuilder } from '../../src/netlink/message-builder.ts';
import { readAttributes, readMessages } from '../../src/netlink/message-reader.ts';

describe('readMessages', () => {
  test('reads several messages of one datagram', () => {
    const datagram = concatenated([
      new MessageBuilder(16, 2).u8(1, 9).finish(7),
      new MessageBuilder(3, 2).finish(7),
    ]);

    const messages = readMessages(datagram);

    expect(messages.map(({ type, flags, sequence }) => [type, flags, sequence])).toEqual([
      [16, 2, 7],
      [3, 2, 7],
    ]);
    expect(messages[0]?.payload.length).toBe(8);
    expect(messages[1]?.payload.length).toBe(0);
  });

  test('returns the whole messages before a truncated one', () => {
    const first = new MessageBuilder(16, 0).u32(1, 1).finish(1);
    const second = new MessageBuilder(17, 0).u32(1, 1).finish(2);
    const datagram = concatenated([first, second]);

    for (let cut = 1; cut <= second.length; cut++) {
      const messages = readMessages(datagram.subarray(0, datagram.length - cut));
      expect(messages.map(({ type }) => type)).toEqual([16]);
    }
  });

  test.each([0, 15, 0xffffffff])('stops at a length of %i', (length) => {
    const message = new MessageBuilder(16, 0).finish(1);
    new DataView(message.buffer).setUint32(0, length, true);

    expect(readMessages(message)).toEqual([]);
  });

  test('never throws and never reads out of bounds, with any bytes', () => {
    assert(
      property(uint8Array({ maxLength: 200, size: 'max' }), (bytes) => {
        for (const { payload } of readMessages(bytes)) {
          expect(payload.length).toBeLessThanOrEqual(bytes.length - 16);
          readAttributes(payload);
        }
      }),
    );
  });
});

describe('readAttributes', () => {
  test('reads what the builder wrote', () => {
    const message = new MessageBuilder(1, 0)
      .u32(1, 0xdeadbeef)
      .string(2, 'eth0')
      .bytes(3, Uint8Array.of(1, 2, 3))
      .nested(4, (nested) => nested.u32(5, 6))
      .finish(0);

    const attributes = readAttributes(message, 16);

    expect(attributes.u32(1)).toBe(0xdeadbeef);
    expect(attributes.string(2)).toBe('eth0');
    expect(attributes.bytes(3)).toEqual(Uint8Array.of(1, 2, 3));
    expect(attributes.nested(4).u32(5)).toBe(6);
  });

  test('ignores the two flag bits of a type', () => {
    const message = new MessageBuilder(1, 0).u32(0x8000 | 12, 1).finish(0);

    expect(readAttributes(message, 16).u32(12)).toBe(1);
  });

  test('treats a number that is too short as absent', () => {
    const attributes = readAttributes(new MessageBuilder(1, 0).u16(1, 5).finish(0), 16);

    expect(attributes.u32(1)).toBeUndefined();
    expect(attributes.bytes(2)).toBeUndefined();
    expect(attributes.string(2)).toBeUndefined();
    expect(attributes.nested(2).u32(1)).toBeUndefined();
  });

  test('reads a string without a final zero byte to its end', () => {
    const message = new MessageBuilder(1, 0).bytes(1, Uint8Array.of(0x61, 0x62)).finish(0);

    expect(readAttributes(message, 16).string(1)).toBe('ab');
  });

  test('returns the attributes before a truncated one', () => {
    const message = new MessageBuilder(1, 0).u32(1, 1).u32(2, 2).finish(0);

    for (let cut = 1; cut <= 8; cut++) {
      const attributes = readAttributes(message.subarray(0, message.length - cut), 16);
      expect(attributes.u32(1)).toBe(1);
      expect(attributes.bytes(2)).toBeUndefined();
    }
  });

  test('reads nothing from an offset after the end', () => {
    expect(readAttributes(new Uint8Array(4), 16).u32(1)).toBeUndefined();
  });
});

function concatenated(parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
