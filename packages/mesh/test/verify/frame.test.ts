import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readMarked, readSealedEndpoint } from '../../src/verify/frame.ts';
import {
  echo,
  ethernet,
  ICMP,
  ICMPV6,
  ip,
  joined,
  KEEPALIVE,
  tcp,
  TCP,
  TRANSPORT,
  udp,
  UDP,
} from './frames.ts';

const OUT = { port: 51871, isOutgoing: true };
const IN = { port: 51871, isOutgoing: false };
const sealed = ip('192.0.2.1', '192.0.2.2', UDP, udp(51871, 40_000, TRANSPORT));

describe('readSealedEndpoint', () => {
  test('returns the other end of an outgoing and of an incoming datagram', () => {
    expect(readSealedEndpoint(ethernet(sealed), OUT)).toBe('192.0.2.2:40000');
    expect(readSealedEndpoint(ethernet(sealed), IN)).toBe('192.0.2.1:51871');
  });

  test('finds the endpoint over IPv6, behind VLAN tags, and without an Ethernet header', () => {
    const packet = ip('2001:db8::1', '2001:db8::2', UDP, udp(51871, 51871, TRANSPORT));
    expect(readSealedEndpoint(ethernet(packet), OUT)).toBe('[2001:db8::2]:51871');
    expect(readSealedEndpoint(ethernet(sealed, [5]), OUT)).toBe('192.0.2.2:40000');
    expect(readSealedEndpoint(ethernet(sealed, [5, 6]), OUT)).toBe('192.0.2.2:40000');
    expect(readSealedEndpoint(sealed, OUT)).toBe('192.0.2.2:40000');
  });

  test.each<[what: string, packet: Uint8Array]>([
    ['other ports', ip('192.0.2.1', '192.0.2.2', UDP, udp(1, 2, TRANSPORT))],
    [
      'a handshake message',
      ip(
        '192.0.2.1',
        '192.0.2.2',
        UDP,
        udp(51871, 51871, joined(Uint8Array.of(1, 0, 0, 0), new Uint8Array(144))),
      ),
    ],
    ['a keepalive', ip('192.0.2.1', '192.0.2.2', UDP, udp(51871, 51871, KEEPALIVE))],
    [
      'a message without its three zeros',
      ip(
        '192.0.2.1',
        '192.0.2.2',
        UDP,
        udp(51871, 51871, joined(Uint8Array.of(4, 0, 0, 1), TRANSPORT)),
      ),
    ],
    ['TCP', ip('192.0.2.1', '192.0.2.2', TCP, udp(51871, 51871, TRANSPORT))],
    ['a datagram that is cut', sealed.subarray(0, 31)],
  ])('finds no endpoint in %s', (_, packet) => {
    expect(readSealedEndpoint(ethernet(packet), OUT)).toBeUndefined();
  });

  test('never throws, whatever bytes a frame has', () => {
    const first = fc.constantFrom(0x45, 0x4f, 0x60, 0x00);
    const property = fc.property(
      fc.uint8Array({ maxLength: 120, size: 'max' }),
      fc.nat(140),
      first,
      (bytes, at, first) => {
        const frame = ethernet(joined(Uint8Array.of(first), bytes));
        expect([readSealedEndpoint(frame, OUT), readMarked(frame, at)].length).toBe(2);
      },
    );
    fc.assert(property);
  });
});

describe('readMarked', () => {
  const mark = Uint8Array.of(0xaa, 0xbb);

  test.each<
    [
      what: string,
      source: string,
      destination: string,
      protocol: number,
      body: Uint8Array,
      behind: number,
    ]
  >([
    ['an echo', '10.1.0.0', '10.2.0.0', ICMP, echo(mark), 28],
    ['an echo over IPv6', 'fd44:1::', 'fd44:2::', ICMPV6, echo(mark), 48],
    ['a datagram', '10.1.0.0', '10.2.0.0', UDP, udp(5, 9, mark), 28],
    ['a segment', '10.1.0.0', '10.2.0.0', TCP, tcp(5, 9), 20],
    ['a segment over IPv6', 'fd44:1::', 'fd44:2::', TCP, tcp(5, 9), 40],
  ])('reads the addresses of %s', (_, source, destination, protocol, body, behind) => {
    const packet = ip(source, destination, protocol, body);
    expect(readMarked(ethernet(packet), 14 + behind)).toEqual({
      flow: { source, destination },
      isInner: false,
    });
    expect(readMarked(packet, behind)).toMatchObject({ isInner: false });
    expect(readMarked(ethernet(packet, [7]), 18 + behind)).toMatchObject({ isInner: false });
    // The VXLAN header has 8 bytes, and a whole frame follows it.
    const vxlan = joined(new Uint8Array(8), ethernet(packet));
    const outer = ethernet(ip('192.0.2.1', '192.0.2.2', UDP, udp(1, 8472, vxlan)));
    expect(readMarked(outer, 14 + 28 + 8 + 14 + behind)).toEqual({
      flow: { source, destination },
      isInner: true,
    });
  });

  test('finds nothing if the frame has no IP header, or another protocol', () => {
    expect(readMarked(new Uint8Array(100), 60)).toBeUndefined();
    expect(readMarked(ethernet(ip('10.1.0.0', '10.2.0.0', 47, echo(mark))), 42)).toBeUndefined();
    expect(readMarked(new Uint8Array(100), 3)).toBeUndefined();
  });
});
