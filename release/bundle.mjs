/**
 * `bundlePackage`: joins the built files of a package into few files, for npm.
 *
 * Node.js needs about a third of a millisecond to load a module, so `litz genkey` with its 260
 * modules would start slowly. Only files of the package itself are joined: its dependencies stay
 * packages of their own, so that a class of `@litz/core` exists once in a program. Nothing is
 * renamed or made smaller, comments stay, and source maps lead to the sources.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { rollup } from 'rollup';

/**
 * Writes the joined files.
 *
 * @param {string} folder the folder of the package, with `dist` as `tsc -b` has made it
 * @param {string} out the folder for the joined files
 * @param {readonly string[]} entries the entries for users, as paths in `dist`: `quick/index.js`
 * @returns {Promise<Map<string, string>>} for each entry and each file that a thread runs: its path
 *   in `dist`, with its path in `out`
 * @throws {Error} two files that threads run have the same name, a URL leads to a missing file, or
 *   rollup gives a warning
 */
export async function bundlePackage(folder, out, entries) {
  const dist = join(folder, 'dist');
  const threads = filesOfThreads(dist);
  const input = Object.fromEntries(
    entries.map((path) => [path.replace(/\.js$/, ''), join(dist, path)]),
  );
  for (const path of threads) {
    const name = basename(path, '.js');
    if (input[name]) throw new Error(`${path} and ${input[name]} would become the same file`);
    input[name] = path;
  }
  const outputs = new Map(Object.entries(input).map(([name, path]) => [path, `${name}.js`]));
  const bundle = await rollup({
    input,
    external: (id) => !id.startsWith('.') && !id.startsWith('/'),
    // An import whose value is not used may still be needed for its effects.
    treeshake: false,
    plugins: [sourceMaps(), movedUrls(folder, outputs)],
    onwarn(warning) {
      // The code that `tsc` makes for `using` reads `this`, and expects that it is undefined.
      if (warning.code === 'THIS_IS_UNDEFINED') return;
      throw new Error(`${folder}: ${warning.message}`);
    },
  });
  await bundle.write({
    dir: out,
    format: 'es',
    entryFileNames: '[name].js',
    // All files are in one folder, so the URL of a file that a thread runs is the name of the file.
    chunkFileNames: 'part-[name].js',
    minifyInternalExports: false,
    sourcemap: true,
    sourcemapExcludeSources: true,
  });
  await bundle.close();
  return new Map([...outputs].map(([path, placed]) => [relative(dist, path), placed]));
}

/** Gives rollup the source maps that `tsc` wrote. */
function sourceMaps() {
  return {
    name: 'source-maps',
    load(id) {
      const code = readFileSync(id, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n');
      return { code, map: JSON.parse(readFileSync(`${id}.map`, 'utf8')) };
    },
  };
}

/**
 * `new URL('../../bin/litz.js', import.meta.url)` depends on the folder of the file, and a joined
 * file is in another folder. So each such URL is written again, relative to the joined file.
 */
function movedUrls(folder, outputs) {
  return {
    name: 'moved-urls',
    transform(code, id) {
      const moved = code.replace(URL_OF_FILE, (whole, quote, path) => {
        const target = join(dirname(id), path);
        if (!existsSync(target)) throw new Error(`${id} has the URL of ${path}, which is missing`);
        const placed = outputs.get(target);
        const inPackage = placed ? `dist/${placed}` : relative(folder, target);
        const end = path.endsWith('/') && !inPackage.endsWith('/') ? '/' : '';
        return `new URL(${quote}${MARK}${inPackage}${end}${quote}, import.meta.url)`;
      });
      // `map: null` keeps the source map. Only the columns behind a replaced path are wrong in it.
      return moved === code ? undefined : { code: moved, map: null };
    },
    renderChunk(code, { fileName }) {
      const from = dirname(join('dist', fileName));
      const placed = code.replaceAll(MARKED, (_, path) => {
        const moved = relative(from, path).split(sep).join('/');
        return path.endsWith('/') ? `${moved}/` : moved;
      });
      return placed === code ? undefined : { code: placed, map: null };
    },
  };
}

/**
 * Finds the files that threads run. Another file has the path of such a file in
 * `new URL(..., import.meta.url)`, or the file names itself by `new URL(import.meta.url)`.
 */
function filesOfThreads(dist) {
  const threads = new Set();
  for (const path of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.js')) continue;
    const file = join(dist, path);
    const code = readFileSync(file, 'utf8');
    if (code.includes('new URL(import.meta.url)')) threads.add(file);
    for (const [, , target] of code.matchAll(URL_OF_FILE)) {
      const named = join(dirname(file), target);
      if (named.startsWith(join(dist, '/')) && named.endsWith('.js')) threads.add(named);
    }
  }
  return threads;
}

const URL_OF_FILE = /new URL\((['"])([^'"]+)\1, import\.meta\.url\)/g;
const MARK = 'in-package:';
const MARKED = /in-package:([^'"]+)/g;
