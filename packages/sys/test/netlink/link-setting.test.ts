import { describe, expect, test } from 'vitest';
import { readFilterSetting } from '../../src/netlink/link-setting.ts';

describe('readFilterSetting', () => {
  test('reads the link and the new value', () => {
    expect(readFilterSetting(payload([attribute(1, 7), attribute(3, 2)]))).toEqual({
      interfaceIndex: 7,
      reversePathFilter: 2,
    });
    expect(readFilterSetting(payload([attribute(3, 1), attribute(1, -1)]))).toEqual({
      interfaceIndex: -1,
      reversePathFilter: 1,
    });
  });

  test('ignores other settings, other families and truncated messages', () => {
    expect(readFilterSetting(payload([attribute(1, 7), attribute(2, 1)]))).toBeUndefined();
    expect(readFilterSetting(payload([attribute(3, 1)]))).toBeUndefined();
    const ipv6 = payload([attribute(1, 7), attribute(3, 1)]);
    ipv6[0] = 10;
    expect(readFilterSetting(ipv6)).toBeUndefined();
    expect(readFilterSetting(Uint8Array.of(2))).toBeUndefined();
  });
});

function payload(attributes: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from([2, 0, 0, 0, ...attributes.flatMap((bytes) => [...bytes])]);
}

/** Returns a struct rtattr with a value of 4 bytes. */
function attribute(type: number, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 8, true);
  view.setUint16(2, type, true);
  view.setInt32(4, value, true);
  return bytes;
}
