import { describe, expect, test } from 'vitest';
import {
  clearVnetHeader,
  createVnetHeader,
  decodeVnetHeader,
  encodeVnetHeader,
} from '../../src/offload/index.ts';

const BYTES = [0x01, 0x04, 0x48, 0x00, 0x64, 0x05, 0x28, 0x00, 0x10, 0x00];
const HEADER = {
  flags: 1,
  gsoType: 4,
  headerLength: 72,
  gsoSize: 1380,
  checksumStart: 40,
  checksumOffset: 16,
};

describe('decodeVnetHeader', () => {
  test('reads fields in the byte order of the host', () => {
    const header = createVnetHeader();

    decodeVnetHeader(Uint8Array.of(9, 9, 9, ...BYTES), 3, header);

    expect(header).toEqual(HEADER);
  });
});

describe('encodeVnetHeader', () => {
  test('writes ten bytes and no more', () => {
    const buffer = new Uint8Array(14).fill(9);

    encodeVnetHeader(HEADER, buffer, 2);

    expect([...buffer]).toEqual([9, 9, ...BYTES, 9, 9]);
  });
});

describe('clearVnetHeader', () => {
  test('writes ten zeros, and does not change the bytes around them', () => {
    const buffer = new Uint8Array(12).fill(9);

    clearVnetHeader(buffer, 1);

    expect([...buffer]).toEqual([9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
  });
});
