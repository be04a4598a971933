/**
 * The benchmarks' command: `node dist/main.js BENCH [options]`. The scripts `bench` and `bench:*` at
 * the root call it.
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
