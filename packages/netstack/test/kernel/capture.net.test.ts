import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { Capture } from './capture.ts';
import { connect, createFixture, transfer } from './fixture.ts';
import { tshark, tunDevices } from './requirements.ts';
import { Receiver, Sender } from './transfer.ts';

/** On a path that loses nothing, each filter must find no packet of the stack. */
const FAULTS = {
  malformed: '_ws.malformed || _ws.short',
  checksums:
    'ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0 || icmpv6.checksum.status == 0',
  retransmissions:
    'tcp.analysis.retransmission || tcp.analysis.fast_retransmission || tcp.analysis.spurious_retransmission || tcp.analysis.out_of_order',
  'lost segments': 'tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment',
  'full windows': 'tcp.analysis.zero_window_probe',
  options: 'tcp.option_kind == 254 || tcp.options.experimental',
  errors: '_ws.expert.severity == error',
};

const OF_STACK = '(ip.src == 10.0.0.1 || ipv6.src == fd00::1)';

describeWith([tunDevices, tshark], 'tshark', () => {
  test.each([
    [4, false],
    [4, true],
    [6, false],
    [6, true],
  ] as const)(
    'finds no fault in a clean run (IPv%i, super-packets: %s)',
    async (version, offload) => {
      const fixture = createFixture(
        { offload, connections: { ecn: true } },
        // The round trip must be longer than the pauses of a busy machine.
        { latency: 20 },
      );
      const { network, stack, kernel } = fixture;
      const capture = new Capture(network);
      const ends = await connect(fixture, 'stack', version);
      const up = new Sender(ends.stack, 1_000_000);
      const upEnd = new Receiver(ends.kernel);
      const down = new Sender(ends.kernel, 500_000);
      const downEnd = new Receiver(ends.stack);
      network.programs.push(up, upEnd, down, downEnd);
      await network.run(() => upEnd.isOver && downEnd.isOver);
      const other = await connect(fixture, 'kernel', version, 81);
      await transfer(network, other.stack, other.kernel, 100);
      other.kernel.close();
      // UDP and ICMP, in fragments too.
      const udp = stack.stack.openUdp();
      udp.sendTo(new Uint8Array(100), kernel.addresses[version], 9);
      udp.sendTo(new Uint8Array(3000), kernel.addresses[version], 9);
      const echo = stack.stack.openEcho();
      echo.send(kernel.addresses[version], 1, new Uint8Array(3000));
      await network.run(() => echo.isReadable);
      await network.pass(100);
      const all = Object.values(FAULTS).map((filter) => `(${filter})`);
      const found = `(${all.join(' || ')}) && ${OF_STACK}`;
      expect(capture.find(found, ['frame.number', '_ws.col.Info', '_ws.expert'])).toEqual([]);
      expect(capture.find('tcp.len > 0', ['frame.number']).length).toBeGreaterThan(1000);
    },
  );
});
