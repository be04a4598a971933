/**
 * Packs all packages, as they are published, to `.packed` or to the folder that is given, and
 * prints what it made as JSON. `tsc -b` must have built the packages.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { publishedPackages, root } from './packages.mjs';
import { stagePackage } from './stage.mjs';

/**
 * @typedef {object} Tarball
 * @property {string} name the name of the package
 * @property {string} file the path of the tarball
 * @property {string[]} contents the paths in the tarball
 */

/**
 * @param {string} out the folder to make; an existing one is replaced
 * @returns {Promise<Tarball[]>} the tarballs; each package comes after its dependencies
 */
export async function packAll(out = join(root, '.packed')) {
  const tarballs = join(out, 'tarballs');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(tarballs, { recursive: true });
  const folders = [];
  for (const { folder } of publishedPackages()) {
    const staged = join(out, 'packages', basename(folder));
    await stagePackage(folder, staged);
    folders.push(staged);
  }
  // One process for all: each start of npm takes half a second.
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', tarballs, ...folders];
  const output = execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return JSON.parse(output).map(({ name, filename, files }) => ({
    name,
    file: join(tarballs, filename),
    contents: files.map(({ path }) => path),
  }));
}

if (process.argv[1] === import.meta.filename) {
  process.stdout.write(`${JSON.stringify(await packAll(process.argv[2]))}\n`);
}
