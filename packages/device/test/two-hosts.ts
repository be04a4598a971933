/**
 * Two network namespaces that a veth pair connects, and a device in each.
 *
 * ```
 *   left   wg0 10.1.0.1/24, fd01::1/64              right   wg0 10.1.0.2/24, fd01::2/64
 *          wan 10.9.0.1/24, fd09::1/64  ==========          wan 10.9.0.2/24, fd09::2/64
 *                                                               10.9.0.3/24
 * ```
 *
 * @module
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Netlink, NetworkNamespace, waitUntilRunning } from '@litz/sys';
import { ping } from '@litz/sys/tools';
import { requirement, type Person, type Requirement } from '@litz/testkit';
import { Device, type DeviceOptions } from '../src/index.ts';
import { ALICE, BOB } from './in-memory.ts';

export const namespaces: Requirement = requirement('the right to make network namespaces', () =>
  NetworkNamespace.create().close(),
);

export const tunDevice: Requirement = requirement('/dev/net/tun', () => existsSync('/dev/net/tun'));

export const builtDevice: Requirement = requirement('the built @litz/device', () =>
  existsSync(fileURLToPath(BUILT_DEVICE)) ? true : 'run `tsc -b` first',
);

/** What every test with real interfaces needs. */
export const realInterfaces: readonly Requirement[] = [namespaces, tunDevice, builtDevice];

export class Host {
  readonly namespace: NetworkNamespace = NetworkNamespace.create();
  readonly netlink: Netlink = this.namespace.run(() => new Netlink());
  readonly person: Person;
  readonly #devices: Device[] = [];

  constructor(person: Person) {
    this.person = person;
    this.namespace.run(() => {
      // Duplicate address detection takes a second or two. Neighbours are not found until it ends.
      for (const name of ['all', 'default']) {
        const file = `/proc/sys/net/ipv6/conf/${name}/accept_dad`;
        if (existsSync(file)) writeFileSync(file, '0');
      }
    });
  }

  get inner(): Uint8Array {
    return Uint8Array.of(10, 1, 0, this.person.number);
  }

  get inner6(): Uint8Array {
    return Uint8Array.of(0xfd, 1, ...new Uint8Array(13), this.person.number);
  }

  get outer(): string {
    return `10.9.0.${this.person.number}`;
  }

  index(name: string): number {
    return this.netlink.linkByName(name)!.index;
  }

  /** A device on wg0 that listens on port 51820; closed with the host. */
  async device(options: Partial<DeviceOptions> = {}): Promise<Device> {
    const { number, privateKey } = this.person;
    const device = await this.namespace.run(() =>
      Device.create({
        tun: 'wg0',
        privateKey,
        listenPort: 51820,
        addresses: [`10.1.0.${number}/24`, `fd01::${number}/64`],
        ...options,
      }),
    );
    // Without a listener, an error would be thrown. A test that ignores errors still sees their
    // effect.
    device.on('error', () => {});
    this.#devices.push(device);
    return device;
  }

  /** How many of `count` pings are answered. */
  async ping(address: Uint8Array, count = 1, options: object = {}): Promise<number> {
    const { received } = await this.namespace.run(() =>
      ping(address, { count, intervalMs: 20, timeoutMs: 2000, ...options }),
    );
    return received;
  }

  async close(): Promise<void> {
    for (const device of this.#devices) await device.close();
    this.netlink.close();
    this.namespace.close();
  }
}

export class TwoHosts {
  readonly left: Host = new Host(ALICE);
  readonly right: Host = new Host(BOB);

  constructor() {
    const { left, right } = this;
    left.netlink.createVeth('wan', 'wan', { peerNetns: right.namespace.fd });
    for (const [host, numbers] of [[left, [1]] as const, [right, [2, 3]] as const]) {
      const index = host.index('wan');
      for (const number of numbers) {
        const address = Uint8Array.of(10, 9, 0, number);
        host.netlink.addAddress(index, { address, prefixLength: 24 });
      }
      const address = Uint8Array.of(0xfd, 9, ...new Uint8Array(13), numbers[0]);
      host.netlink.addAddress(index, { address, prefixLength: 64 }, { noDad: true });
      host.netlink.setLink(index, { up: true });
    }
    for (const host of [left, right]) {
      host.namespace.run(() => waitUntilRunning(host.index('wan')));
    }
  }

  /** Makes a device on each side. Only the left device has the endpoint of the other one. */
  async devices(
    forLeft: Partial<DeviceOptions> = {},
    forRight: Partial<DeviceOptions> = {},
  ): Promise<{ left: Device; right: Device }> {
    const left = await this.left.device({
      peers: [peerOf(this.right, `${this.right.outer}:51820`)],
      ...forLeft,
    });
    const right = await this.right.device({ peers: [peerOf(this.left)], ...forRight });
    return { left, right };
  }

  async close(): Promise<void> {
    await this.left.close();
    await this.right.close();
  }
}

export type Peer = NonNullable<DeviceOptions['peers']>[number];

export function peerOf({ person }: Host, endpoint?: string): Peer {
  return {
    publicKey: person.publicKey,
    allowedIps: [`10.1.0.${person.number}/32`, `fd01::${person.number}/128`],
    ...(endpoint && { endpoint }),
  };
}

/** Returns how many descriptors this process has open. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/**
 * Runs the body of an async function in a thread whose sockets are in the namespace.
 *
 * @returns a structured clone of what the function returns
 */
export async function runInside(host: Host, body: string, data: unknown = {}): Promise<unknown> {
  const code = `const { parentPort, workerData } = require('node:worker_threads');
    (async () => { ${body} })().then((result) => parentPort.postMessage(result));`;
  const worker = host.namespace.run(
    () => new Worker(code, { eval: true, workerData: data, execArgv: [] }),
  );
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  } finally {
    await worker.terminate();
  }
}

export const BUILT_DEVICE: URL = new URL('../dist/index.js', import.meta.url);
