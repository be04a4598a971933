/**
 * Benchmarks: suites of single operations, comparisons with other implementations, and the result
 * files.
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
