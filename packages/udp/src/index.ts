/** Batched UDP sockets with source addresses, mark and ECN.
 *
 * @module
 */
export {};
