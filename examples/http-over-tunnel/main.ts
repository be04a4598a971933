/**
 * Node's own HTTP server and `fetch`, with a tunnel between them: two processes, each in a
 * network namespace with a real TUN device. The server and the client use only addresses inside the
 * tunnel.
 *
 * ```
 *   client   wg0 10.88.0.1/24                  server   wg0 10.88.0.2/24
 *            wan 192.0.2.1/24  =============            wan 192.0.2.2/24
 * ```
 *
 * @module
 */
import { fork, type ChildProcess } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { formatKey, generatePrivateKey, nobleProvider, publicKeyOf } from '@litz/core';
import type { DeviceOptions } from '@litz/device';
import type { NetworkNamespace } from '@litz/sys';
import { RIGHT_ADDRESS, TwoHosts } from '../two-hosts.ts';

const PORT = 51820;

using hosts = new TwoHosts();
const [clientKey, serverKey] = [
  generatePrivateKey(randomFillSync),
  generatePrivateKey(randomFillSync),
];
const clientPublicKey = formatKey(publicKeyOf(clientKey, nobleProvider));
const serverPublicKey = formatKey(publicKeyOf(serverKey, nobleProvider));

const server = startNode('server.js', hosts.right, {
  tun: 'wg0',
  privateKey: serverKey,
  listenPort: PORT,
  addresses: ['10.88.0.2/24'],
  peers: [{ publicKey: clientPublicKey, allowedIps: ['10.88.0.1/32'] }],
});
await once(server, 'message');
console.log('the server is ready');

const client = startNode('client.js', hosts.left, {
  tun: 'wg0',
  privateKey: clientKey,
  addresses: ['10.88.0.1/24'],
  peers: [
    {
      publicKey: serverPublicKey,
      endpoint: `${RIGHT_ADDRESS}:${PORT}`,
      allowedIps: ['10.88.0.2/32'],
    },
  ],
});
const [clientCode] = (await once(client, 'exit')) as [number | null];
server.disconnect();
const [serverCode] = (await once(server, 'exit')) as [number | null];
process.exitCode = clientCode === 0 && serverCode === 0 ? 0 : 1;

/** Starts a process in a network namespace, and sends it the options of its device. */
function startNode(
  file: string,
  namespace: NetworkNamespace,
  options: DeviceOptions,
): ChildProcess {
  const child = namespace.run(() =>
    // The options contain keys as bytes, which JSON cannot represent.
    fork(new URL(file, import.meta.url), { serialization: 'advanced' }),
  );
  child.send(options);
  return child;
}
