import { connect, createPair, headerChecksumIsRight, ipPacket, type Pair } from '@litz/testkit';
import { describe, expect, it } from 'vitest';

const NOT_ECT = 0;
const ECT_1 = 1;
const ECT_0 = 2;
const CE = 3;
const ALL = [NOT_ECT, ECT_1, ECT_0, CE];

describe.each(['ipv4', 'ipv6'] as const)('ECN over %s', (family) => {
  it('is copied from the packet to the datagram, without the DSCP', () => {
    const { network, alice, bob } = connected();
    for (const ecn of ALL) {
      alice.send(packetOf(alice, bob, ecn | 0xb8));
      expect(network.eavesdropper.datagrams.at(-1)?.tos).toBe(ecn);
    }
  });

  it.each([
    [NOT_ECT, [NOT_ECT, NOT_ECT, NOT_ECT, NOT_ECT]],
    [ECT_1, [ECT_1, ECT_1, ECT_1, CE]],
    [ECT_0, [ECT_0, ECT_1, ECT_0, CE]],
    [CE, [CE, CE, CE, CE]],
  ])(
    'combines ECN %i of the packet with each ECN of the datagram as in RFC 6040',
    (inner, expected) => {
      const { network, alice, bob } = connected();
      for (const outer of ALL) {
        network.marks = () => outer;
        const packet = packetOf(alice, bob, inner | 0xb8);
        alice.send(packet);
        network.settle();
        const received = bob.packets.at(-1) ?? new Uint8Array(0);
        expect(tosOf(received) & 3).toBe(expected[ALL.indexOf(outer)]);
        expect(tosOf(received) & ~3).toBe(0xb8);
        expect(family === 'ipv6' || headerChecksumIsRight(received)).toBe(true);
        expect(received.subarray(-4)).toEqual(packet.subarray(-4));
      }
      expect(bob.engine.stats.drops.toJSON()).toEqual({});
    },
  );

  function packetOf(from: Pair['alice'], to: Pair['bob'], ecn: number): Uint8Array {
    return ipPacket({ source: from.person[family], destination: to.person[family], ecn });
  }

  function tosOf(packet: Uint8Array): number {
    if (family === 'ipv4') return packet[1] ?? 0;
    return (((packet[0] ?? 0) << 4) & 0xff) | ((packet[1] ?? 0) >>> 4);
  }
});

describe('ECN without a packet', () => {
  it('is 0 on keepalives', () => {
    const pair = createPair({ bobAsPeer: { persistentKeepalive: 5 } });
    pair.network.drive(20_000);
    expect(pair.network.eavesdropper.of(4).map(({ tos }) => tos)).toContain(0);
    expect(pair.network.eavesdropper.of(4).every(({ tos }) => tos === 0)).toBe(true);
  });
});

function connected(): Pair {
  const pair = createPair();
  connect(pair);
  return pair;
}
