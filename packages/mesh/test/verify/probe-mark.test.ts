import { beforeEach, describe, expect, test } from 'vitest';
import { ProbeMarks, RUN_LENGTH } from '../../src/verify/probe-mark.ts';
import { echo, ethernet, ICMP, ICMPV6, ip, joined, tcp, TCP, udp, UDP } from './frames.ts';

let marks: ProbeMarks;

describe('ProbeMarks', () => {
  beforeEach(() => {
    marks = new ProbeMarks(new Uint8Array(RUN_LENGTH).map((_, index) => 0xc0 + index));
  });

  test('finds the mark of an echo or a datagram, with the number of the test packet', () => {
    const packet = ip('10.1.0.0', '10.2.0.0', ICMP, echo(marks.payload(7)));
    expect(marks.find(ethernet(packet))).toEqual({ probe: 7, offset: 42 });
    const datagram = ip('fd44:1::', 'fd44:2::', UDP, udp(4, 9, marks.payload(70_000)));
    expect(marks.find(ethernet(datagram))).toEqual({ probe: 70_000, offset: 62 });
  });

  test('finds a test packet inside an overlay, and one that is quoted in an error', () => {
    const packet = ip('10.1.0.0', '10.2.0.0', UDP, udp(4, 9, marks.payload(3)));
    const vxlan = joined(new Uint8Array(8), ethernet(packet));
    const outer = ip('192.0.2.1', '192.0.2.2', UDP, udp(1, 8472, vxlan));
    expect(marks.find(ethernet(outer))?.probe).toBe(3);
    const quoted = ip('10.2.0.0', '10.1.0.0', ICMP, echo(packet));
    expect(marks.find(ethernet(quoted))?.probe).toBe(3);
  });

  test('ignores packets with the mark of another run, and empty frames', () => {
    const others = new ProbeMarks(new Uint8Array(RUN_LENGTH));
    const packet = ip('10.1.0.0', '10.2.0.0', ICMP, echo(others.payload(7)));
    expect(marks.find(ethernet(packet))).toBeUndefined();
    expect(marks.find(new Uint8Array(0))).toBeUndefined();
  });

  test('ignores a mark that is cut', () => {
    const packet = ip('10.1.0.0', '10.2.0.0', ICMP, echo(marks.payload(7)));
    expect(marks.find(ethernet(packet).subarray(0, 42 + RUN_LENGTH + 3))).toBeUndefined();
    expect(marks.find(ethernet(packet).subarray(0, 42 + RUN_LENGTH + 4))?.probe).toBe(7);
  });

  test.each([
    ['10.1.0.0', '10.2.0.0', 20],
    ['fd44:1::', 'fd44:2::', 40],
  ])(
    'finds the segments of a connection from %s, in both directions',
    (source, destination, header) => {
      marks.addFlow(5, { source, sourcePort: 40_000, destination, destinationPort: 9 });
      const sent = ethernet(ip(source, destination, TCP, tcp(40_000, 9)));
      const reset = ethernet(ip(destination, source, TCP, tcp(9, 40_000)));
      expect(marks.find(sent)).toEqual({ probe: 5, offset: 14 + header });
      expect(marks.find(reset)).toEqual({ probe: 5, offset: 14 + header });
      const inner = joined(new Uint8Array(50), sent);
      expect(marks.find(inner)).toEqual({ probe: 5, offset: 64 + header });
    },
  );

  test('ignores another connection', () => {
    const flow = {
      source: '10.1.0.0',
      destination: '10.2.0.0',
      sourcePort: 40_000,
      destinationPort: 9,
    };
    marks.addFlow(5, flow);
    for (const packet of [
      ip('10.1.0.0', '10.2.0.0', TCP, tcp(40_001, 9)),
      ip('10.1.0.0', '10.2.0.0', TCP, tcp(40_000, 10)),
      ip('10.1.0.1', '10.2.0.0', TCP, tcp(40_000, 9)),
      ip('10.2.0.0', '10.1.0.0', TCP, tcp(40_000, 9)),
    ]) {
      expect(marks.find(ethernet(packet))).toBeUndefined();
    }
  });

  test('keeps no bytes of the caller', () => {
    const run = new Uint8Array(RUN_LENGTH).fill(9);
    const own = new ProbeMarks(run);
    run.fill(0);
    const packet = ip('fd44:1::', 'fd44:2::', ICMPV6, echo(own.payload(1)));
    expect(own.find(ethernet(packet))?.probe).toBe(1);
    expect(own.payload(1)[0]).toBe(9);
  });
});
