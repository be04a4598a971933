/**
 * Publishes all packages that npm does not have yet, from their tarballs. With `--dry-run` it only
 * asks npm whether it would publish them.
 *
 * Tarballs are published instead of folders, so that npm gets exactly what has been checked, and
 * does not read this workspace.
 *
 * @module
 */
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { faultsOf } from './check.mjs';
import { packAll } from './pack.mjs';
import { publishedPackages, readJson, root } from './packages.mjs';
import { checkRepository } from './repository.mjs';

async function dryRun({ name, file }) {
  // A dry run needs no registry. If npm could ask a registry that already has the version, the dry
  // run would fail. So the address is one where no registry listens.
  const args = [
    'publish',
    '--dry-run',
    '--registry',
    'http://127.0.0.1:9/',
    '--fetch-retries',
    '0',
  ];
  await promisify(execFile)('npm', [...args, '--ignore-scripts', file], { timeout: 60_000 });
  process.stdout.write(`${name}: npm would publish it\n`);
}

function publish({ name, file }) {
  const { version } = publishedPackages().find(({ manifest }) => manifest.name === name).manifest;
  if (isPublished(`${name}@${version}`)) return;
  const args = ['publish', '--provenance', '--access', 'public', '--ignore-scripts', file];
  execFileSync('npm', args, { stdio: 'inherit' });
}

function isPublished(specifier) {
  try {
    const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    return execFileSync('npm', ['view', specifier, 'version'], options).trim() !== '';
  } catch {
    // npm does not know the package.
    return false;
  }
}

if (process.argv[1] === import.meta.filename) {
  const isDryRun = process.argv.includes('--dry-run');
  if (!isDryRun) checkRepository(readJson(join(root, 'package.json')));
  const tarballs = await packAll();
  if (isDryRun) {
    // Two at a time: each dry run is a process of its own, so it can use another core.
    const waiting = [...tarballs];
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await dryRun(next);
    };
    await Promise.all([work(), work()]);
  } else {
    const faults = (await Promise.all(tarballs.map(faultsOf))).flat();
    if (faults.length > 0) throw new Error(faults.join('\n'));
    // In order: a package comes after its dependencies.
    for (const tarball of tarballs) publish(tarball);
  }
}
