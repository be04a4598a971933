import { readdirSync } from 'node:fs';
import { describeWith } from '@litz/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { openTunPair, VNET_HEADER_LENGTH } from '../src/index.ts';
import { tunDevices } from './requirements.ts';

describeWith([tunDevices], 'openTunPair', () => {
  it('makes two devices, each of which reads what is written to the other one', () => {
    const [a, b] = openTunPair({ tcp: true, udp: false });
    onTestFinished(() => [a, b].forEach((tun) => tun.close()));
    const buffer = Uint8Array.from({ length: 300 }, (_, i) => i);
    expect(a.write(buffer, 0, 100)).toBe(100);
    expect(a.writePieces(buffer, Uint32Array.of(10, 200), Uint32Array.of(20, 30), 2)).toBe(50);
    const read = new Uint8Array(1000);
    expect(b.read(read, 0, 1000)).toBe(100);
    expect(read.subarray(0, 100)).toEqual(buffer.subarray(0, 100));
    expect(b.read(read, 0, 1000)).toBe(50);
    expect(read.subarray(20, 50)).toEqual(buffer.subarray(200, 230));
    expect(b.read(read, 0, 1000)).toBe(0);
  });

  it('makes devices that transmit a super-packet of 64 KiB, and refuse more packets when the buffer is full', () => {
    const [a, b] = openTunPair({ tcp: true, udp: false });
    onTestFinished(() => [a, b].forEach((tun) => tun.close()));
    const packet = new Uint8Array(VNET_HEADER_LENGTH + 65_535);
    expect(b.write(packet, 0, packet.length)).toBe(packet.length);
    let result = 1;
    for (let i = 0; i < 1000 && result > 0; i++) result = b.write(packet, 0, packet.length);
    expect(result).toBe(0);
    expect(a.read(packet, 0, packet.length)).toBe(packet.length);
  });

  it('makes devices with the given offloads and no interface, which leave no descriptor open after close', () => {
    const before = readdirSync('/proc/self/fd').length;
    const [a, b] = openTunPair({ tcp: true, udp: false });
    expect(a.offloads).toEqual({ tcp: true, udp: false });
    expect([a.mtu, a.isUp, a.name]).toEqual([1420, false, 'none']);
    a.close();
    expect(a.fd).toBe(-1);
    b.close();
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });
});
