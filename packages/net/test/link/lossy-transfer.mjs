/**
 * Transfers bytes in both directions at once between a `Network` and the TCP of the kernel, through
 * a tunnel whose UDP datagrams go over a lossy path. It runs inside a network namespace, as root.
 *
 * ```
 *   Network, 10.0.0.1  <-- 127.0.0.1, DatagramRelay -->  Device on wg0, 10.0.0.2: the kernel
 * ```
 *
 * Usage: node lossy-transfer.mjs JSON, with `bytes` (in each direction), `version` (4 or 6) and
 * `path` (`PathOptions`). It prints the `Transferred` of lossy-datagrams.net.test.ts.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { generateKeyPair } from '@litz/core';
import { Device } from '@litz/device';
import { Network } from '@litz/net';
import { DatagramRelay, seededRandomBytes } from '@litz/testkit';

const { bytes, version, path } = JSON.parse(process.argv[2]);
const [near, far] = [generateKeyPair(), generateKeyPair()];

const device = await Device.create({
  tun: 'wg0',
  privateKey: far.privateKey,
  listenPort: 0,
  addresses: ['10.0.0.2/24', 'fd00::2/64'],
  peers: [{ publicKey: near.publicKey, allowedIps: ['10.0.0.1/32', 'fd00::1/128'] }],
});
const { listenPort } = await device.status();
const relay = await DatagramRelay.open({ to: listenPort, path });
const network = await Network.open({
  interface: {
    privateKey: near.privateKey,
    addresses: ['10.0.0.1/32', 'fd00::1/128'],
    dns: [],
    preUp: [],
    postUp: [],
    preDown: [],
    postDown: [],
  },
  peers: [
    {
      publicKey: far.publicKey,
      allowedIps: ['10.0.0.2/32', 'fd00::2/128'],
      endpoint: `127.0.0.1:${relay.port}`,
    },
  ],
});

const server = createServer({ allowHalfOpen: true });
server.listen(0, version === 4 ? '10.0.0.2' : 'fd00::2');
await once(server, 'listening');
const { address, port } = server.address();
const began = performance.now();
const client = network.connect({ host: address, port, allowHalfOpen: true });
const [accepted] = await once(server, 'connection');
const [upSent, upReceived, downSent, downReceived] = await Promise.all([
  send(client, 1),
  receive(accepted),
  send(accepted, 2),
  receive(client),
]);
const seconds = (performance.now() - began) / 1000;
const { drops } = await device.stats();
const result = {
  up: { sent: upSent, received: upReceived },
  down: { sent: downSent, received: downReceived },
  seconds,
  datagrams: relay.path.sent,
  lost: relay.path.lost,
  drops: [drops, (await network.device.stats()).drops],
};
await network.close();
server.close();
relay.close();
await device.close();
process.stdout.write(JSON.stringify(result));

/** Writes random bytes that a seed determines, and then ends the stream. */
async function send(stream, seed) {
  const hash = createHash('sha256');
  // A prime length, so that bytes in the wrong place do not look right.
  const data = new Uint8Array(1_000_003);
  seededRandomBytes(seed)(data);
  for (let left = bytes; left > 0;) {
    const piece = data.subarray(0, Math.min(left, data.length));
    hash.update(piece);
    left -= piece.length;
    if (!stream.write(piece)) await once(stream, 'drain');
  }
  stream.end();
  return { bytes, digest: hash.digest('hex') };
}

/** Reads a stream to its end. */
async function receive(stream) {
  const hash = createHash('sha256');
  let received = 0;
  // An iterator would destroy the stream, which is still sending.
  stream.on('data', (piece) => {
    hash.update(piece);
    received += piece.length;
  });
  await once(stream, 'end');
  return { bytes: received, digest: hash.digest('hex') };
}
