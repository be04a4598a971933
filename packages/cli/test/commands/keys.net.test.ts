import { execFileSync, spawnSync } from 'node:child_process';
import { describeWith } from '@litz/testkit';
import { expect, it } from 'vitest';
import { LITZ, realInterfaces } from '../litz-process.ts';

describeWith(realInterfaces, 'litz genkey, genpsk and pubkey compared with wg', () => {
  it('makes keys that wg accepts, and computes the same public key', () => {
    for (let i = 0; i < 3; i++) {
      const key = litz('genkey');
      expect(litz('pubkey', key)).toBe(wg('pubkey', key));
    }
  });

  it('accepts the keys that wg makes', () => {
    for (const word of ['genkey', 'genpsk']) {
      const key = wg(word);
      expect(litz('pubkey', key)).toBe(wg('pubkey', key));
    }
  });

  it('fails like wg for a text that is not a key, and prints nothing', () => {
    for (const input of ['', 'nonsense\n', 'A'.repeat(44)]) {
      const ours = spawnSync(process.execPath, [LITZ, 'pubkey'], { input, encoding: 'utf8' });
      const theirs = spawnSync('wg', ['pubkey'], { input, encoding: 'utf8' });
      expect([ours.status, ours.stdout]).toEqual([theirs.status, theirs.stdout]);
      expect(ours.stderr).toMatch(/^litz: pubkey: expected a private key/);
    }
  });
});

function litz(word: string, input = ''): string {
  return execFileSync(process.execPath, [LITZ, word], { input, encoding: 'utf8' });
}

function wg(word: string, input = ''): string {
  return execFileSync('wg', [word], { input, encoding: 'utf8' });
}
