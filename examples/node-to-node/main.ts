/**
 * Two nodes with real TUN devices, each in a network namespace, and a ping through the tunnel. On
 * two machines the code would be the same: each machine makes its own device and knows the public
 * key of the other machine.
 *
 * ```
 *   left    wg0 10.88.0.1/24                   right    wg0 10.88.0.2/24
 *           wan 192.0.2.1/24  =============             wan 192.0.2.2/24
 * ```
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { parseAddress } from '@litz/config';
import { formatKey, generatePrivateKey, nobleProvider, publicKeyOf } from '@litz/core';
import { Device } from '@litz/device';
import { ping } from '@litz/sys/tools';
import { RIGHT_ADDRESS, TwoHosts } from '../two-hosts.ts';

const PORT = 51820;

using hosts = new TwoHosts();
// Each node makes its own private key. Only the public key leaves the node.
const [leftKey, rightKey] = [
  generatePrivateKey(randomFillSync),
  generatePrivateKey(randomFillSync),
];
const leftPublicKey = formatKey(publicKeyOf(leftKey, nobleProvider));
const rightPublicKey = formatKey(publicKeyOf(rightKey, nobleProvider));

// A device and its sockets are in the namespace in which `Device.create` is called.
await using right = await hosts.right.run(() =>
  Device.create({
    tun: 'wg0',
    privateKey: rightKey,
    listenPort: PORT,
    addresses: ['10.88.0.2/24'],
    // No endpoint: right learns it from the first message of left.
    peers: [{ publicKey: leftPublicKey, allowedIps: ['10.88.0.1/32'] }],
  }),
);
await using left = await hosts.left.run(() =>
  Device.create({
    tun: 'wg0',
    privateKey: leftKey,
    addresses: ['10.88.0.1/24'],
    peers: [
      {
        publicKey: rightPublicKey,
        endpoint: `${RIGHT_ADDRESS}:${PORT}`,
        allowedIps: ['10.88.0.2/32'],
      },
    ],
  }),
);

right.on('roam', ({ endpoint }) =>
  console.log(`right found left at ${endpoint.address.join('.')}`),
);
const handshake = once(left, 'handshake') as Promise<[{ durationMs?: number }]>;
await left.connected(rightPublicKey, { timeout: 5000 });
const [{ durationMs = NaN }] = await handshake;
console.log(`handshake in ${durationMs.toFixed(1)} ms`);

const { sent, received, rttsMs } = await hosts.left.run(() =>
  ping(parseAddress('10.88.0.2'), { count: 5, intervalMs: 50 }),
);
const average = rttsMs.reduce((sum, rtt) => sum + rtt, 0) / rttsMs.length;
console.log(`ping 10.88.0.2: ${received} of ${sent} answered, ${average.toFixed(2)} ms on average`);
