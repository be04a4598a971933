import { describe, expect, it, vi } from 'vitest';
import { MemoryTun } from '../../src/index.ts';

describe('MemoryTun', () => {
  it('gives the device what is sent, in order, with a zero vnet header in front', () => {
    const tun = new MemoryTun();
    tun.send(Uint8Array.of(1, 2));
    tun.send(Uint8Array.of(3));
    const buffer = new Uint8Array(30).fill(9);
    expect(tun.read(buffer, 5, 25)).toBe(12);
    expect([...buffer.subarray(4, 18)]).toEqual([9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 9]);
    expect(tun.read(buffer, 5, 25)).toBe(11);
    expect(buffer[15]).toBe(3);
    expect(tun.read(buffer, 5, 25)).toBe(0);
  });

  it('copies what is sent', () => {
    const tun = new MemoryTun();
    const packet = Buffer.of(1);
    tun.send(packet);
    packet[0] = 2;
    const buffer = new Uint8Array(11);
    tun.read(buffer, 0, 11);
    expect(buffer[10]).toBe(1);
  });

  it('cuts off what has no room', () => {
    const tun = new MemoryTun();
    tun.send(new Uint8Array(100));
    expect(tun.read(new Uint8Array(50), 0, 50)).toBe(50);
  });

  it('refuses packets when its queue is full, and calls when there is something to read', () => {
    const tun = new MemoryTun({ queueLength: 2 });
    const onReadable = vi.fn<() => void>();
    tun.onReadable = onReadable;
    expect(range(3).map(() => tun.send(new Uint8Array(1)))).toEqual([true, true, false]);
    expect(onReadable).toHaveBeenCalledTimes(2);
    tun.read(new Uint8Array(20), 0, 20);
    expect(tun.send(new Uint8Array(1))).toBe(true);
  });

  it('hands out packets of the device as copies', () => {
    const tun = new MemoryTun();
    const received: Uint8Array[] = [];
    tun.on('packet', (packet) => received.push(packet));
    const buffer = Uint8Array.from(range(20));
    expect(tun.write(buffer, 5, 13)).toBe(13);
    buffer.fill(0);
    expect(received).toEqual([Uint8Array.of(15, 16, 17)]);
  });

  it('can be read with for await, until it is closed', async () => {
    const tun = new MemoryTun();
    const received: number[] = [];
    const reading = (async (): Promise<void> => {
      for await (const packet of tun) received.push(packet[0]);
    })();
    for (const i of range(3)) tun.write(Uint8Array.from([...new Uint8Array(10), i]), 0, 11);
    tun.close();
    await reading;
    expect(received).toEqual([0, 1, 2]);
    for await (const _ of tun) received.push(9);
    expect(received).toEqual([0, 1, 2]);
  });

  it('is gone for the device when it is closed', () => {
    const tun = new MemoryTun();
    const onReadable = vi.fn<() => void>();
    tun.send(new Uint8Array(1));
    tun.onReadable = onReadable;
    tun.close();
    tun.close();
    expect(onReadable).toHaveBeenCalledTimes(1);
    expect(tun.read(new Uint8Array(20), 0, 20)).toBe(-1);
    expect(tun.write(new Uint8Array(20), 0, 20)).toBeLessThan(0);
    expect(tun.send(new Uint8Array(1))).toBe(false);
  });

  it('refuses what makes no sense', () => {
    expect(() => new MemoryTun({ mtu: 0 })).toThrow(/"mtu" expected an integer from 1 to 65475/);
    expect(() => new MemoryTun({ queueLength: 0 })).toThrow(/"queueLength"/);
    expect(() => new MemoryTun().send('x' as never)).toThrow(/"packet" expected a Uint8Array/);
    expect(() => new MemoryTun().setMtu(1e6)).toThrow(RangeError);
    expect(new MemoryTun().write(new Uint8Array(20), 0, 10)).toBeLessThan(0);
  });
});

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
