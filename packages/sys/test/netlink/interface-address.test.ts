import { describe, expect, test } from 'vitest';
import { addAddressMessage, readAddress } from '../../src/netlink/interface-address.ts';
import { MessageBuilder } from '../../src/netlink/message-builder.ts';
import { readAttributes } from '../../src/netlink/message-reader.ts';

const v4 = Uint8Array.of(10, 0, 0, 1);
const v6 = Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

describe('addAddressMessage', () => {
  test('writes the address as IFA_LOCAL and as IFA_ADDRESS', () => {
    const message = addAddressMessage(4, { address: v4, prefixLength: 24 }, {}).finish(0);

    expect([...message.subarray(16, 24)]).toEqual([2, 24, 0, 0, 4, 0, 0, 0]);
    const attributes = readAttributes(message, 24);
    expect(attributes.bytes(1)).toEqual(v4);
    expect(attributes.bytes(2)).toEqual(v4);
    expect(attributes.u32(8)).toBeUndefined();
  });

  test('switches off duplicate address detection and the prefix route only if the options say so', () => {
    const address = { address: v6, prefixLength: 64 };
    const flags = (options: object) =>
      readAttributes(addAddressMessage(4, address, options).finish(0), 24).u32(8);

    expect(flags({ noDad: true })).toBe(0x02);
    expect(flags({ noPrefixRoute: true })).toBe(0x200);
    expect(flags({ noDad: true, noPrefixRoute: true })).toBe(0x202);
  });

  test('writes what readAddress reads, with the peer', () => {
    const peer = Uint8Array.of(10, 0, 0, 2);
    const message = addAddressMessage(4, { address: v4, prefixLength: 32, peer }, {}).finish(0);

    expect(readAddress(message.subarray(16))).toEqual({
      interfaceIndex: 4,
      address: v4,
      prefixLength: 32,
      peer,
      scope: 0,
      tentative: false,
    });
  });

  test.each([0, 3, 5, 15, 17])('refuses an address of %i bytes', (length) => {
    const address = { address: new Uint8Array(length), prefixLength: 0 };

    expect(() => addAddressMessage(1, address, {})).toThrow(TypeError);
  });
});

describe('readAddress', () => {
  test('reads IFA_ADDRESS as the address of the interface if there is no IFA_LOCAL', () => {
    const payload = new MessageBuilder(20, 0)
      .struct(8, (view) => view.setUint8(2, 0x40))
      .bytes(1, v6)
      .finish(0)
      .subarray(16);

    expect(readAddress(payload)?.address).toEqual(v6);
    expect(readAddress(payload)?.tentative).toBe(true);
    expect(readAddress(payload)).not.toHaveProperty('peer');
  });

  test('returns undefined for a truncated message and for one without an address', () => {
    expect(readAddress(new Uint8Array(7))).toBeUndefined();
    expect(readAddress(new Uint8Array(8))).toBeUndefined();
  });
});
