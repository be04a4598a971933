/**
 * One end of a tunnel in a process of its own, until SIGTERM: `device-child.js SIDE PROVIDER`. It
 * writes a line when it is ready, and tells in the end how many packets it carried.
 *
 * @module
 */
import { once } from 'node:events';
import { formatKey } from '@litz/core';
import { Device } from '@litz/device';
import { createPerson } from '@litz/testkit';
import { tell } from '../child.ts';
import { OUTER, type Side } from '../peers/namespace-pair.ts';
import { INNER } from '../peers/tunnel.ts';

/** What it writes when packets can pass. */
export const READY = 'ready';

export interface CarriedPackets {
  /** Read from the TUN, that is sent through the tunnel. */
  sent: number;
  /** Written to the TUN. */
  received: number;
}

async function main(side: Side, providerName: string): Promise<void> {
  const other: Side = side === 'a' ? 'b' : 'a';
  const persons = { a: createPerson(1), b: createPerson(2) };
  const device = await Device.create({
    tun: `litz-${side}`,
    addresses: [`${INNER[side]}/24`],
    privateKey: persons[side].privateKey,
    listenPort: PORT,
    peers: [
      {
        publicKey: formatKey(persons[other].publicKey),
        endpoint: `${OUTER[other]}:${PORT}`,
        allowedIps: [`${INNER[other]}/32`],
      },
    ],
    crypto: { module: new URL('./providers.js', import.meta.url).href, export: providerName },
  });
  process.stdout.write(`${READY}\n`);
  await once(process, 'SIGTERM');
  const { tun } = await device.stats();
  const carried: CarriedPackets = { sent: tun.readPackets, received: tun.writtenPackets };
  tell(carried);
  await device.close();
}

const [side, providerName = 'copying'] = process.argv.slice(2);
const PORT = 51820;
if (side === 'a' || side === 'b') await main(side, providerName);
