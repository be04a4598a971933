/**
 * Sockets, HTTP and DNS through a WireGuard tunnel, without root and without a TUN device.
 *
 * @module
 */
export { StackTun, type StackTunOptions } from './link/stack-tun.ts';
