import { describe, expect, it, vi } from 'vitest';
import { MemoryTun } from '../../src/index.ts';

describe('MemoryTun', () => {
  it('passes packets to the device in order, behind a vnet header of zeros', () => {
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

  it.each([undefined, 'down', 0])(
    'refuses to set its link to %j, which is neither true nor false',
    (up) => {
      const tun = new MemoryTun();
      tun.onLinkChange = vi.fn<() => void>();
      expect(() => tun.setUp(up as never)).toThrow('"up" expected true or false, got ');
      expect(tun.onLinkChange).not.toHaveBeenCalled();
    },
  );

  it('copies a packet that is sent', () => {
    const tun = new MemoryTun();
    const packet = Buffer.of(1);
    tun.send(packet);
    packet[0] = 2;
    const buffer = new Uint8Array(11);
    tun.read(buffer, 0, 11);
    expect(buffer[10]).toBe(1);
  });

  it('cuts a packet that does not fit', () => {
    const tun = new MemoryTun();
    tun.send(new Uint8Array(100));
    expect(tun.read(new Uint8Array(50), 0, 50)).toBe(50);
  });

  it('refuses packets when its queue is full, and calls onReadable when there is a packet', () => {
    const tun = new MemoryTun({ queueLength: 2 });
    const onReadable = vi.fn<() => void>();
    tun.onReadable = onReadable;
    expect(range(3).map(() => tun.send(new Uint8Array(1)))).toEqual([true, true, false]);
    expect(onReadable).toHaveBeenCalledTimes(2);
    tun.read(new Uint8Array(20), 0, 20);
    expect(tun.send(new Uint8Array(1))).toBe(true);
  });

  it("emits copies of the device's packets", () => {
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

  it('reports to the device that it is gone after it is closed', () => {
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

  it('has a name and an MTU, and no descriptor', () => {
    expect(new MemoryTun()).toMatchObject({ name: 'memory', mtu: 1420, fd: -1 });
    const tun = new MemoryTun({ name: 'wg7', mtu: 1280 });
    expect([tun.name, tun.mtu]).toEqual(['wg7', 1280]);
  });

  it('reports changes of its link to the device', () => {
    const tun = new MemoryTun();
    tun.setMtu(1300);
    tun.setUp(true);
    expect(tun.mtu).toBe(1300);
    const changes: unknown[] = [];
    tun.onLinkChange = (change) => changes.push(change);
    tun.setMtu(1400);
    tun.setUp(false);
    tun.setUp(true);
    expect(changes).toEqual([{ type: 'mtu', mtu: 1400 }, { type: 'down' }, { type: 'up' }]);
    expect(tun.mtu).toBe(1400);
  });

  it('accepts a packet of 65535 bytes, and refuses a packet of 65536 bytes', () => {
    const tun = new MemoryTun();
    expect(tun.send(new Uint8Array(65_535))).toBe(true);
    expect(tun.send(new Uint8Array(65_536))).toBe(false);
    const buffer = new Uint8Array(70_000);
    expect(tun.read(buffer, 0, 70_000)).toBe(65_545);
    expect(tun.read(buffer, 0, 70_000)).toBe(0);
  });

  it('accepts the same number of packets again after all were read', () => {
    const tun = new MemoryTun({ queueLength: 2 });
    const buffer = new Uint8Array(20);
    for (let i = 0; i < 5; i++) {
      expect([tun.send(Uint8Array.of(i)), tun.send(Uint8Array.of(i + 100))]).toEqual([true, true]);
      expect([tun.read(buffer, 0, 20), buffer[10]]).toEqual([11, i]);
      expect([tun.read(buffer, 0, 20), buffer[10]]).toEqual([11, i + 100]);
      expect(tun.read(buffer, 0, 20)).toBe(0);
    }
  });

  it('refuses wrong options and arguments', () => {
    expect(() => new MemoryTun({ mtu: 0 })).toThrow(/"mtu" expected an integer from 1 to 65475/);
    expect(() => new MemoryTun({ queueLength: 0 })).toThrow(/"queueLength"/);
    expect(() => new MemoryTun().send('x' as never)).toThrow(/"packet" expected a Uint8Array/);
    expect(() => new MemoryTun({ mtux: 0 } as never)).toThrow(
      /"options" expected one of name, mtu, queueLength/,
    );
    expect(() => new MemoryTun().setMtu(1e6)).toThrow(/"mtu" expected an integer/);
    expect(new MemoryTun().write(new Uint8Array(20), 0, 10)).toBeLessThan(0);
  });
});

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
