import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { describeWith } from '@litz/testkit';
import { realInterfaces } from '../litz-process.ts';

const LITZ = fileURLToPath(new URL('../../bin/litz.js', import.meta.url));
const run = promisify(execFile);

describeWith(realInterfaces, 'litz demo mesh', () => {
  it('shows how three nodes encrypt, rotate a key and replace a node without a lost packet', async () => {
    const { stdout } = await run(process.execPath, [LITZ, 'demo', 'mesh'], { timeout: 110_000 });
    expect(stdout).not.toContain('FAILED');
    expect(stdout).toMatch(/^off +[1-9]\d* readable .* 0 encrypted$/m);
    for (const enforcement of ['permissive', 'enforce']) {
      const line = `^${enforcement} +0 readable, [1-9]\\d* encrypted; lost .*: 0 of [1-9]\\d*$`;
      expect(stdout).toMatch(new RegExp(line, 'm'));
    }
    expect(stdout).toMatch(/^rotation +node a has a new key; lost: 0 of [1-9]\d*$/m);
    expect(stdout).toMatch(/^replaced .* lost between the other nodes: 0 of [1-9]\d*$/m);
    expect(stdout).toContain('2 of 2 peers passed');
  });

  it('names the package of a missing nft before it starts', async () => {
    const hidden = 'mount --bind /dev/null "$(command -v nft)" && exec "$0" "$@"';
    const words = ['--mount', 'sh', '-c', hidden, process.execPath, LITZ, 'demo', 'mesh'];
    const demo = run('unshare', words, { timeout: 20_000 });
    await expect(demo).rejects.toMatchObject({ code: 1, stdout: '' });
    const { stderr } = (await demo.catch((error: unknown) => error)) as { stderr: string };
    expect(stderr).toMatch(/^litz: cannot run nft: it is in the package nftables/);
  });

  it('names the package of a missing program before it starts', async () => {
    const demo = run(process.execPath, [LITZ, 'demo', 'mesh'], { env: { PATH: '/nowhere' } });
    await expect(demo).rejects.toMatchObject({ code: 1 });
    const { stderr } = (await demo.catch((error: unknown) => error)) as { stderr: string };
    expect(stderr).toMatch(/^litz: cannot run unshare: it is in the package util-linux/);
  });
});
