/**
 * What a real kernel does with packets that have wrong checksums. It must treat a single packet and
 * joined packets alike.
 */
import { spawn } from 'node:child_process';
import { describeWith, programRequirement } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import type { TunDevice } from '../../src/index.ts';
import { Coalescer, VNET_HEADER_LENGTH } from '../../src/offload/index.ts';
import { createNamespace, createNetlink, createTun, readPacket } from '../namespace.ts';
import { tunDevices } from '../requirements.ts';
import { payloadOf } from './arbitrary.ts';
import { packetOf, type PacketShape } from './segments.ts';

const SOCAT = programRequirement('socat', ['-V']);
const SYN = 0x02;
const CASES = [4, 6].flatMap((version) =>
  ['tcp', 'udp'].flatMap((protocol) => [1, 3].map((count) => [version, protocol, count] as const)),
) as [4 | 6, 'tcp' | 'udp', number][];

describeWith([tunDevices, SOCAT], 'Coalescer on a real TUN', () => {
  test.each(CASES)(
    'IPv%i %s, %i together: if verifyChecksums is false, the kernel accepts packets with wrong checksums',
    async (version, protocol, count) => {
      const { received, writes } = await sendWrong({ version, protocol, count, verify: false });
      expect(received).toBe(count * LENGTH);
      expect(writes).toBe(1);
    },
  );

  test.each(CASES)(
    'IPv%i %s, %i together: if verifyChecksums is true, the kernel drops packets with wrong checksums',
    async (version, protocol, count) => {
      const { received, writes } = await sendWrong({ version, protocol, count, verify: true });
      expect(received).toBe(0);
      expect(writes).toBe(count);
    },
  );
});

interface Sending {
  readonly version: 4 | 6;
  readonly protocol: 'tcp' | 'udp';
  readonly count: number;
  readonly verify: boolean;
}

/**
 * Sends packets with wrong checksums, then a packet with a right one. @returns how many payload
 * bytes of the wrong packets the receiver got, and how many writes these packets took
 */
async function sendWrong(sending: Sending): Promise<{ received: number; writes: number }> {
  const { tun, listener } = setUp(sending);
  const shape: PacketShape = { ...sending, payload: payloadOf(LENGTH, 1), sequence: 1000 };
  if (sending.protocol === 'tcp') shape.acknowledgement = await handshake(tun, shape);
  else await listener.untilBound();
  const packets = Array.from({ length: sending.count }, (_, i) =>
    packetOf({ ...shape, identification: i, sequence: 1000 + i * LENGTH }),
  );
  for (const packet of packets) packet[checksumAt(shape)] ^= 0x5a;
  const writes = writeTogether(tun, packets, sending.verify);
  const last = packetOf({
    ...shape,
    payload: new Uint8Array(LAST),
    sequence: nextSequence(sending),
  });
  writeTogether(tun, [last], true);
  return { received: (await listener.bytes(LAST)) - LAST, writes };
}

/**
 * The next sequence number that the receiver expects. It depends on whether the packets with wrong
 * checksums were dropped.
 */
function nextSequence({ verify, count }: Sending): number {
  return 1000 + (verify ? 0 : count * LENGTH);
}

function writeTogether(tun: TunDevice, packets: readonly Uint8Array[], verify: boolean): number {
  const buffer = new Uint8Array(10_000);
  let writes = 0;
  const coalescer = new Coalescer({
    buffer,
    verifyChecksums: verify,
    write({ offsets, lengths }, count) {
      writes++;
      return tun.writePieces(buffer, offsets, lengths, count) > 0;
    },
  });
  let at = 0;
  for (const packet of packets) {
    at += VNET_HEADER_LENGTH;
    buffer.set(packet, at);
    coalescer.add(at, packet.length);
    at += packet.length;
  }
  coalescer.flush();
  return writes;
}

/** Opens a connection by hand. @returns the acknowledgement number for the segments that follow */
async function handshake(tun: TunDevice, shape: PacketShape): Promise<number> {
  const syn = packetOf({ ...shape, payload: new Uint8Array(0), sequence: 999, flags: SYN });
  for (let attempt = 0; attempt < 200; attempt++) {
    writeTogether(tun, [syn], true);
    const answer = readPacket(tun, 100).subarray(VNET_HEADER_LENGTH);
    const transport = shape.version === 4 ? 20 : 40;
    if (answer.length > transport && answer[transport + 13] === SYN_ACK) {
      const view = new DataView(answer.buffer, answer.byteOffset);
      const acknowledgement = (view.getUint32(transport + 4) + 1) % 2 ** 32;
      writeTogether(
        tun,
        [packetOf({ ...shape, payload: new Uint8Array(0), acknowledgement })],
        true,
      );
      return acknowledgement;
    }
    // Nobody listens yet.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('nobody listens');
}

interface Listener {
  untilBound(): Promise<void>;
  /** Waits until at least this many bytes have come. @returns how many bytes have come */
  bytes(atLeast: number): Promise<number>;
}

function setUp({ version, protocol }: Sending): { tun: TunDevice; listener: Listener } {
  const namespace = createNamespace();
  const netlink = createNetlink(namespace);
  const tun = createTun(namespace, { offload: {} });
  tun.up();
  if (version === 4) tun.addAddress({ address: Uint8Array.of(10, 0, 0, 2), prefixLength: 24 });
  else {
    netlink.addAddress(
      tun.interfaceIndex,
      { address: ipv6Of(2), prefixLength: 128 },
      { noDad: true },
    );
    tun.addRoute({ destination: ipv6Of(1), prefixLength: 128 });
  }
  const kind = protocol === 'tcp' ? `TCP${version}-LISTEN:2000` : `UDP${version}-RECV:2000`;
  let bytes = 0;
  let log = '';
  const child = namespace.run(() => spawn('socat', ['-d', '-d', '-u', kind, 'STDOUT']));
  child.stdout.on('data', (chunk: Buffer) => (bytes += chunk.length));
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    tun,
    listener: {
      untilBound: () => until(() => /starting data transfer/.test(log)),
      async bytes(atLeast) {
        await until(() => bytes >= atLeast);
        // The wrong packets were sent first, so if the kernel had accepted them, their bytes would
        // be here already.
        return bytes;
      },
    },
  };
}

function ipv6Of(id: number): Uint8Array {
  return Uint8Array.of(0xfd, 0, id, ...new Uint8Array(13));
}

async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !isSo(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(isSo()).toBe(true);
}

function checksumAt({ version, protocol }: PacketShape): number {
  return (version === 4 ? 20 : 40) + (protocol === 'tcp' ? 16 : 6);
}

const SYN_ACK = 0x12;
const LENGTH = 100;
const LAST = 7;
