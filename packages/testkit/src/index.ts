/** Simulated network and clock, conformance suites, packet builders.
 *
 * @module
 */
export {};
