/**
 * Gives all packages the next version, as the changesets say, and writes it to the other files that
 * name it.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { publishedPackages, root } from './packages.mjs';

/**
 * Files that name the version of the packages, besides manifests and changelogs. In these files,
 * the new version replaces the old version wherever it appears.
 */
export const VERSIONED_FILES = [
  'deploy/Containerfile',
  'deploy/README.md',
  'deploy/chart/litz/Chart.yaml',
];

function currentVersion() {
  return publishedPackages()[0].manifest.version;
}

if (process.argv[1] === import.meta.filename) {
  const before = currentVersion();
  const changeset = join(root, 'node_modules/@changesets/cli/bin.js');
  execFileSync(process.execPath, [changeset, 'version'], { cwd: root, stdio: 'inherit' });
  const after = currentVersion();
  for (const path of VERSIONED_FILES) {
    const file = join(root, path);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(before, after));
  }
}
