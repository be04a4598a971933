import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { addressOf, allocate, libc } from '../src/index.ts';
import { linuxCalls } from './requirements.ts';

describeWith([linuxCalls], 'allocate', () => {
  test('returns memory that system calls can write', () => {
    const region = allocate(16);

    expect(libc().clock_gettime(1, region.address)).toBe(0);

    expect(region.bytes.length).toBe(16);
    expect(region.view.getUint32(0, true) + region.view.getUint32(8, true)).toBeGreaterThan(0);
  });
});

describeWith([linuxCalls], 'addressOf', () => {
  test('includes the offset of a view, also after a call for another buffer', () => {
    const [one, other] = [new Uint8Array(256), new Uint8Array(256)];
    const base = addressOf(one);
    addressOf(other);

    expect(addressOf(one.subarray(100))).toBe(base + 100);
    expect(addressOf(other)).not.toBe(base);
  });

  test('accepts shared memory', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(256));

    expect(addressOf(shared.subarray(8))).toBe(addressOf(shared) + 8);
  });
});
