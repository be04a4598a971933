import { seededRandom } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import {
  formatDatagram,
  formatReply,
  hostOf,
  parseDatagram,
  replyOf,
} from '../../src/proxy/socks-message.ts';

describe('formatReply', () => {
  test.each<[host: string, port: number, hex: string]>([
    ['10.0.0.1', 258, '050000010a0000010102'],
    ['fd00::1', 1, '05000004fd0000000000000000000000000000010001'],
    ['fe80::1%eth0', 1, '05000004fe8000000000000000000000000000010001'],
    ['name.test', 1, '05000001000000000001'],
  ])('writes a reply for the address %s:%i', (host, port, hex) => {
    expect(Buffer.from(formatReply(0, { host, port })).toString('hex')).toBe(hex);
  });

  test('has the address 0.0.0.0:0 if no address is given', () => {
    expect([...formatReply(7)]).toEqual([5, 7, 0, 1, 0, 0, 0, 0, 0, 0]);
  });
});

describe('replyOf', () => {
  test.each([
    ['ECONNREFUSED', 5],
    ['ENETUNREACH', 3],
    ['EHOSTUNREACH', 4],
    ['ENOTFOUND', 4],
    ['ETIMEDOUT', 6],
    ['EPERM', 1],
  ])('returns for the error code %s the reply %i', (code, reply) => {
    expect(replyOf(Object.assign(new Error('x'), { code }))).toBe(reply);
  });

  test('returns 1, a general failure, for anything else', () => {
    expect(replyOf(undefined)).toBe(1);
    expect(replyOf('text')).toBe(1);
  });
});

describe('hostOf', () => {
  test.each(['a.example', '10.0.0.1', '_srv.a-b', 'fd00::1'])('accepts the name %s', (name) => {
    expect(hostOf(3, Buffer.from(name))).toBe(name);
  });

  test.each(['', 'a b', 'a\0b', 'a/b', 'ä'])('refuses the name %j', (name) => {
    expect(hostOf(3, Buffer.from(name, 'latin1'))).toBeUndefined();
  });
});

describe('parseDatagram', () => {
  test.each(['10.0.0.1', 'fd00::1'])('reads what formatDatagram writes: %s', (host) => {
    const bytes = formatDatagram({ host, port: 53 }, Uint8Array.of(1, 2));
    const parsed = parseDatagram(bytes)!;
    expect(parsed.target).toEqual({ host, port: 53 });
    expect([...parsed.data]).toEqual([1, 2]);
  });

  test('reads a name, and empty data', () => {
    const bytes = Buffer.from([0, 0, 0, 3, 1, 0x61, 0, 53]);
    expect(parseDatagram(bytes)!.target).toEqual({ host: 'a', port: 53 });
    expect(parseDatagram(bytes)!.data).toHaveLength(0);
  });

  test.each<[what: string, bytes: number[]]>([
    ['an empty datagram', []],
    ['a fragment', [0, 0, 1, 1, 1, 2, 3, 4, 0, 53]],
    ['reserved bytes that are not 0', [0, 1, 0, 1, 1, 2, 3, 4, 0, 53]],
    ['an unknown type', [0, 0, 0, 2, 1, 2, 3, 4, 0, 53]],
    ['a short address', [0, 0, 0, 1, 1, 2, 3, 4, 0]],
    ['a short name', [0, 0, 0, 3, 9, 0x61, 0, 53]],
    ['an empty name', [0, 0, 0, 3, 0, 0, 53]],
    ['port 0', [0, 0, 0, 1, 1, 2, 3, 4, 0, 0]],
  ])('refuses %s', (_, bytes) => {
    expect(parseDatagram(Uint8Array.from(bytes))).toBeUndefined();
  });

  test('never throws, and never reads after the end', () => {
    const random = seededRandom(17);
    for (let i = 0; i < 5000; i++) {
      const bytes = Uint8Array.from({ length: Math.floor(random() * 30) }, () => random() * 256);
      if (random() < 0.7) bytes.set([0, 0, 0].slice(0, bytes.length));
      if (bytes.length > 3 && random() < 0.7) bytes[3] = 1 + Math.floor(random() * 4);
      const rest = parseDatagram(bytes)?.data.length ?? 0;
      expect(rest).toBeLessThanOrEqual(Math.max(0, bytes.length - 8));
    }
  });
});
