/**
 * `stagePackage`: makes the folder of a package as npm gets it: joined files, types, sources,
 * licence, and a manifest without the fields that only this repository uses.
 *
 * @module
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { bundlePackage } from './bundle.mjs';
import { publishedPackages, readJson, root } from './packages.mjs';
import { repositoryFields } from './repository.mjs';

/**
 * @param {string} folder the folder of the package; `tsc -b` has built it
 * @param {string} out the folder to make; an existing one is replaced
 */
export async function stagePackage(folder, out) {
  const manifest = readJson(join(folder, 'package.json'));
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const placed = await bundlePackage(folder, join(out, 'dist'), entriesOf(folder, manifest));
  copyTypes(folder, out);
  for (const name of readdirSync(folder)) {
    if (!NOT_COPIED.has(name)) cpSync(join(folder, name), join(out, name), { recursive: true });
  }
  cpSync(join(root, 'LICENSE'), join(out, 'LICENSE'));
  const published = publishedManifest(manifest, placed);
  Object.assign(
    published,
    repositoryFields(readJson(join(root, 'package.json')), basename(folder)),
  );
  const text = JSON.stringify(published, undefined, 2);
  writeFileSync(join(out, 'package.json'), `${text}\n`);
}

/**
 * Returns the manifest for npm: the ranges of the workspace become versions. All packages of Litz
 * have the same version and are used only together, so they depend on exactly that version.
 *
 * @param {Record<string, any>} manifest
 * @param {ReadonlyMap<string, string>} placed the map that `bundlePackage` returns
 */
export function publishedManifest(manifest, placed) {
  manifest = { ...manifest };
  delete manifest.devDependencies;
  delete manifest.scripts;
  manifest.exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([name, entry]) => {
      // An entry that is a string is a file that threads run. In the bundle, it has another path.
      if (typeof entry !== 'string' || !entry.startsWith('./dist/')) return [name, entry];
      return [name, `./dist/${placed.get(entry.slice('./dist/'.length))}`];
    }),
  );
  manifest.files = [...manifest.files, 'CHANGELOG.md'];
  for (const field of ['dependencies', 'optionalDependencies']) {
    if (!manifest[field]) continue;
    manifest[field] = Object.fromEntries(
      Object.entries(manifest[field]).map(([name, range]) => [name, publishedRange(name, range)]),
    );
  }
  return manifest;
}

function publishedRange(name, range) {
  if (range === 'workspace:*') {
    const own = publishedPackages().find(({ manifest }) => manifest.name === name);
    if (own) return own.manifest.version;
  }
  if (range === 'catalog:') {
    const version = catalog().get(name);
    if (version) return version;
  }
  if (!/^[\^~\d]/.test(range))
    throw new Error(`${name} has a range that npm does not know: ${range}`);
  return range;
}

/** The catalog of pnpm-workspace.yaml, a list of names and versions. */
function catalog() {
  const text = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8');
  const [, lines = ''] = /^catalog:\n((?: .*\n)+)/m.exec(text) ?? [];
  return new Map(
    [...lines.matchAll(/^ +'?([^':]+)'?: (\S+)$/gm)].map(([, name, version]) => [name, version]),
  );
}

/** The files of `dist` that `exports` names, or that a program in `bin` imports. */
function entriesOf(folder, { exports, bin = {} }) {
  const entries = Object.values(exports).flatMap((entry) => entry.default ?? []);
  for (const path of Object.values(bin)) {
    const code = readFileSync(join(folder, path), 'utf8');
    for (const [, imported] of code.matchAll(/import\('\.\.\/(dist\/[^']+)'\)/g)) {
      entries.push(`./${imported}`);
    }
  }
  return entries.map((path) => path.replace('./dist/', ''));
}

function copyTypes(folder, out) {
  const dist = join(folder, 'dist');
  for (const path of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!/\.d\.ts(?:\.map)?$/.test(path)) continue;
    mkdirSync(dirname(join(out, 'dist', path)), { recursive: true });
    cpSync(join(dist, path), join(out, 'dist', path));
  }
  if (!existsSync(join(out, 'dist/index.d.ts'))) throw new Error(`${folder} has no types`);
}

const NOT_COPIED = new Set([
  'dist',
  'node_modules',
  'package.json',
  'scripts',
  'test',
  'tsconfig.json',
]);
