/** A WireGuard device: engine, TUN and UDP in one packet loop.
 *
 * @module
 */
export {};
