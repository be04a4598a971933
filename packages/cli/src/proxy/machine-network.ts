/**
 * `machineNetwork`: the network of the machine itself, in the form of `ProxyNetwork`. There,
 * `--forward` listens, and `--expose` reaches local services.
 *
 * @module
 */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { ProxyNetwork } from './proxy-network.ts';

/** Uses node:net, node:dgram and node:dns. */
export const machineNetwork: ProxyNetwork = {
  get addresses() {
    const all = Object.values(networkInterfaces()).flat();
    return all.some((it) => it?.family === 'IPv6') ? ['0.0.0.0', '::'] : ['0.0.0.0'];
  },
  connect: (options) => connect(options),
  createServer: (options) => createServer({ ...options, noDelay: true, keepAlive: true }),
  // Each family has its own socket, so a socket for IPv6 must not take the port for IPv4 too.
  createSocket: (type) => createSocket({ type, ipv6Only: type === 'udp6' }),
  lookup: (name, options, callback) => lookup(name, { ...options, all: false }, callback),
};
