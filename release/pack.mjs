/**
 * Packs all packages, as they are published, to `.packed/tarballs`. `tsc -b` must have built them.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packedFolder, publishedPackages } from './packages.mjs';
import { stagePackage } from './stage.mjs';

/** @returns {Promise<string[]>} the paths of the tarballs, each after those that it depends on */
export async function packAll() {
  const tarballs = join(packedFolder, 'tarballs');
  rmSync(packedFolder, { recursive: true, force: true });
  mkdirSync(tarballs, { recursive: true });
  const folders = [];
  for (const { folder } of publishedPackages()) {
    const out = join(packedFolder, 'packages', basename(folder));
    await stagePackage(folder, out);
    folders.push(out);
  }
  // One process for all: each start of npm takes half a second.
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', tarballs, ...folders];
  const output = execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return JSON.parse(output).map(({ filename }) => join(tarballs, filename));
}

if (process.argv[1] === import.meta.filename) {
  for (const tarball of await packAll()) process.stdout.write(`${tarball}\n`);
}
