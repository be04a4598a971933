/**
 * Compiles `assembly/` and writes the modules as base64 into TypeScript: `node generate.mjs
 * FOLDER`. The compiler is deterministic, so a test can compare its output with the committed
 * files.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from 'assemblyscript/asc';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUILDS = { simd: '--enable simd', scalar: '' };
const OPTIONS =
  // The caller gives the memory, of any size. There is no run-time system.
  '-O3 --converge --noAssert --runtime stub --use abort= --importMemory --noExportMemory --initialMemory 1 --memoryBase 64';

const folder = process.argv[2];
if (folder === undefined) throw new Error('the folder is missing: node generate.mjs FOLDER');
mkdirSync(folder, { recursive: true });
for (const [name, features] of Object.entries(BUILDS)) {
  writeFileSync(join(folder, `${name}.ts`), moduleText(name, await compile(features)));
}

async function compile(features) {
  const options = `${OPTIONS} ${features}`.trim().split(' ');
  const messages = [];
  let binary;
  const { error } = await main(
    ['assembly/index.ts', '--baseDir', ROOT, '--outFile', 'module.wasm', ...options],
    {
      stderr: { write: (text) => messages.push(text) },
      writeFile: (_, contents) => {
        binary = contents;
      },
    },
  );
  if (error) throw new Error(`${error.message}\n${messages.join('')}`);
  return Buffer.from(binary);
}

function moduleText(name, binary) {
  const constant = `${name.toUpperCase()}_MODULE`;
  return [
    '/**',
    ` * \`${constant}\`: the compiled module of \`assembly/\` in base64. Generated: not to be changed by hand.`,
    ' *',
    ' * @module',
    ' */',
    `export const ${constant}: string =`,
    `  '${binary.toString('base64')}';`,
    '',
  ].join('\n');
}
