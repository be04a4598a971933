import { execFile } from 'node:child_process';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { BOB } from './in-memory.ts';
import { realInterfaces, runInside, TwoHosts } from './two-hosts.ts';

const PYTHON = programRequirement('python3');

let hosts: TwoHosts;

describeWith(
  [...realInterfaces, PYTHON],
  'a datagram with a wrong checksum through a tunnel',
  () => {
    beforeEach(() => {
      hosts = new TwoHosts();
    });
    afterEach(() => hosts.close());

    it.each([
      [4, 1, 40],
      [4, 40, 40],
      [6, 1, 40],
      [6, 40, 40],
    ] as const)(
      'is delivered, as with the WireGuard of the kernel (IPv%i, %i at a time)',
      async (version, together, count) => {
        const devices = await hosts.devices();
        await devices.left.connected(BOB.publicKey, { timeout: 5000 });
        const target = version === 4 ? '10.1.0.2' : 'fd01::2';
        const received = runInside(hosts.right, RECEIVER, { version, target, count });
        await sendWrong(version, together, count);
        expect(await received).toBe(count);
      },
    );

    it.each([4, 6] as const)(
      'is dropped if the interface has no offloads, because the kernel then verifies the checksum (IPv%i)',
      async (version) => {
        const offload = { tunTcp: false, tunUdp: false };
        const devices = await hosts.devices({}, { offload });
        await devices.left.connected(BOB.publicKey, { timeout: 5000 });
        const target = version === 4 ? '10.1.0.2' : 'fd01::2';
        const received = runInside(hosts.right, RECEIVER, { version, target, count: 1 });
        await sendWrong(version, 40, 40);
        expect(await received).toBe(0);
      },
    );
  },
);

/** Sends datagrams with a wrong checksum, through a socket that does not correct it. */
function sendWrong(version: 4 | 6, together: number, count: number): Promise<void> {
  const words = ['-c', SENDER, String(version), String(together), String(count)];
  return new Promise((resolve, reject) => {
    hosts.left.namespace.run(() =>
      execFile('python3', words, (error) => (error ? reject(error) : resolve())),
    );
  });
}

const SENDER = `
import socket, struct, sys, time
version, together, count = map(int, sys.argv[1:])
time.sleep(0.5)
body = bytes(range(100))
udp = struct.pack('!HHHH', 7001, 7000, 8 + len(body), 0x1234) + body
if version == 4:
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    packet = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0,
        socket.inet_aton('10.1.0.1'), socket.inet_aton('10.1.0.2')) + udp
    to = ('10.1.0.2', 0)
else:
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    packet = struct.pack('!IHBB16s16s', 0x60000000, len(udp), 17, 64,
        socket.inet_pton(socket.AF_INET6, 'fd01::1'), socket.inet_pton(socket.AF_INET6, 'fd01::2')) + udp
    to = ('fd01::2', 0)
for i in range(count):
    s.sendto(packet, to)
    if (i + 1) % together == 0:
        time.sleep(0.01)
`;

/** Resolves after two seconds, with the number of datagrams that were received until then. */
const RECEIVER = `
const { version, target, count } = workerData;
const socket = require('node:dgram').createSocket(version === 4 ? 'udp4' : 'udp6');
let received = 0;
return new Promise((resolve) => {
  const end = () => { socket.close(); resolve(received); };
  setTimeout(end, 2000);
  socket.on('message', () => { received++; });
  socket.bind(7000, target);
});`;
