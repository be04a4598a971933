import { nobleProvider, type CryptoProvider } from '@litz/core';
import { describe, expect, it } from 'vitest';
import { selectProvider, type ProviderCandidate } from '../../src/provider/select-provider.ts';

const noble = candidate('noble');

describe('selectProvider', () => {
  it('selects the first provider that is available, and says why', async () => {
    const choice = await selectProvider({ forced: '', candidates: [candidate('openssl'), noble] });
    expect(choice).toMatchObject({
      provider: { name: 'openssl' },
      reason: 'openssl is good',
      warnings: [],
    });
  });

  it('skips a provider that this runtime does not support, without a warning', async () => {
    const absent = candidate('openssl', { absence: () => 'not built with it' });
    expect(await selectProvider({ forced: '', candidates: [absent, noble] })).toMatchObject({
      provider: { name: 'noble' },
      reason: 'noble is good; no openssl: not built with it',
      warnings: [],
    });
  });

  it('warns when a provider cannot be loaded, and names the fallback', async () => {
    const broken = candidate('openssl', { load: () => Promise.reject(new Error('no koffi')) });
    expect(await selectProvider({ forced: '', candidates: [broken, noble] })).toMatchObject({
      provider: { name: 'noble' },
      warnings: ['the crypto provider openssl cannot be used, noble is used instead: no koffi'],
    });
  });

  it('selects the provider that was requested', async () => {
    expect(
      await selectProvider({ forced: 'noble', candidates: [candidate('openssl'), noble] }),
    ).toMatchObject({
      provider: { name: 'noble' },
      reason: 'requested by LITZ_CRYPTO',
      warnings: [],
    });
  });

  it('warns if the requested provider is not available', async () => {
    const absent = candidate('openssl', { absence: () => 'not built with it' });
    expect(await selectProvider({ forced: 'openssl', candidates: [noble, absent] })).toMatchObject({
      provider: { name: 'noble' },
      warnings: [
        'the crypto provider openssl cannot be used, noble is used instead: not built with it',
      ],
    });
  });

  it('refuses an unknown name', async () => {
    await expect(selectProvider({ forced: 'rot13', candidates: [noble] })).rejects.toMatchObject({
      code: 'ERR_LITZ_INVALID_CONFIG',
      message: '"LITZ_CRYPTO" expected one of noble, got "rot13"',
    });
  });

  it('uses wasm for short packets beside openssl, unless one provider was requested', async () => {
    const candidates = [candidate('openssl'), candidate('wasm'), noble];
    const { provider, reason } = await selectProvider({ forced: '', candidates });
    expect(provider.name).toBe('openssl+wasm');
    expect(reason).toBe('openssl is good, and wasm for packets of up to 448 bytes');
    for (const forced of ['openssl', 'wasm'] as const) {
      const choice = await selectProvider({ forced, candidates });
      expect(choice.provider.name).toBe(forced);
    }
  });

  it('works without wasm if wasm cannot be loaded', async () => {
    const broken = candidate('wasm', { load: () => Promise.reject(new Error('no WebAssembly')) });
    const candidates = [candidate('openssl'), broken, noble];
    expect(await selectProvider({ forced: '', candidates })).toMatchObject({
      provider: { name: 'openssl' },
      reason: 'openssl is good',
      warnings: ['the crypto provider wasm cannot be used beside openssl: no WebAssembly'],
    });
  });

  it('finds a provider on this machine', async () => {
    const { provider, reason } = await selectProvider({ forced: '' });
    expect(provider.dhPublicKey(new Uint8Array(32).fill(1))).toEqual(
      nobleProvider.dhPublicKey(new Uint8Array(32).fill(1)),
    );
    expect(reason).not.toBe('');
  });
});

function candidate(
  name: ProviderCandidate['name'],
  change: Partial<ProviderCandidate> = {},
): ProviderCandidate {
  const provider: CryptoProvider = { ...nobleProvider, name };
  return {
    name,
    merit: `${name} is good`,
    absence: () => undefined,
    load: () => Promise.resolve(provider),
    ...change,
  };
}
