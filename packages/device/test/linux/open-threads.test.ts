import { createOpensslProvider } from '@litz/openssl';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { canShare, openThreads } from '../../src/linux/open-threads.ts';

const openssl = requirement("Node's own OpenSSL", () => createOpensslProvider().destroy?.());

describeWith([openssl], 'openThreads', () => {
  const packets = new Uint8Array(new ArrayBuffer(4096));

  it('makes the object that the given number of threads share', async () => {
    expect((await openThreads(3, packets))?.most).toBe(3);
  });

  it('makes nothing for one thread, or without shared memory', async () => {
    expect(await openThreads(1, packets)).toBeUndefined();
    expect(await openThreads(4, undefined)).toBeUndefined();
  });
});

describeWith([openssl], 'canShare', () => {
  const packets = new Uint8Array(new ArrayBuffer(4096));

  it('is true if the provider shares its work; if not, it is false and adds a warning', async () => {
    const threads = (await openThreads(2, packets))!;
    const warnings: string[] = [];
    expect(canShare(threads, 2, { provider: 'wasm', warnings })).toBe(false);
    expect(warnings).toEqual([
      '"threads" is 2, but one thread is used: the crypto provider wasm cannot share its work',
    ]);
    const provider = createOpensslProvider(threads);
    expect(canShare(threads, 2, { provider: 'openssl', warnings })).toBe(true);
    expect(warnings).toHaveLength(1);
    provider.destroy?.();
  });

  it("adds no warning if the option is 1 or 'auto'", () => {
    const warnings: string[] = [];
    expect(canShare(undefined, 1, { provider: 'wasm', warnings })).toBe(false);
    expect(canShare(undefined, 'auto', { provider: 'wasm', warnings })).toBe(false);
    expect(warnings).toEqual([]);
  });
});
