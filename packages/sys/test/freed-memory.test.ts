import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { koffi, returnFreedMemory } from '../src/index.ts';
import { linuxCalls } from './requirements.ts';

/** Below what the allocator would have mapped by itself, above what is said. */
const LENGTH = 100_000;

describeWith([linuxCalls], 'returnFreedMemory', () => {
  test('has larger blocks mapped, which are gone when they are freed', () => {
    const library = koffi().load(null);
    const malloc = library.func('uintptr_t malloc(size_t)') as (length: number) => number;
    const free = library.func('void free(uintptr_t)') as (address: number) => void;

    expect(returnFreedMemory()).toBe(true);

    // The first may find a place that was freed before.
    const addresses = Array.from({ length: 200 }, () => malloc(LENGTH));
    // A block of its own mapping begins behind a header of 16 bytes (glibc's malloc.c).
    const mapped = addresses.filter((address) => address % 4096 === 16);
    for (const address of addresses) free(address);
    expect(mapped.length).toBeGreaterThan(150);
  });
});
