import { readdirSync } from 'node:fs';
import { describeWith } from '@litz/testkit';
import { expect, it } from 'vitest';
import { SharedMemory } from '../src/shared-memory.ts';
import { linuxCalls } from './requirements.ts';

describeWith([linuxCalls], 'SharedMemory', () => {
  it('keeps bytes of any length until they are wiped', () => {
    const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => i);
    const memory = SharedMemory.from(bytes);
    expect(memory.read()).toEqual(bytes);
    memory.wipe();
    expect(memory.read()).toEqual(new Uint8Array(200_000));
    memory.close();
    memory.close();
    expect(memory.fd).toBe(-1);
  });

  it('frees its descriptor when it is closed', () => {
    const before = readdirSync('/proc/self/fd').length;
    SharedMemory.from(new Uint8Array(0)).close();
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });
});
