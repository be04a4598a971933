import { seededRandomBytes } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { Endpoint } from '../../src/index.ts';
import { SourceWindow } from '../../src/rate/source-window.ts';

describe('SourceWindow', () => {
  it('finds the first message of a source in each second', () => {
    const window = new SourceWindow(seededRandomBytes(1));
    expect(window.isFirst(ipv4(1), 1000)).toBe(true);
    expect(window.isFirst(ipv4(1), 1001)).toBe(false);
    expect(window.isFirst(ipv4(2), 1001)).toBe(true);
    expect(window.isFirst(ipv4(1), 1999)).toBe(false);
    expect(window.isFirst(ipv4(1), 2000)).toBe(true);
  });

  it('treats an IPv6 /64 as one source, and all ports of an address too', () => {
    const window = new SourceWindow(seededRandomBytes(1));
    expect(window.isFirst(ipv6(1, 1), 1000)).toBe(true);
    expect(window.isFirst(ipv6(1, 2), 1000)).toBe(false);
    expect(window.isFirst(ipv6(2, 1), 1000)).toBe(true);
    expect(window.isFirst(ipv4(7, 1), 1000)).toBe(true);
    expect(window.isFirst(ipv4(7, 2), 1000)).toBe(false);
  });

  it('lets few sources share an entry, and not the same sources in each second', () => {
    const window = new SourceWindow(seededRandomBytes(1));
    const taken = (now: number): number[] => {
      for (let i = 0; i < 1000; i++) window.isFirst(ipv4(scattered(i)), now);
      return range(1000, 2000).filter((i) => !window.isFirst(ipv4(scattered(i)), now));
    };
    const first = taken(1000);
    const second = taken(2000);
    expect(first.length).toBeLessThan(160);
    expect(first.filter((i) => second.includes(i)).length).toBeLessThan(first.length / 2);
  });

  it('survives a clock that goes back', () => {
    const window = new SourceWindow(seededRandomBytes(1));
    expect(window.isFirst(ipv4(1), 5000)).toBe(true);
    expect(window.isFirst(ipv4(1), 100)).toBe(true);
    expect(window.isFirst(ipv4(1), 200)).toBe(false);
  });
});

function ipv4(number: number, port = 5): Endpoint {
  return new Endpoint(Uint8Array.of(10, number >> 16, number >> 8, number), port);
}

function scattered(number: number): number {
  return Math.imul(number, 0x9e3779b1) >>> 8;
}

function ipv6(network: number, host: number): Endpoint {
  const address = new Uint8Array(16);
  address.set([0x20, 1, 0xd, 0xb8, 0, 0, 0, network]);
  address[15] = host;
  return new Endpoint(address, 5);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
