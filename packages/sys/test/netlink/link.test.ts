import { describe, expect, test } from 'vitest';
import {
  createVethMessage,
  queryLinkMessage,
  readLink,
  setLinkMessage,
} from '../../src/netlink/link.ts';
import { MessageBuilder } from '../../src/netlink/message-builder.ts';
import { readAttributes } from '../../src/netlink/message-reader.ts';

describe('setLinkMessage', () => {
  test('changes only the flag IFF_UP', () => {
    const up = setLinkMessage(5, { up: true }).finish(0);
    const down = setLinkMessage(5, { up: false }).finish(0);

    expect([...up.subarray(16)]).toEqual([0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    expect([...down.subarray(16)]).toEqual([0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
  });

  test('changes no flag when it sets something else', () => {
    const message = setLinkMessage(5, { mtu: 1420, name: 'wg1', netns: 9 }).finish(0);

    expect([...message.subarray(24, 32)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    const attributes = readAttributes(message, 32);
    expect(attributes.u32(4)).toBe(1420);
    expect(attributes.string(3)).toBe('wg1');
    expect(attributes.u32(28)).toBe(9);
  });
});

describe('queryLinkMessage', () => {
  test('names the link by name or by index', () => {
    const byName = queryLinkMessage('wg0').finish(0);
    const byIndex = queryLinkMessage(7).finish(0);

    expect(readAttributes(byName, 32).string(3)).toBe('wg0');
    expect(byName[20]).toBe(0);
    expect(byIndex[20]).toBe(7);
  });

  test('names another namespace by its number', () => {
    const here = queryLinkMessage('wg0').finish(0);
    const there = queryLinkMessage('wg0', 0).finish(0);

    expect(readAttributes(here, 32).u32(46)).toBeUndefined();
    expect(readAttributes(there, 32).u32(46)).toBe(0);
    expect(readAttributes(there, 32).string(3)).toBe('wg0');
  });
});

describe('createVethMessage', () => {
  test('contains the whole message of the second end', () => {
    const message = createVethMessage('a', 'b', { mtu: 1400, peerNetns: 33 }).finish(0);

    const info = readAttributes(message, 32).nested(18);
    expect(info.string(1)).toBe('veth');
    const peer = info.nested(2).bytes(1) ?? new Uint8Array(0);
    const attributes = readAttributes(peer, 16);
    expect(attributes.string(3)).toBe('b');
    expect(attributes.u32(4)).toBe(1400);
    expect(attributes.u32(28)).toBe(33);
  });
});

describe('setLinkMessage with settings of a family', () => {
  test('sets the reverse path filter and the generation of IPv6 addresses, each in its family', () => {
    const message = setLinkMessage(3, {
      reversePathFilter: 2,
      ipv6AddressGeneration: 'none',
    }).finish(0);

    const families = readAttributes(message, 32).nested(26);
    expect(families.nested(2).nested(1).u32(8)).toBe(2);
    expect(families.nested(10).u8(8)).toBe(1);
  });

  test('names no family without such a setting', () => {
    expect(readAttributes(setLinkMessage(3, { up: true }).finish(0), 32).bytes(26)).toBeUndefined();
  });
});

describe('readLink', () => {
  test('reads name, MTU, flags and kind', () => {
    const payload = linkPayload(0, 0x41);

    expect(readLink(payload)).toEqual({
      index: 3,
      name: 'tun3',
      mtu: 1420,
      flags: 0x41,
      up: true,
      running: true,
      kind: 'tun',
      address: new Uint8Array(0),
      txQueueLength: 500,
    });
  });

  test('ignores messages of a bridge about its ports', () => {
    expect(readLink(linkPayload(7, 0x41))).toBeUndefined();
  });

  test('returns undefined for a truncated structure, and never throws', () => {
    const payload = linkPayload(0, 0);

    for (let length = 0; length < 16; length++) {
      expect(readLink(payload.subarray(0, length))).toBeUndefined();
    }
    for (let length = 16; length < payload.length; length++) {
      expect(readLink(payload.subarray(0, length))?.index).toBe(3);
    }
  });
});

function linkPayload(family: number, flags: number): Uint8Array {
  return new MessageBuilder(16, 0)
    .struct(16, (view) => {
      view.setUint8(0, family);
      view.setInt32(4, 3, true);
      view.setUint32(8, flags, true);
    })
    .string(3, 'tun3')
    .u32(4, 1420)
    .u32(13, 500)
    .nested(18, (info) => info.string(1, 'tun'))
    .finish(0)
    .subarray(16);
}
