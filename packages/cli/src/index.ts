/** The litz command: a userspace WireGuard daemon and wg-quick style tunnel.
 *
 * @module
 */
export {};
