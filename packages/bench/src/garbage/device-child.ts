/**
 * Runs a `Device` as one end of a tunnel in a separate process, until SIGTERM:
 * `device-child.js SIDE PROVIDER`. It prints the line `ready` when packets can pass. At the end, it
 * answers with `CarriedPackets`.
 *
 * @module
 */
import { once } from 'node:events';
import { formatKey } from '@litz/core';
import { Device } from '@litz/device';
import { createPerson } from '@litz/testkit';
import { sendAnswer } from '../child.ts';
import { OUTER, type Side } from '../peers/namespace-pair.ts';
import { INNER } from '../peers/tunnel.ts';

/** The line that the process prints when packets can pass. */
export const READY = 'ready';

export interface CarriedPackets {
  /** Packets that were read from the TUN. */
  sent: number;
  /** Packets that were written to the TUN. */
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
  sendAnswer(carried);
  await device.close();
}

const [side, providerName = 'copying'] = process.argv.slice(2);
const PORT = 51820;
if (side === 'a' || side === 'b') await main(side, providerName);
