/**
 * Compiles `assembly/` to the two modules in `src/generated/`. `pnpm wasm:build`; `wasm-build.check.test.ts`
 * compares what is committed with what this makes.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { main } from 'assemblyscript/asc';

const root = new URL('../', import.meta.url);

/** @returns {Promise<Record<'simd' | 'scalar', string>>} the generated files' texts */
export async function buildModules() {
  const [simd, scalar] = [await compile('--enable'), await compile('--disable')];
  return { simd: fileOf('SIMD_MODULE', simd), scalar: fileOf('SCALAR_MODULE', scalar) };
}

async function compile(feature) {
  let bytes;
  const { error } = await main(
    [
      'assembly/index.ts',
      '--outFile',
      'module.wasm',
      '-O3',
      '--noAssert',
      '--runtime',
      'stub',
      '--importMemory',
      feature,
      'simd',
    ],
    {
      readFile: (name, folder) =>
        readFile(new URL(`${folder === '.' ? '' : `${folder}/`}${name}`, root), 'utf8').catch(
          () => null,
        ),
      writeFile: (_, contents) => (bytes = contents),
      listFiles: () => [],
    },
  );
  if (error) throw error;
  return Buffer.from(bytes);
}

function fileOf(name, bytes) {
  const lines = bytes.toString('base64').match(/.{1,96}/g);
  return [
    '// Generated from assembly/ by scripts/build.mjs. Do not edit.',
    '',
    `/** ${bytes.length} bytes. */`,
    `export const ${name}: string =`,
    ...lines.map((line, i) => `  '${line}'${i === lines.length - 1 ? ';' : ' +'}`),
    '',
  ].join('\n');
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const [name, text] of Object.entries(await buildModules())) {
    await writeFile(new URL(`src/generated/${name}.ts`, root), text);
  }
}
