import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keepAllRights, keepFewRights } from '../../src/rights/few-rights.ts';
import { keepTunnelRights } from '../../src/rights/tunnel-rights.ts';

vi.mock(import('../../src/rights/few-rights.ts'), () => ({
  keepFewRights: vi.fn<typeof keepFewRights>(),
  keepAllRights: vi.fn<typeof keepAllRights>(),
}));

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-rights-'));
  file = join(folder, 'wg0.conf');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.clearAllMocks();
});

/** Returns which rights are kept for a tunnel with this file: 'all' or 'few'. */
function keptFor(text: string, runsHooks = true): string {
  writeFileSync(file, text);
  chmodSync(file, 0o600);
  keepTunnelRights(file, runsHooks);
  return kept();
}

function kept(): string {
  if (vi.mocked(keepFewRights).mock.calls.length === 0) return 'all';
  expect(keepFewRights).toHaveBeenCalledWith('tunnel');
  return 'few';
}

describe('keepTunnelRights', () => {
  it('drops rights for a file without hooks', () => {
    expect(keptFor('[Interface]\nAddress = 10.0.0.1/24\n# PostUp = a comment\n')).toBe('few');
  });

  it.each(['PreUp', 'PostUp', 'PreDown', 'postdown'])(
    'keeps all rights for a file with %s',
    (hook) => {
      expect(keptFor(`[Interface]\n  ${hook}=iptables -A INPUT\n`)).toBe('all');
    },
  );

  it('drops rights if hooks are not run', () => {
    expect(keptFor('[Interface]\nPostUp = x\n', false)).toBe('few');
  });

  it('keeps rights if the file is not a regular file, or is missing', () => {
    keepTunnelRights('/dev/null', true);
    keepTunnelRights(join(folder, 'missing.conf'), true);
    expect(keepAllRights).toHaveBeenCalledTimes(2);
    expect(kept()).toBe('all');
  });
});
