import { headerChecksumIsRight, ipPacket } from '@litz/testkit';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createUnreachable } from '../../src/wire/icmp.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300);
const V4 = { source: [10, 0, 0, 1], destination: [192, 0, 2, 7] };
const V6 = { source: [0xfd, ...Array(14).fill(0), 1], destination: Array(16).fill(0x20) };
const ICMP = 1;
const ICMPV6 = 58;

describe('createUnreachable', () => {
  it('answers IPv4 with host unreachable, from the packet’s destination', () => {
    const packet = ipPacket({ ...V4, payload: [1, 2, 3, 4, 5], length: 61 });
    const answer = answerTo(packet);
    expect(Array.from(answer.subarray(12, 16))).toEqual(V4.destination);
    expect(Array.from(answer.subarray(16, 20))).toEqual(V4.source);
    expect(answer[9]).toBe(ICMP);
    expect(Array.from(answer.subarray(20, 22))).toEqual([3, 1]);
    expect(answer.subarray(28)).toEqual(packet);
    // 20 bytes of header, internetwork control, 89 bytes in all, id 0, don't fragment, 64 hops.
    expect([...answer.subarray(0, 10)]).toEqual([0x45, 0xc0, 0, 89, 0, 0, 0x40, 0, 64, ICMP]);
  });

  it('answers IPv6 with address unreachable, from the packet’s destination', () => {
    const packet = ipPacket({ ...V6, length: 61 });
    const answer = answerTo(packet);
    expect(Array.from(answer.subarray(8, 24))).toEqual(V6.destination);
    expect(Array.from(answer.subarray(24, 40))).toEqual(V6.source);
    expect(answer[6]).toBe(ICMPV6);
    expect(Array.from(answer.subarray(40, 42))).toEqual([1, 3]);
    expect(answer.subarray(48)).toEqual(packet);
    expect([...answer.subarray(0, 8)]).toEqual([0x60, 0, 0, 0, 0, 69, ICMPV6, 64]);
  });

  it('quotes at most as much as fits into 576 and 1280 bytes', () => {
    expect(answerTo(ipPacket({ ...V4, length: 1420 }))).toHaveLength(576);
    expect(answerTo(ipPacket({ ...V6, length: 1420 }))).toHaveLength(1280);
    expect(answerTo(ipPacket({ ...V4, length: 20 }))).toHaveLength(48);
  });

  it('has correct checksums, for IPv4 packets of any length', () => {
    fc.assert(
      fc.property(lengths(), fc.uint8Array({ minLength: 1 }), (length, payload) => {
        const answer = answerTo(ipPacket({ ...V4, length, payload }));
        expect(headerChecksumIsRight(answer)).toBe(true);
        expect(checksumOver(answer.subarray(20))).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  it('has a correct checksum, for IPv6 packets of any length', () => {
    fc.assert(
      fc.property(lengths(), fc.uint8Array({ minLength: 1 }), (length, payload) => {
        const answer = answerTo(ipPacket({ ...V6, length, payload }));
        const pseudo = [...answer.subarray(8, 40), 0, 0, answer[4], answer[5], 0, 0, 0, ICMPV6];
        expect(checksumOver([...pseudo, ...answer.subarray(40)])).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  it('finds the packet at its offset in a larger buffer', () => {
    const packet = ipPacket({ ...V4, length: 40 });
    const buffer = new Uint8Array(100).fill(0xee);
    buffer.set(packet, 16);
    expect(createUnreachable(buffer, 16, 40)).toEqual(createUnreachable(packet, 0, 40));
  });

  it('answers an echo request', () => {
    expect(tryAnswer(ipPacket({ ...V4, protocol: ICMP, payload: [8, 0] }))).toBeDefined();
    expect(tryAnswer(ipPacket({ ...V6, protocol: ICMPV6, payload: [128, 0] }))).toBeDefined();
  });

  it('never answers an ICMP error', () => {
    for (const type of [3, 4, 5, 11, 12, 40]) {
      expect(tryAnswer(ipPacket({ ...V4, protocol: ICMP, payload: [type] }))).toBeUndefined();
    }
    for (const type of [1, 2, 3, 4, 127, 137]) {
      expect(tryAnswer(ipPacket({ ...V6, protocol: ICMPV6, payload: [type] }))).toBeUndefined();
    }
    expect(tryAnswer(ipPacket({ ...V4, protocol: ICMP, length: 20 }))).toBeUndefined();
    expect(tryAnswer(ipPacket({ ...V6, protocol: ICMPV6, length: 40 }))).toBeUndefined();
  });

  it('finds an ICMPv6 error after extension headers', () => {
    const hopByHop = [60, 0, 1, 4, 0, 0, 0, 0];
    const options = [1, 1, 12, ...Array(12).fill(0)];
    const packet = (next: number, type: number): Uint8Array =>
      ipPacket({ ...V6, protocol: 0, payload: [...hopByHop, next, ...options, type, 0] });
    expect(tryAnswer(packet(ICMPV6, 1))).toBeUndefined();
    expect(tryAnswer(packet(ICMPV6, 129))).toBeDefined();
    expect(tryAnswer(packet(17, 1))).toBeDefined();
  });

  it('answers the first fragment and no later one', () => {
    const first = ipPacket({ ...V4, length: 60 });
    first[6] = 0x20; // more fragments
    expect(tryAnswer(first)).toBeDefined();
    const later = ipPacket({ ...V4, length: 60 });
    later[7] = 1;
    expect(tryAnswer(later)).toBeUndefined();

    expect(tryAnswer(fragment6(0, 0x01))).toBeDefined();
    expect(tryAnswer(fragment6(0, 0x08))).toBeUndefined();
    expect(tryAnswer(fragment6(1, 0))).toBeUndefined();
  });

  it('answers no other IP version, and no packet shorter than its header', () => {
    for (const version of [0, 5, 7]) {
      const packet = ipPacket({ ...V6, length: 80 });
      packet[0] = version << 4;
      expect(tryAnswer(packet)).toBeUndefined();
    }
    expect(createUnreachable(ipPacket({ ...V4, length: 60 }), 0, 19)).toBeUndefined();
    expect(createUnreachable(ipPacket({ ...V6, length: 60 }), 0, 39)).toBeUndefined();
    expect(createUnreachable(ipPacket({ ...V6, length: 40 }), 0, 40)).toBeDefined();
    expect(createUnreachable(ipPacket({ ...V6, length: 60 }), 0, 0)).toBeUndefined();
    expect(createUnreachable(new Uint8Array(0), 0, 0)).toBeUndefined();
    for (const words of [4, 11]) {
      const packet = ipPacket({ ...V4, length: 40 });
      packet[0] = 0x40 | words;
      expect(tryAnswer(packet)).toBeUndefined();
      packet[0] = 0x4a;
      expect(tryAnswer(packet)).toBeDefined();
    }
  });

  it('reads nothing after the packet', () => {
    const echo4 = ipPacket({ ...V4, protocol: ICMP, payload: [8, 0] });
    expect(createUnreachable(echo4, 0, 20)).toBeUndefined();
    const echo6 = ipPacket({ ...V6, protocol: ICMPV6, payload: [128, 0] });
    expect(createUnreachable(echo6, 0, 40)).toBeUndefined();
    const cutInExtension = ipPacket({
      ...V6,
      protocol: 0,
      payload: [ICMPV6, ...Array(15).fill(0)],
    });
    expect(createUnreachable(cutInExtension, 0, 47)).toBeDefined();
    expect(createUnreachable(cutInExtension, 0, 48)).toBeUndefined();
  });

  it('does not mistake payload for an extension header', () => {
    const payload = [ICMPV6, ...Array(7).fill(0), 1, 0, 0, 0];
    expect(tryAnswer(ipPacket({ ...V6, payload }))).toBeDefined();
  });

  it('answers nothing if an address is multicast, broadcast, loopback or unspecified', () => {
    for (const source of [
      [0, 0, 0, 0],
      [127, 0, 0, 1],
      [224, 0, 0, 5],
      [255, 255, 255, 255],
    ]) {
      expect(tryAnswer(ipPacket({ ...V4, source }))).toBeUndefined();
      expect(tryAnswer(ipPacket({ ...V4, destination: source }))).toBeUndefined();
    }
    const group = [0xff, 2, ...Array(14).fill(1)];
    expect(tryAnswer(ipPacket({ ...V6, source: group }))).toBeUndefined();
    expect(tryAnswer(ipPacket({ ...V6, destination: group }))).toBeUndefined();
    expect(tryAnswer(ipPacket({ ...V6, source: Array(16).fill(0) }))).toBeUndefined();
  });

  it('never throws for any bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120, size: 'max' }),
        fc.constantFrom(0, 0x45, 0x60),
        (...given) => {
          const [bytes, first] = given;
          if (first !== 0 && bytes.length > 0) bytes[0] = first;
          const answer = createUnreachable(bytes, 0, bytes.length);
          expect(answer === undefined || answer.length <= 1280).toBe(true);
        },
      ),
      { numRuns: RUNS },
    );
  });
});

function tryAnswer(packet: Uint8Array): Uint8Array | undefined {
  return createUnreachable(packet, 0, packet.length);
}

function answerTo(packet: Uint8Array): Uint8Array {
  const answer = tryAnswer(packet);
  if (!answer) throw new Error('expected an answer');
  return answer;
}

/** Returns an IPv6 fragment. `high` and `low` are the two bytes with its offset and flags. */
function fragment6(high: number, low: number): Uint8Array {
  return ipPacket({ ...V6, protocol: 44, payload: [17, 0, high, low, 0, 0, 0, 1] });
}

function lengths(): fc.Arbitrary<number> {
  return fc.integer({ min: 40, max: 1500 });
}

/** Returns zero for bytes that contain their own checksum. */
function checksumOver(bytes: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
