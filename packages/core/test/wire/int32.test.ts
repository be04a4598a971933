import { describe, expect, it } from 'vitest';
import { readInt32, writeInt32 } from '../../src/wire/int32.ts';

describe('readInt32', () => {
  it.each<[bytes: number[], value: number]>([
    [[1, 2, 3, 4], 0x04030201],
    [[0xff, 0, 0, 0], 0xff],
    [[0, 0xff, 0, 0], 0xff00],
    [[0, 0, 0xff, 0], 0xff0000],
    [[0, 0, 0, 0x80], -(2 ** 31)],
    [[0xff, 0xff, 0xff, 0xff], -1],
  ])('reads %j, lowest byte first, as the signed number %i', (bytes, value) => {
    expect(readInt32(Uint8Array.of(9, ...bytes, 9), 1)).toBe(value);
  });
});

describe('writeInt32', () => {
  it.each<[value: number, bytes: number[]]>([
    [0x04030201, [1, 2, 3, 4]],
    [-1, [0xff, 0xff, 0xff, 0xff]],
    [2 ** 32 - 2, [0xfe, 0xff, 0xff, 0xff]],
    [2 ** 40 + 5, [5, 0, 0, 0]],
  ])('writes only the low 32 bits of %i', (value, bytes) => {
    const buffer = new Uint8Array(6).fill(9);
    writeInt32(buffer, 1, value);
    expect([...buffer]).toEqual([9, ...bytes, 9]);
  });
});
