import { describe, expect, it } from 'vitest';
import { Crossing } from '../../src/demo/crossing.ts';

const MARKER = Buffer.from('marker');
const PORT = 51820;

describe('Crossing', () => {
  it('recognizes messages by type and length', () => {
    const crossing = new Crossing(PORT, MARKER);
    for (const [type, length] of [[1, 148] as const, [2, 92] as const, [3, 64] as const]) {
      crossing.add(ipv4Frame(message(type, length)));
    }
    crossing.add(ipv4Frame(message(4, 32)));
    crossing.add(ipv6Frame(message(4, 1452)));
    expect(crossing.messages).toEqual({
      initiation: 1,
      response: 1,
      cookieReply: 1,
      transport: 1,
      keepalive: 1,
    });
    expect(crossing).toMatchObject({ wireguard: 5, others: 0, neighbours: 0, readable: 0 });
  });

  it.each([
    ['a message of a wrong length', ipv4Frame(message(1, 149))],
    ['an unknown type', ipv4Frame(message(5, 148))],
    ['another port', ipv4Frame(message(4, 100), { source: 53 })],
    ['TCP', ipv4Frame(message(4, 100), { protocol: 6 })],
    ['an empty frame', new Uint8Array(0)],
    ['a frame that ends in its header', ipv4Frame(message(4, 100)).subarray(0, 30)],
    ['a datagram that ends before its type', ipv4Frame(message(4, 100)).subarray(0, 44)],
  ])('counts %s as neither WireGuard nor ARP', (_, frame) => {
    const crossing = new Crossing(PORT, MARKER);
    crossing.add(frame);
    expect(crossing).toMatchObject({ others: 1, wireguard: 0 });
  });

  it('counts ARP and neighbour discovery as neighbours', () => {
    const crossing = new Crossing(PORT, MARKER);
    const arp = new Uint8Array(42);
    arp.set([0x08, 0x06], 12);
    crossing.add(arp);
    const solicitation = ipv6Frame(new Uint8Array(24));
    solicitation[14 + 6] = 58;
    solicitation[14 + 40] = 135;
    crossing.add(solicitation);
    expect(crossing).toMatchObject({ neighbours: 2, others: 0 });
  });

  it('finds the marker inside a frame and inside a payload', () => {
    const crossing = new Crossing(PORT, MARKER);
    const bytes = message(4, 200);
    bytes.set(MARKER, 120);
    crossing.add(ipv4Frame(bytes));
    crossing.addPayload(bytes);
    expect(crossing).toMatchObject({ readable: 2, wireguard: 2 });
  });
});

function message(type: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes[0] = type;
  return bytes;
}

function ipv4Frame(
  payload: Uint8Array,
  { source = PORT, protocol = 17 }: { source?: number; protocol?: number } = {},
): Uint8Array {
  const frame = Buffer.alloc(14 + 20 + 8 + payload.length);
  frame.writeUInt16BE(0x0800, 12);
  frame.writeUInt8(0x45, 14);
  frame.writeUInt8(protocol, 14 + 9);
  writeUdp(frame, 34, source, payload);
  return frame;
}

function ipv6Frame(payload: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(14 + 40 + 8 + payload.length);
  frame.writeUInt16BE(0x86dd, 12);
  frame.writeUInt8(0x60, 14);
  frame.writeUInt8(17, 14 + 6);
  writeUdp(frame, 54, PORT, payload);
  return frame;
}

function writeUdp(frame: Buffer, offset: number, source: number, payload: Uint8Array): void {
  frame.writeUInt16BE(source, offset);
  frame.writeUInt16BE(PORT, offset + 2);
  frame.writeUInt16BE(8 + payload.length, offset + 4);
  frame.set(payload, offset + 8);
}
