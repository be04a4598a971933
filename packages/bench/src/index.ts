/**
 * Benchmarks: suites, side-by-side runs against other implementations, and their result files.
 *
 * @module
 */
export {
  readResult,
  writeResult,
  type BenchName,
  type Measurement,
  type Result,
} from './results/result.ts';
