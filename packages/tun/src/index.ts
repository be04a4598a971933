/** TUN devices for Node.js.
 *
 * @module
 */
export {};
