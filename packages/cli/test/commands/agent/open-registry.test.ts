import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Registry, RegistryListener } from '@litz/mesh';
import { openRegistry, readRecords } from '../../../src/commands/agent/open-registry.ts';
import { DEFAULT_FLAGS } from './default-flags.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-open-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('openRegistry', () => {
  it.each([
    [{ type: 'file', folder: '/shared/nodes' }, 'file:/shared/nodes'],
    [{ type: 'etcd', url: 'etcd://192.0.2.1:2379' }, 'etcd://192.0.2.1:2379'],
  ] as const)('opens %j', async (choice, description) => {
    const registry = openRegistry(choice, DEFAULT_FLAGS, undefined);
    expect(registry.description).toBe(description);
    await registry.close();
  });

  it('refuses a certificate for an etcd:// URL, and names etcds://', () => {
    const choice = { type: 'etcd', url: 'etcd://192.0.2.1:2379' } as const;
    const flags = { ...DEFAULT_FLAGS, etcdCa: 'ca.crt' };
    expect(() => openRegistry(choice, flags, undefined)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining('etcds://') }),
    );
  });
});

describe('readRecords', () => {
  it('reads all records once, and closes the registry', async () => {
    writeFileSync(join(folder, 'n1.json'), '{}');
    const registry = openRegistry({ type: 'file', folder }, DEFAULT_FLAGS, undefined);
    const close = vi.spyOn(registry, 'close');
    expect([...(await readRecords(registry)).keys()]).toEqual(['n1']);
    expect(close).toHaveBeenCalledOnce();
  });

  it('gives up after five seconds, reports why, and closes the registry', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const close = vi.fn<() => Promise<void>>(async () => {});
    const registry = { description: 'etcd://x', follow: refuse, close } as unknown as Registry;
    const read = readRecords(registry).catch((error: Error) => error.message);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await read).toBe('etcd://x: refused');
    expect(close).toHaveBeenCalledOnce();
  });
});

function refuse(listener: RegistryListener): void {
  listener.onConnection('refused');
}
