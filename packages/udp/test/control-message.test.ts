import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseControl,
  ReceivedControl,
  writePacketInfo,
  writeSegmentLength,
  writeTrafficClass,
} from '../src/control-message.ts';

describe('parseControl', () => {
  test('reads local address, interface and TOS of an IPv4 datagram', () => {
    const info = [...int(7), 192, 0, 2, 1, 192, 0, 2, 255];
    const { parsed, control, bytes } = parse(4, cmsg(0, 8, info), cmsg(0, 1, [0xb9]));
    expect(parsed).toBe(true);
    expect(control).toMatchObject({ sourceInterface: 7, trafficClass: 0xb9, segmentLength: -1 });
    // The local address, not the destination in the header: the broadcast address 192.0.2.255
    // cannot be a source.
    expect([...bytes.subarray(control.sourceOffset, control.sourceOffset + 4)]).toEqual([
      192, 0, 2, 1,
    ]);
  });

  test('reads local address, interface and traffic class of an IPv6 datagram', () => {
    const address = Array.from({ length: 16 }, (_, i) => i + 1);
    const { control, bytes } = parse(
      6,
      cmsg(41, 50, [...address, ...int(9)]),
      cmsg(41, 67, int(3)),
    );
    expect(control).toMatchObject({ sourceInterface: 9, trafficClass: 3 });
    expect([...bytes.subarray(control.sourceOffset, control.sourceOffset + 16)]).toEqual(address);
  });

  test('reads segment length and drop count', () => {
    const { control } = parse(4, cmsg(17, 104, int(1452)), cmsg(1, 40, int(0xffffffff)));
    expect(control).toMatchObject({ segmentLength: 1452, overflow: 0xffffffff });
  });

  test('ignores control messages of the other family', () => {
    const { control } = parse(6, cmsg(0, 8, [...int(7), 192, 0, 2, 1, 192, 0, 2, 1]));
    expect(control).toMatchObject({ sourceOffset: -1, sourceInterface: 0 });
  });

  test('skips unknown control messages', () => {
    const { parsed, control } = parse(4, cmsg(99, 99, [1, 2, 3]), cmsg(0, 1, [2]));
    expect(parsed).toBe(true);
    expect(control.trafficClass).toBe(2);
  });

  test.each([0, 1, 15, 17 + 8])(
    'refuses a control message with length %i in 24 bytes',
    (length) => {
      const bytes = Uint8Array.from(cmsg(0, 1, [3]));
      bytes[0] = length;
      expect(parseControl(viewOf(bytes), 0, bytes.length, 4, new ReceivedControl())).toBe(false);
    },
  );

  test('does not keep values of the previous message', () => {
    const control = new ReceivedControl();
    const bytes = Uint8Array.from([...cmsg(0, 1, [3]), ...cmsg(17, 104, int(5))]);
    parseControl(viewOf(bytes), 0, bytes.length, 4, control);
    parseControl(viewOf(bytes), 0, 0, 4, control);
    expect(control).toEqual(new ReceivedControl());
  });

  test('returns an aligned address within the given bytes, whatever the bytes are (fuzz)', () => {
    const word = fc.oneof(fc.integer({ min: 0, max: 70 }), fc.integer());
    const words = fc.array(word, { maxLength: 48, size: 'max' });
    fc.assert(
      fc.property(
        words,
        fc.nat(200),
        fc.constantFrom(4 as const, 6 as const),
        (list, cut, family) => {
          const bytes = new Uint8Array(Int32Array.from(list).buffer);
          const control = new ReceivedControl();
          const length = Math.min(cut, bytes.length);
          parseControl(viewOf(bytes), 0, length, family, control);
          const needed = family === 4 ? 4 : 16;
          const { sourceOffset } = control;
          expect(sourceOffset < 0 ? 0 : sourceOffset + needed).toBeLessThanOrEqual(length);
          expect(sourceOffset < 0 ? 0 : sourceOffset % 4).toBe(0);
          expect(control.trafficClass).toBeGreaterThanOrEqual(0);
          expect(control.trafficClass).toBeLessThanOrEqual(255);
        },
      ),
    );
  });
});

describe('writePacketInfo', () => {
  test('writes what parseControl reads', () => {
    for (const [family, length] of [[4, 4] as const, [6, 16] as const]) {
      const source = Uint8Array.from({ length }, (_, i) => i + 10);
      const bytes = new Uint8Array(96).fill(0xee);
      let end = writePacketInfo(viewOf(bytes), 0, family, source, 3);
      end = writeTrafficClass(viewOf(bytes), end, family, 0x8a);
      end = writeSegmentLength(viewOf(bytes), end, 1452);
      const control = new ReceivedControl();
      expect(parseControl(viewOf(bytes), 0, end, family, control)).toBe(true);
      expect(control).toMatchObject({ sourceInterface: 3, trafficClass: 0x8a });
      const { sourceOffset } = control;
      expect(bytes.slice(sourceOffset, sourceOffset + length)).toEqual(source);
    }
  });

  test('lets the kernel choose the address if none is given', () => {
    const bytes = new Uint8Array(40).fill(0xee);
    writePacketInfo(viewOf(bytes), 0, 6, undefined, 3);
    expect([...bytes.subarray(16, 36)]).toEqual([...Array(16).fill(0), 3, 0, 0, 0]);
  });
});

function parse(
  family: 4 | 6,
  ...messages: number[][]
): { parsed: boolean; control: ReceivedControl; bytes: Uint8Array } {
  const bytes = Uint8Array.from(messages.flat());
  const control = new ReceivedControl();
  const parsed = parseControl(viewOf(bytes), 0, bytes.length, family, control);
  return { parsed, control, bytes };
}

function cmsg(level: number, type: number, data: number[]): number[] {
  const padding = Array<number>((8 - (data.length % 8)) % 8).fill(0xdd);
  return [...int(16 + data.length), ...int(0), ...int(level), ...int(type), ...data, ...padding];
}

function int(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
