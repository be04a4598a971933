import { describe, expect, test } from 'vitest';
import { hasWholeHeaderChain } from '../../src/wire/extension-headers.ts';
import { IpPacket } from '../../src/wire/ip-packet.ts';
import { rawPacket } from '../raw-packets.ts';

const HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION = 60;
const UDP = [0, 9, 0, 53, 0, 8, 0, 0];
const PAD_N = [1, 4, 0, 0, 0, 0];

describe('readExtensionHeaders', () => {
  test('finds the transport header after all kinds of extension headers', () => {
    const packet = read(
      HOP,
      [
        [DESTINATION, 0, ...PAD_N],
        [ROUTING, 1, 0, 0, 1, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [FRAGMENT, 0, 4, 0, 0, 0, 0, 0],
        [DESTINATION, 0, 0, 0, 0, 0, 0, 7],
        [17, 0, ...PAD_N],
        UDP,
      ].flat(),
    );

    expect(packet).toMatchObject({ reason: undefined, isFragment: false, protocol: 17 });
    expect(packet.transport - 40).toBe(8 + 16 + 8 + 8 + 8);
    expect(packet.protocolPointer - 40).toBe(8 + 16 + 8 + 8);
  });

  // The two highest bits of the type of an option say what to do if the option is unknown (RFC 8200
  // 4.2). These bits are called the kind below.
  test.each<
    [what: string, first: number, bytes: number[], problem: [code: number, at: number] | -1]
  >([
    [
      'hop-by-hop options that are not first',
      DESTINATION,
      [HOP, 0, ...PAD_N, 17, 0, ...PAD_N],
      [1, 40],
    ],
    ['a header that is cut', HOP, [17, 1, ...PAD_N], -1],
    ['an option that is cut', HOP, [17, 0, 1, 5, 0, 0, 0, 0], -1],
    ['an unknown option of kind 01', HOP, [17, 0, 0x5e, 4, 0, 0, 0, 0], -1],
    ['an unknown option of kind 10', HOP, [17, 0, 0, 0x9e, 3, 0, 0, 0], [2, 43]],
    ['an unknown option of kind 11', DESTINATION, [17, 0, 0xde, 4, 0, 0, 0, 0], [2, 42]],
    ['a routing header with segments left', ROUTING, [17, 0, 0, 1, 0, 0, 0, 0], [0, 42]],
    ['a Fragment header that is cut', FRAGMENT, [17, 0, 0, 0], -1],
    [
      'a fragment of 9 bytes that is not the last one',
      FRAGMENT,
      [17, 0, 0, 1, 0, 0, 0, 1, ...UDP, 0],
      [0, 4],
    ],
    [
      'a fragment that ends after byte 65535',
      FRAGMENT,
      [17, 0, 0xff, 0xf8, 0, 0, 0, 1, ...UDP],
      [0, 42],
    ],
  ])('refuses %s', (_, first, bytes, problem) => {
    const packet = read(first, bytes);
    expect(packet.reason).toBe('bad-extension-header');
    const { problemCode, problemPointer } = packet;
    expect(problemCode === -1 ? -1 : [problemCode, problemPointer]).toEqual(problem);
  });

  test('skips an unknown option of kind 00', () => {
    expect(read(HOP, [17, 0, 0x1e, 4, 0, 0, 0, 0, ...UDP]).reason).toBeUndefined();
  });

  test('wants an answer for a packet to a group with an unknown option of kind 10, but not of kind 11', () => {
    expect(read(HOP, [17, 0, 0x9e, 4, 0, 0, 0, 0]).answersGroup).toBe(true);
    expect(read(HOP, [17, 0, 0xde, 4, 0, 0, 0, 0]).answersGroup).toBe(false);
  });

  test('stops at a Fragment header, because other fragments have the rest of the packet', () => {
    const packet = read(HOP, [FRAGMENT, 0, ...PAD_N, 17, 0, 0, 0x51, 1, 2, 3, 4, ...UDP]);

    expect(packet).toMatchObject({
      isFragment: true,
      fragmentOffset: 0x50,
      hasMoreFragments: true,
    });
    expect(packet).toMatchObject({ identification: 0x01020304, protocol: 17, transport: 56 });
    expect(packet).toMatchObject({ fragmentPointer: 40, fragmentHeader: 48 });
  });
});

describe('hasWholeHeaderChain', () => {
  test.each<[what: string, next: number, bytes: number[], whole: boolean]>([
    ['a UDP header', 17, UDP, true],
    ['a TCP header that is cut', 6, [...UDP, ...UDP], false],
    ['options that are cut', DESTINATION, [17, 1, ...PAD_N], false],
    ['options and no UDP header', DESTINATION, [17, 0, ...PAD_N], false],
    ['options and a UDP header', DESTINATION, [17, 0, ...PAD_N, ...UDP], true],
    ['another protocol', 200, [1, 2, 3, 4, 5, 6, 7, 8], true],
  ])('says whether all headers are in a first fragment that has %s', (_, next, bytes, whole) => {
    const packet = read(FRAGMENT, [next, 0, 0, 1, 0, 0, 0, 1, ...bytes]);
    expect(packet.reason).toBeUndefined();
    expect(hasWholeHeaderChain(packet)).toBe(whole);
  });
});

function read(first: number, bytes: number[]): IpPacket & { reason: string | undefined } {
  const raw = rawPacket({ version: 6, protocol: first, payload: Uint8Array.from(bytes) });
  const packet = new IpPacket();
  const reason = packet.read(raw, 0, raw.length);
  return Object.assign(packet, { reason });
}
