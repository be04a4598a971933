import { describeWith } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { connect, createFixture, transfer } from './fixture.ts';
import { answerTooBig } from './icmp-router.ts';
import { tunDevices } from './requirements.ts';
import { Receiver, Sender } from './transfer.ts';

const BOTH = ['stack', 'kernel'] as const;

describeWith([tunDevices], 'the path between a stack and the kernel of Linux', () => {
  describe.each(BOTH)('while it marks congestion and the %s sends', (by) => {
    test.each([4, 6] as const)('loses no packet (IPv%i)', async (version) => {
      const fixture = createFixture(
        { sysctls: { 'net.ipv4.tcp_ecn': 1 }, connections: { ecn: true } },
        { marks: 0.03, latency: 2 },
      );
      const { network } = fixture;
      const ends = await connect(fixture, by, version);
      const seen = { capable: 0, marked: 0, echoed: 0, reduced: 0 };
      network.onArrival = (_, packet): void => {
        const ecn = (version === 4 ? packet[1] : packet[1] >>> 4) & 3;
        const flags = packet[(version === 4 ? 20 : 40) + 13];
        if (ecn === 2) seen.capable++;
        if (ecn === 3) seen.marked++;
        if (flags & 0x40) seen.echoed++;
        if (flags & 0x80) seen.reduced++;
      };
      const other = by === 'stack' ? ends.kernel : ends.stack;
      await transfer(network, ends[by], other, 1_000_000);
      expect(seen.capable).toBeGreaterThan(500);
      expect(seen.marked).toBeGreaterThan(10);
      expect(seen.echoed).toBeGreaterThanOrEqual(seen.marked / 2);
      expect(seen.reduced).toBeGreaterThan(2);
      expect(network.path.lost).toBe(0);
    });
  });

  describe.each(BOTH)('when its MTU becomes smaller while the %s sends', (by) => {
    test.each([4, 6] as const)(
      'carries all bytes if a router reports it (IPv%i)',
      async (version) => {
        const fixture = createFixture({}, {});
        const { network } = fixture;
        const ends = await connect(fixture, by, version);
        const other = by === 'stack' ? ends.kernel : ends.stack;
        await transfer(network, other, ends[by], 200_000);
        let longest = 0;
        let refused = 0;
        network.onPacket = (from, packet, now): boolean => {
          if (packet.length <= 1300) {
            longest = Math.max(longest, packet.length);
            return true;
          }
          refused++;
          const router = version === 4 ? '10.0.0.9' : 'fd00::9';
          network.path.put(from, answerTooBig(packet, 1300, router), now);
          return false;
        };
        await transfer(network, ends[by], other, 500_000);
        expect(longest).toBeGreaterThan(1280);
        expect(refused).toBeGreaterThan(0);
        expect(refused).toBeLessThan(200);
      },
    );

    test('carries all bytes even if no router reports it', { timeout: 60_000 }, async () => {
      const fixture = createFixture({ sysctls: { 'net.ipv4.tcp_mtu_probing': 1 } }, {});
      const { network } = fixture;
      const ends = await connect(fixture, by);
      const other = by === 'stack' ? ends.kernel : ends.stack;
      network.path.options = { latency: 1, blackHole: 1100 };
      const sender = new Sender(ends[by], 100_000);
      const receiver = new Receiver(other);
      network.programs.push(sender, receiver);
      await network.run(() => receiver.isOver);
      expect([receiver.received, receiver.digest()]).toEqual([100_000, sender.digest()]);
    });
  });

  test('is searched for the longest packets that pass, if no router sends "too big" messages', async () => {
    const fixture = createFixture({}, {});
    const { network } = fixture;
    const ends = await connect(fixture);
    network.path.options = { latency: 1, blackHole: 1350 };
    let longest = 0;
    network.onArrival = (_, packet): void => {
      longest = Math.max(longest, packet.length);
    };
    await transfer(network, ends.stack, ends.kernel, 1_000_000);
    expect(longest).toBeGreaterThan(1350 - 8);
  });

  test('carries all bytes of a stream during which both ends get new MTUs', async () => {
    const fixture = createFixture();
    const { network, stack, kernel } = fixture;
    const { stack: near, kernel: far } = await connect(fixture);
    const up = new Sender(near, 3_000_000);
    const upEnd = new Receiver(far);
    const down = new Sender(far, 3_000_000);
    const downEnd = new Receiver(near);
    network.programs.push(up, upEnd, down, downEnd);
    for (const [done, mtu] of [
      [1, 1300],
      [500_000, 1420],
      [1_000_000, 1500],
      [2_000_000, 1280],
    ]) {
      await network.run(() => upEnd.received > done && downEnd.received > done);
      stack.stack.mtu = mtu;
      kernel.tun.setMtu(mtu);
    }
    await network.run(() => upEnd.isOver && downEnd.isOver);
    expect([upEnd.digest(), downEnd.digest()]).toEqual([up.digest(), down.digest()]);
  });
});
