import { libc } from '@litz/sys';
import { describeWith, requirement } from '@litz/testkit';
import { openUdp } from '@litz/udp';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Device, DeviceOptions } from '../../src/index.ts';
import { ALICE, BOB, introduce, memoryDevice, nextPacket, packetFrom } from '../in-memory.ts';

const batched = requirement('batched UDP sockets (Linux with koffi)', () => {
  openUdp({ port: 0 }).close();
});

afterEach(() => vi.restoreAllMocks());

describeWith([batched], 'EventLoopSockets', () => {
  test('are batched sockets, which carry packets', async () => {
    await using alice = await memoryDevice(ALICE);
    await using bob = await memoryDevice(BOB);
    await introduce(alice, bob);
    await introduce(bob, alice);
    const received = nextPacket(bob.tun);
    alice.tun.send(packetFrom(alice, bob, [1, 2, 3]));
    expect(await received).toEqual(packetFrom(alice, bob, [1, 2, 3]));
    // Only batched sockets report the local address at which they heard the peer.
    expect((await sourceOf(bob.device))?.join('.')).toBe('127.0.0.1');
    expect(await lostOffloads(alice.device)).toEqual([]);
  });

  test('refuse a port that is taken, and keep the old one', async () => {
    await using alice = await memoryDevice(ALICE);
    const other = openUdp({ port: 0 });
    try {
      const { listenPort } = await alice.device.status();
      await expect(alice.device.configure({ listenPort: other.port })).rejects.toMatchObject({
        errno: 'EADDRINUSE',
      });
      expect((await alice.device.status()).listenPort).toBe(listenPort);
    } finally {
      other.close();
    }
  });

  test('mark the sources of peers as suspect when that is due', async () => {
    const { RouteWatch } = await import('../../src/linux/route-watch.ts');
    const marked = vi.spyOn(RouteWatch.prototype, 'markSuspects');
    await using alice = await memoryDevice(ALICE);
    await using bob = await memoryDevice(BOB);
    await introduce(alice, bob);
    await introduce(bob, alice);
    await alice.device.connected(BOB.publicKey, { timeout: 5000 });
    const watches = new Set<InstanceType<typeof RouteWatch>>();
    vi.spyOn(RouteWatch.prototype, 'due', 'get').mockImplementation(function (
      this: InstanceType<typeof RouteWatch>,
    ) {
      const isFirst = !watches.has(this);
      watches.add(this);
      return isFirst ? 0 : Infinity;
    });
    await alice.device.status();
    await vi.waitFor(() => expect(marked).toHaveBeenCalled());
  });

  test("are those of node:dgram if udp is 'portable'", async () => {
    await using alice = await memoryDevice(ALICE, { udp: 'portable' });
    await using bob = await memoryDevice(BOB);
    await introduce(alice, bob);
    await introduce(bob, alice);
    await bob.device.connected(ALICE.publicKey, { timeout: 5000 });
    expect(await sourceOf(alice.device)).toBeUndefined();
    expect(await sourceOf(bob.device)).toBeDefined();
    expect(await lostOffloads(alice.device)).toEqual([]);
  });

  test.each<[Partial<DeviceOptions>, string[]]>([
    [{}, ['udpGso', 'udpGro']],
    [{ offload: { udpGso: false } }, ['udpGro']],
  ])(
    'are those of node:dgram if system calls fail, and offload events report the reason (%j)',
    async (options, names) => {
      const fcntl = vi.spyOn(libc(), 'fcntl').mockReturnValue(-1);
      await using alice = await memoryDevice(ALICE, options);
      fcntl.mockRestore();
      const lost = await lostOffloads(alice.device);
      expect(lost.map(({ name }) => name)).toEqual(names);
      expect(lost[0]?.reason).toMatch(/fcntl/);
      await using bob = await memoryDevice(BOB);
      await introduce(alice, bob);
      await introduce(bob, alice);
      await bob.device.connected(ALICE.publicKey, { timeout: 5000 });
      expect(await sourceOf(alice.device)).toBeUndefined();
    },
  );
});

describe('EventLoopSockets on other systems', () => {
  test('are those of node:dgram, and the device emits no offload event', async () => {
    vi.spyOn(process, 'platform', 'get').mockReturnValue('darwin');
    await using alice = await memoryDevice(ALICE);
    expect(await lostOffloads(alice.device)).toEqual([]);
    expect((await alice.device.stats()).udp).toBeDefined();
  });
});

/** Returns the local address at which the device heard its peer. */
async function sourceOf(device: Device): Promise<Uint8Array | undefined> {
  const [peer] = await device.peers();
  return peer?.endpoint?.sourceAddress;
}

/** Returns the `offload` events since the device was made. */
async function lostOffloads(device: Device): Promise<{ name: string; reason: string }[]> {
  const lost: { name: string; reason: string }[] = [];
  device.on('offload', (event) => lost.push(event));
  await device.status();
  await new Promise((resolve) => setImmediate(resolve));
  return lost;
}
