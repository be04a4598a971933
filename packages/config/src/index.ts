/** wg-quick files, the WireGuard cross-platform userspace protocol and its typed client.
 *
 * @module
 */
export {};
