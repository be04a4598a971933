import { nobleProvider } from '@litz/core';
import { createOpensslProvider } from '@litz/openssl';
import { describeWith, requirement } from '@litz/testkit';
import { afterEach, expect, it, vi } from 'vitest';
import { hybridProvider } from '../../src/provider/hybrid-provider.ts';
import { loadProvider } from '../../src/provider/load-provider.ts';
import { ALICE, memoryDevice } from '../in-memory.ts';

const released: string[] = [];
vi.mock(import('../../src/provider/load-provider.ts'), async (original) => {
  const actual = await original();
  return {
    ...actual,
    async loadProvider(crypto, arena) {
      const loaded = await actual.loadProvider(crypto, arena);
      const release = (): void => {
        released.push(loaded.provider.name);
        loaded.release();
      };
      return { ...loaded, release };
    },
  };
});

const openssl = requirement("Node's own OpenSSL", () => createOpensslProvider().destroy?.());

afterEach(() => {
  vi.unstubAllEnvs();
  released.length = 0;
});

it('loadProvider never destroys a provider of the caller', async () => {
  const destroy = vi.fn();
  const { release } = await loadProvider({ ...nobleProvider, destroy }, undefined);
  release();
  expect(destroy).not.toHaveBeenCalled();
});

describeWith([openssl], 'loadProvider, with a provider that it selects itself', () => {
  it('destroys the provider when `release` is called', async () => {
    vi.stubEnv('LITZ_CRYPTO', 'openssl');
    const { provider, release } = await loadProvider(undefined, undefined);
    release();
    expect(() => provider.createCipher(new Uint8Array(32))).toThrow(/destroyed/);
  });

  it('destroys the provider once, when its device closes', async () => {
    vi.stubEnv('LITZ_CRYPTO', 'openssl');
    const { device } = await memoryDevice(ALICE);
    expect(released).toEqual([]);
    await Promise.all([device.close(), device.close()]);
    expect(released).toEqual(['openssl']);
  });

  it('destroys a combined provider together with the two providers in it', () => {
    const destroys = [vi.fn(), vi.fn()];
    const [long, short] = destroys.map((destroy) => ({ ...nobleProvider, destroy }));
    hybridProvider(long, short, 100).destroy?.();
    for (const destroy of destroys) expect(destroy).toHaveBeenCalledTimes(1);
  });
});
