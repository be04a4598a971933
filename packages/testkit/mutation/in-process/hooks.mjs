/**
 * Says how Node loads the tests and the code in the copy of the checkout. TypeScript is loaded
 * without its types. Packages of the workspace come from the copy, where the mutants are.
 * `suites.mjs` replaces vitest.
 *
 * If the URL of a module ends with a version such as `?v=2`, the modules that it imports get the
 * same version. So all of them are loaded again. That is needed if a mutant damages state in
 * memory, or is in code that runs during the load.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

let copy = '';
let root = '';
let aliases = new Map();
let transform;
/** The JavaScript of each URL, because a module may be loaded many times. */
const sources = new Map();

export async function initialize(data) {
  copy = data.copy;
  root = pathToFileURL(`${copy}/`).href;
  aliases = workspaceAliases();
  // vitest uses the same transformer, so the tests are the same code.
  const vite = createRequire(createRequire(import.meta.url).resolve('vitest/package.json')).resolve(
    'vite',
  );
  const rolldown = createRequire(vite).resolve('rolldown/utils');
  ({ transformSync: transform } = await import(pathToFileURL(rolldown).href));
}

export async function resolve(specifier, context, next) {
  if (specifier === 'vitest') {
    return { url: new URL('./suites.mjs', import.meta.url).href, shortCircuit: true };
  }
  const alias = aliases.get(specifier);
  const conditions = ['@litz/source', ...context.conditions];
  const { url, ...rest } = await next(alias ?? specifier, { ...context, conditions });
  const version = /\?v=\d+$/.exec(context.parentURL ?? '')?.[0];
  if (version === undefined || !url.startsWith(`${root}packages/`)) return { url, ...rest };
  return { ...rest, url: `${url.split('?')[0]}${version}` };
}

export async function load(url, context, next) {
  const [file] = url.split('?');
  if (!file.startsWith(root) || !file.endsWith('.ts')) return next(url, context);
  if (!sources.has(file)) sources.set(file, withoutTypes(fileURLToPath(file)));
  return { format: 'module', source: sources.get(file), shortCircuit: true };
}

function withoutTypes(path) {
  const { code, errors } = transform(path, readFileSync(path, 'utf8'), { sourcemap: false });
  if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`);
  return code;
}

/** Returns the source file of each entry of each package. */
function workspaceAliases() {
  const found = new Map();
  for (const room of readdirSync(join(copy, 'packages'))) {
    const manifest = join(copy, 'packages', room, 'package.json');
    if (!existsSync(manifest)) continue;
    const { name, exports = {} } = JSON.parse(readFileSync(manifest, 'utf8'));
    for (const [entry, target] of Object.entries(exports)) {
      const source = typeof target === 'object' ? target?.['@litz/source'] : undefined;
      if (source === undefined) continue;
      found.set(
        `${name}${entry.slice(1)}`,
        pathToFileURL(join(copy, 'packages', room, source)).href,
      );
    }
  }
  return found;
}
