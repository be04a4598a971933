import { describe, expect, it } from 'vitest';
import { UnderlayCount } from '../../src/mesh-demo/underlay-count.ts';

const PORT = 51_871;
const [NODE_A, NODE_B] = [
  [10, 0, 1, 2],
  [10, 0, 2, 2],
];
const POD = [10, 244, 1, 2];

describe('UnderlayCount', () => {
  it('counts packets from or to a pod as plaintext', () => {
    const count = new UnderlayCount(PORT);
    count.add(frame({ from: POD, to: NODE_B }));
    count.add(frame({ from: NODE_A, to: POD }));
    expect(count.take()).toEqual({ plaintext: 2, encrypted: 0 });
    expect(count.take()).toEqual({ plaintext: 0, encrypted: 0 });
  });

  it('counts transport data between the ports of the data plane as encrypted', () => {
    const count = new UnderlayCount(PORT);
    count.add(frame({ from: NODE_A, to: NODE_B }));
    count.add(frame({ from: NODE_A, to: NODE_B, ports: [PORT, 53] }));
    count.add(frame({ from: NODE_A, to: NODE_B, ports: [53, PORT] }));
    count.add(frame({ from: NODE_A, to: NODE_B, protocol: 6 }));
    expect(count.take()).toEqual({ plaintext: 0, encrypted: 1 });
  });

  it.each([
    ['an initiation', 1, 148],
    ['a response', 2, 92],
    ['a cookie reply', 3, 64],
    ['a keepalive', 4, 32],
  ])('does not count %s', (_, type, length) => {
    const count = new UnderlayCount(PORT);
    count.add(frame({ from: NODE_A, to: NODE_B, message: message(type, length) }));
    expect(count.take()).toEqual({ plaintext: 0, encrypted: 0 });
  });

  it('counts no ARP, and no frame that is cut off', () => {
    const count = new UnderlayCount(PORT);
    const arp = frame({ from: POD, to: POD });
    arp[13] = 6;
    count.add(arp);
    count.add(frame({ from: POD, to: POD }).subarray(0, 33));
    expect(count.take()).toEqual({ plaintext: 0, encrypted: 0 });
  });
});

function frame(packet: {
  from: readonly number[];
  to: readonly number[];
  protocol?: number;
  ports?: readonly [number, number];
  message?: Uint8Array;
}): Buffer {
  const { from, to, protocol = 17, ports = [PORT, PORT] } = packet;
  const content = packet.message ?? message(4, 32 + 16);
  const bytes = Buffer.alloc(14 + 20 + 8 + content.length);
  bytes.writeUInt16BE(0x0800, 12);
  bytes[14] = 0x45;
  bytes[23] = protocol;
  bytes.set(from, 26);
  bytes.set(to, 30);
  bytes.writeUInt16BE(ports[0], 34);
  bytes.writeUInt16BE(ports[1], 36);
  bytes.set(content, 42);
  return bytes;
}

/** Returns a WireGuard message of a type with `length` bytes. */
function message(type: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes[0] = type;
  return bytes;
}
