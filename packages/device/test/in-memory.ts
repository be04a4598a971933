/**
 * Devices in memory for tests. Their keys are made from numbers, and their endpoints are loopback
 * addresses.
 *
 * @module
 */
import { once } from 'node:events';
import { formatKey, type PrivateKey, type PublicKey } from '@litz/core';
import { createPerson, ipPacket, type Person } from '@litz/testkit';
import { Device, MemoryTun, type DeviceOptions } from '../src/index.ts';

/** The persons of the tests. */
export const ALICE: Person = createPerson(1);
export const BOB: Person = createPerson(2);
export const CAROL: Person = createPerson(3);

export interface MemoryDevice extends AsyncDisposable {
  readonly device: Device;
  readonly tun: MemoryTun;
  readonly person: Person;
}

/**
 * Makes a device of a person. By default, its link is up and it has no peers; the options can
 * change that.
 */
export async function memoryDevice(
  person: Person,
  options: Partial<DeviceOptions> = {},
): Promise<MemoryDevice> {
  const tun = new MemoryTun({ name: `memory${person.number}` });
  const device = await Device.create({ tun, privateKey: person.privateKey, ...options });
  return { device, tun, person, [Symbol.asyncDispose]: () => device[Symbol.asyncDispose]() };
}

/** Makes `b` a peer of `a`, with the endpoint of `b`. The link of `b` must be up. */
export async function introduce(a: MemoryDevice, b: MemoryDevice): Promise<void> {
  const { listenPort } = await b.device.status();
  await a.device.configure({
    peers: [
      {
        publicKey: formatKey(b.person.publicKey),
        endpoint: `127.0.0.1:${listenPort}`,
        allowedIps: [`10.0.0.${b.person.number}/32`],
      },
    ],
  });
}

/** Makes the devices of Alice and Bob, which are peers of each other. */
export async function memoryPair(): Promise<[alice: MemoryDevice, bob: MemoryDevice]> {
  const alice = await memoryDevice(ALICE);
  const bob = await memoryDevice(BOB);
  await introduce(alice, bob);
  await introduce(bob, alice);
  return [alice, bob];
}

export function packetFrom(a: MemoryDevice, b: MemoryDevice, payload?: number[]): Uint8Array {
  const { ipv4: source } = a.person;
  const { ipv4: destination } = b.person;
  return ipPacket({ source, destination, ...(payload && { payload }) });
}

/** Resolves with the next packet that a device writes to the TUN. */
export async function nextPacket(tun: MemoryTun): Promise<Uint8Array> {
  const [packet] = (await once(tun, 'packet')) as [Uint8Array];
  return packet;
}

/** Resolves with the arguments of the next event of this name. */
export function nextEvent(device: Device, name: string): Promise<unknown[]> {
  return once(device, name);
}

export type { PrivateKey, PublicKey };
