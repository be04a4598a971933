/**
 * The benchmarks' command: `node dist/main.js BENCH [options]`. The scripts `bench` and `bench:*` at
 * the root call it.
 *
 * @module
 */
import { createProgram } from './program.ts';

await createProgram().parseAsync();
