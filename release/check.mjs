/**
 * Packs all packages and checks the tarballs: with publint, and with the checks of types that
 * `attw --profile esm-only` makes. The command `attw` itself would load TypeScript again for each
 * package.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { packAll } from './pack.mjs';

/**
 * @param {import('./pack.mjs').Tarball} tarball
 * @returns {Promise<string[]>} one text for each fault
 */
export async function faultsOf({ file, name }) {
  const bytes = readFileSync(file);
  const { messages, pkg } = await publint({ pack: { tarball: exactBuffer(bytes) }, strict: true });
  const faults = messages.map((message) => `publint: ${formatMessage(message, pkg)}`);
  // The files of threads are for bundlers. Nothing imports them, so they have no types.
  const excludeEntrypoints = Object.entries(pkg.exports)
    .filter(([, entry]) => typeof entry === 'string' && entry.endsWith('.js'))
    .map(([path]) => path);
  const types = await checkPackage(createPackageFromTarballData(bytes), { excludeEntrypoints });
  const problems = types.types ? types.problems : [{ kind: 'NoTypes' }];
  for (const problem of problems) {
    if (IGNORED_RESOLUTIONS.has(problem.resolutionKind)) continue;
    faults.push(`attw: ${JSON.stringify(problem)}`);
  }
  return faults.map((fault) => `${name}: ${fault}`);
}

function exactBuffer(bytes) {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

/**
 * The profile esm-only ignores two ways to resolve a package: that of old versions of Node.js,
 * which do not know the field `exports`, and that of `require`.
 */
const IGNORED_RESOLUTIONS = new Set(['node10', 'node16-cjs']);

if (process.argv[1] === import.meta.filename) {
  const tarballs = await packAll();
  const faults = (await Promise.all(tarballs.map(faultsOf))).flat();
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  process.stdout.write(`${tarballs.length} tarballs checked, ${faults.length} faults\n`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
