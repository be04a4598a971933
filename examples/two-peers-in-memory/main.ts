/**
 * Two devices in one process, connected by UDP over loopback: a WireGuard tunnel without any
 * privilege, on any system. There is no interface, so the program makes the packets itself
 * (`MemoryTun`).
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { formatKey, generatePrivateKey, nobleProvider, publicKeyOf } from '@litz/core';
import { Device, MemoryTun } from '@litz/device';
import { textOf, udpPacket } from '../udp-packet.ts';

const [aliceKey, bobKey] = [generatePrivateKey(randomFillSync), generatePrivateKey(randomFillSync)];
const alicePublicKey = formatKey(publicKeyOf(aliceKey, nobleProvider));
const bobPublicKey = formatKey(publicKeyOf(bobKey, nobleProvider));
const [aliceTun, bobTun] = [new MemoryTun(), new MemoryTun()];

// Bob does not know the endpoint of alice. He learns it from her first message.
await using bob = await Device.create({
  tun: bobTun,
  privateKey: bobKey,
  peers: [{ publicKey: alicePublicKey, allowedIps: ['10.0.0.1/32'] }],
});
const { listenPort } = await bob.status();
await using alice = await Device.create({
  tun: aliceTun,
  privateKey: aliceKey,
  peers: [
    { publicKey: bobPublicKey, endpoint: `127.0.0.1:${listenPort}`, allowedIps: ['10.0.0.2/32'] },
  ],
});

await alice.connected(bobPublicKey, { timeout: 5000 });
console.log('alice has a session with bob');

aliceTun.send(udpPacket('10.0.0.1', '10.0.0.2', 'hello, bob'));
const [question] = (await once(bobTun, 'packet')) as [Uint8Array];
console.log(`bob received: ${textOf(question)}`);

bobTun.send(udpPacket('10.0.0.2', '10.0.0.1', 'hello, alice'));
const [answer] = (await once(aliceTun, 'packet')) as [Uint8Array];
console.log(`alice received: ${textOf(answer)}`);

// In bob's table of allowed IPs, 10.0.0.9 does not belong to alice. So bob drops the packet and
// counts it.
const dropped = once(bob, 'drop') as Promise<[{ reason: string }]>;
aliceTun.send(udpPacket('10.0.0.9', '10.0.0.2', 'hello, somebody'));
const [{ reason }] = await dropped;
console.log(`bob dropped a packet: ${reason}`);
