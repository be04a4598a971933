import { formatKey } from '@litz/core';
import { describe, expect, it } from 'vitest';
import {
  ALICE,
  BOB,
  introduce,
  memoryDevice,
  memoryPair,
  nextPacket,
  packetFrom,
  type MemoryDevice,
} from '../in-memory.ts';
import type { CaptureOptions, DeviceCapture } from '../../src/index.ts';
import {
  readBlocks,
  readOptions,
  readPacket,
  type ReadBlock,
  type ReadPacket,
} from './read-pcapng.ts';

describe('CaptureReader', () => {
  it('returns the packets and datagrams of both directions', async () => {
    const [alice, bob] = await memoryPair();
    await using _ = alice;
    await using __ = bob;
    const capture = await recorded(alice);
    const out = packetFrom(alice, bob);
    const back = packetFrom(bob, alice);
    await pass(alice, bob, out);
    await pass(bob, alice, back);
    const { packets } = await capture.end();
    const inner = packets.filter(({ interfaceId }) => interfaceId === 0);
    expect(inner.map(({ bytes, isInbound }) => [bytes, isInbound])).toEqual([
      [Buffer.from(out), false],
      [Buffer.from(back), true],
    ]);
    const outer = packets.filter(({ interfaceId }) => interfaceId === 1);
    // The message types: initiation, response, two transport messages, perhaps keepalives.
    expect(outer.map(({ bytes }) => bytes[28]).slice(0, 4)).toEqual([1, 2, 4, 4]);
    expect(outer.map(({ isInbound }) => isInbound).slice(0, 4)).toEqual([false, true, false, true]);
    expect(outer.every(({ bytes, length }) => bytes.length === length)).toBe(true);
    expect(capture.counts.dropped).toBe(0);
    expect(capture.counts.received).toBe(packets.length);
  });

  it('says why packets were dropped', async () => {
    const [alice, bob] = await memoryPair();
    await using _ = alice;
    await using __ = bob;
    await pass(alice, bob, packetFrom(alice, bob));
    const capture = await recorded(alice);
    const toNobody = packetFrom(alice, bob);
    toNobody[19] = 99;
    alice.tun.send(toNobody);
    const forged = packetFrom(bob, alice);
    forged[15] = 77;
    bob.tun.send(forged);
    const drops = async (): Promise<object> => (await alice.device.stats()).drops;
    await expect.poll(drops).toMatchObject({ 'disallowed-source': 1 });
    const { packets } = await capture.end();
    const comments = packets.flatMap(({ interfaceId, comment, isInbound }) =>
      comment === undefined ? [] : [[interfaceId, comment, isInbound]],
    );
    expect(comments).toEqual([
      [0, 'dropped: no-peer', false],
      [1, 'dropped: disallowed-source', true],
      [0, 'dropped: disallowed-source', true],
    ]);
    const dropped = packets.filter(({ comment }) => comment !== undefined);
    expect(dropped[0].bytes).toEqual(Buffer.from(toNobody));
    expect(dropped[2].bytes).toEqual(Buffer.from(forged));
  });

  it('records only what its filter selects', async () => {
    const [alice, bob] = await memoryPair();
    await using _ = alice;
    await using __ = bob;
    const others = await recorded(alice, { peers: [formatKey(ALICE.publicKey)] });
    const inner = await recorded(alice, { peers: [formatKey(BOB.publicKey)], side: 'inner' });
    const short = await recorded(alice, { side: 'outer', snapLength: 64 });
    await pass(alice, bob, packetFrom(alice, bob));
    await pass(bob, alice, packetFrom(bob, alice));
    expect((await others.end()).packets).toEqual([]);
    expect((await inner.end()).packets.map(({ interfaceId }) => interfaceId)).toEqual([0, 0]);
    const { packets } = await short.end();
    expect(packets.length).toBeGreaterThanOrEqual(4);
    for (const { bytes, length, interfaceId } of packets) {
      expect([bytes.length, interfaceId]).toEqual([Math.min(64, length), 1]);
    }
  });

  it('has no secrets by default; if keyLog is true, it has the secrets of each new handshake', async () => {
    const [alice, bob] = await memoryPair();
    await using _ = alice;
    await using __ = bob;
    const plain = await recorded(alice);
    const keys = await recorded(alice, { keyLog: true });
    await alice.device.connected(BOB.publicKey);
    await pass(alice, bob, packetFrom(alice, bob));
    expect((await plain.end()).secrets).toEqual([]);
    const { secrets, blocks } = await keys.end();
    expect(secrets.length).toBeGreaterThanOrEqual(1);
    expect(secrets[0]).toContain(`LOCAL_STATIC_PRIVATE_KEY=${formatKey(ALICE.privateKey)}\n`);
    expect(secrets[0]).toContain(`REMOTE_STATIC_PUBLIC_KEY=${formatKey(BOB.publicKey)}\n`);
    // Wireshark must read the secrets before the initiation.
    expect(blocks.findIndex(({ type }) => type === 10)).toBeLessThan(
      blocks.findIndex(({ type }) => type === 6),
    );
  });

  it('leaves packets out of the capture when nobody reads it, and drops none in the tunnel', async () => {
    const [alice, bob] = await memoryPair();
    await using _ = alice;
    await using __ = bob;
    await pass(alice, bob, packetFrom(alice, bob));
    const capture = await alice.device.capture({ bufferLength: 256 * 1024 });
    const payload = Array.from({ length: 1200 }, () => 1);
    for (let i = 0; i < 200; i++) await pass(alice, bob, packetFrom(alice, bob, payload));
    const { dropped, received } = capture.counts;
    expect(dropped).toBeGreaterThan(100);
    expect(received).toBeGreaterThanOrEqual(400);
    const collected = collect(capture);
    await expect.poll(() => collected.bytes()).toBeGreaterThan(0);
    await pass(alice, bob, packetFrom(alice, bob));
    const { packets } = await collected.end();
    const lost = packets.reduce((sum, packet) => sum + packet.lost, 0);
    expect(lost).toBe(capture.counts.dropped);
    expect(packets.length + lost).toBe(capture.counts.received);
  });

  it('ends when it is stopped or its device is closed, and records the reason', async () => {
    const alice = await memoryDevice(ALICE);
    await using bob = await memoryDevice(BOB);
    await introduce(alice, bob);
    const left = await alice.device.capture();
    for await (const _ of left) break;
    const [capture, stopped, own] = [
      await recorded(alice),
      await alice.device.capture(),
      await recorded(alice),
    ];
    await stopped.stop('it is late');
    const ended = await own.end();
    await alice.device.close();
    expect(reasonOf((await capture.end()).blocks)).toBe(
      'the device was closed, or its interface was removed',
    );
    expect(reasonOf((await collect(stopped).end()).blocks)).toBe('it is late');
    expect(reasonOf(ended.blocks)).toBeUndefined();
    await expect(alice.device.capture()).rejects.toThrow('closed');
  });
});

interface Recorded {
  readonly counts: { readonly received: number; readonly dropped: number };
  bytes(): number;
  end(): Promise<{ blocks: ReadBlock[]; packets: ReadPacket[]; secrets: string[] }>;
}

async function recorded({ device }: MemoryDevice, options?: CaptureOptions): Promise<Recorded> {
  return collect(await device.capture(options));
}

function collect(capture: DeviceCapture): Recorded {
  const pieces: Uint8Array[] = [];
  const read = (async () => {
    for await (const piece of capture) pieces.push(piece);
  })();
  return {
    get counts() {
      return capture.counts;
    },
    bytes: () => pieces.length,
    async end() {
      await capture.stop();
      await read;
      const blocks = pieces.flatMap(readBlocks);
      const packets = blocks.filter(({ type }) => type === 6).map(readPacket);
      const secrets = blocks
        .filter(({ type }) => type === 10)
        .map(({ body }) => body.subarray(8, 8 + body.readUInt32LE(4)).toString());
      return { blocks, packets, secrets };
    },
  };
}

/** The comment of the last block, which has the statistics. */
function reasonOf(blocks: readonly ReadBlock[]): string | undefined {
  const { type, body } = blocks.at(-1)!;
  expect(type).toBe(5);
  return readOptions(body.subarray(12)).get(1)?.toString();
}

/** Sends a packet through the tunnel, and waits until it has arrived. */
async function pass(from: MemoryDevice, to: MemoryDevice, packet: Uint8Array): Promise<void> {
  const arrived = nextPacket(to.tun);
  from.tun.send(packet);
  await arrived;
}
