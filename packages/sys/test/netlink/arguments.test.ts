import { describe, expect, test } from 'vitest';
import {
  checkAddressOptions,
  checkIndex,
  checkInterfaceAddress,
  checkLinkName,
  checkLinkSettings,
  checkRoute,
  checkRule,
  checkVethOptions,
} from '../../src/netlink/arguments.ts';

const FOUR = new Uint8Array(4);
const ROUTE = { destination: FOUR, prefixLength: 0 };
const RULE = { family: 4, table: 7 };

describe.each<[string, (value: never) => void, unknown, [string, unknown][]]>([
  [
    'checkIndex',
    (value) => checkIndex('index', value),
    5,
    [
      ['"index" expected an integer', -1],
      ['"index" expected an integer', 2 ** 31],
      ['"index" expected a number', '5'],
    ],
  ],
  [
    'checkLinkName',
    (value) => checkLinkName('name', value),
    'wg0',
    [
      ['"name" expected at most 15 bytes, got 16', 'sixteen-letters-'],
      ['"name" expected no zero character', 'wg0\0evil'],
      ['"name" expected some text', ''],
      ['"name" expected a string', 5],
    ],
  ],
  [
    'checkLinkSettings',
    checkLinkSettings,
    { up: true, mtu: 1420, name: 'wg0', txQueueLength: 9, netns: 3 },
    [
      ['"change" expected an object', undefined],
      ['"up" expected true or false', { up: 1 }],
      ['"mtu" expected an integer', { mtu: 1420.5 }],
      ['"name" expected at most 15', { name: 'a'.repeat(70_000) }],
      ['"txQueueLength" expected an integer', { txQueueLength: 2 ** 32 }],
      ['"netns" expected a number', { netns: null }],
      ['"reversePathFilter" expected an integer from 0 to 2', { reversePathFilter: 3 }],
      ['"ipv6AddressGeneration" expected eui64 or none', { ipv6AddressGeneration: 'random' }],
    ],
  ],
  [
    'checkVethOptions',
    checkVethOptions,
    { mtu: 1500, peerNetns: 3 },
    [
      ['"mtu" expected an integer', { mtu: -1 }],
      ['"peerNetns" expected an integer', { peerNetns: 0.5 }],
    ],
  ],
  [
    'checkInterfaceAddress',
    checkInterfaceAddress,
    { address: FOUR, prefixLength: 32, peer: FOUR },
    [
      ['"address" expected an object', '10.0.0.1/24'],
      ['"address" expected 4 or 16 bytes, got 5', { address: new Uint8Array(5), prefixLength: 0 }],
      ['"prefixLength" expected an integer from 0 to 32', { address: FOUR, prefixLength: 33 }],
      ['"prefixLength" expected a number', { address: FOUR }],
      ['"peer" expected 4 or 16', { address: FOUR, prefixLength: 1, peer: new Uint8Array(70_000) }],
      ['"peer" expected 4 bytes', { address: FOUR, prefixLength: 1, peer: new Uint8Array(16) }],
    ],
  ],
  ['checkAddressOptions', checkAddressOptions, {}, [['"noDad" expected true', { noDad: 1 }]]],
  [
    'checkRoute',
    checkRoute,
    { ...ROUTE, interfaceIndex: 1, gateway: new Uint8Array(16), source: FOUR, type: 'unicast' },
    [
      ['"route" expected an object', null],
      ['"destination" expected a Uint8Array', { ...ROUTE, destination: '0.0.0.0' }],
      ['"prefixLength" expected an integer from 0 to 32', { ...ROUTE, prefixLength: 64 }],
      ['"interfaceIndex" expected an integer', { ...ROUTE, interfaceIndex: -1 }],
      ['"gateway" expected 4 or 16', { ...ROUTE, gateway: new Uint8Array(65_600) }],
      ['"source" expected 4 or 16', { ...ROUTE, source: new Uint8Array(0) }],
      ['"table" expected an integer', { ...ROUTE, table: 2 ** 32 }],
      ['"metric" expected an integer', { ...ROUTE, metric: -1 }],
      ['"mtu" expected an integer', { ...ROUTE, mtu: NaN }],
      ['"protocol" expected an integer', { ...ROUTE, protocol: 256 }],
      ['"scope" expected an integer', { ...ROUTE, scope: -1 }],
      ['"type" expected one of unicast, local', { ...ROUTE, type: 'toString' }],
    ],
  ],
  [
    'checkRule',
    checkRule,
    {
      ...RULE,
      priority: 1,
      mark: 1,
      markMask: 2 ** 32 - 1,
      invert: true,
      protocol: 3,
      to: prefix(4, 32),
      from: prefix(4, 0),
      ipProtocol: 6,
      sourcePort: 1,
      destinationPort: 65_535,
    },
    [
      ['"family" expected 4 or 6', { ...RULE, family: 5 }],
      ['"table" expected a number', { family: 4 }],
      ['"priority" expected an integer', { ...RULE, priority: -1 }],
      ['"mark" expected an integer', { ...RULE, mark: 2 ** 32 }],
      ['"markMask" expected an integer', { ...RULE, markMask: 0.5 }],
      ['"invert" expected true or false', { ...RULE, invert: 'no' }],
      ['"suppressPrefixLength" expected', { ...RULE, suppressPrefixLength: 129 }],
      ['"protocol" expected an integer', { ...RULE, protocol: 256 }],
      ['"to" expected an object', { ...RULE, to: '10.0.0.0/8' }],
      ['"to.address" expected 4 bytes for "family"', { ...RULE, to: prefix(16, 8) }],
      ['"from.address" expected 4 or 16', { ...RULE, from: prefix(5, 8) }],
      ['"from.prefixLength" expected an integer from 0 to 32', { ...RULE, from: prefix(4, 33) }],
      ['"ipProtocol" expected an integer', { ...RULE, ipProtocol: 0 }],
      ['"sourcePort" expected an integer', { ...RULE, sourcePort: 0 }],
      ['"destinationPort" expected an integer', { ...RULE, destinationPort: 65_536 }],
    ],
  ],
])('%s', (_, check, right, wrong) => {
  test('accepts a right value', () => {
    expect(() => check(right as never)).not.toThrow();
  });

  test.each(wrong)('throws %s', (text, value) => {
    expect(() => check(value as never)).toThrow(text);
  });
});

function prefix(bytes: number, prefixLength: number): object {
  return { address: new Uint8Array(bytes), prefixLength };
}
