/**
 * The command of the benchmarks: `node dist/main.js BENCH [options]`. The root scripts `bench` and
 * `bench:*` call it.
 *
 * @module
 */
import { createProgram } from './program.ts';

try {
  await createProgram().parseAsync();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
