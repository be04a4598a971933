/** Benchmarks.
 *
 * @module
 */
export {};
