/**
 * `NetworkTun`: the TUN of a device for a `Network`. Behind it is an IP stack instead of an
 * interface.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { checkArray, checkObject } from '@litz/core/internals';
import { Stack, type Socket as StackSocket } from '@litz/netstack';
import { StackTun } from './link/stack-tun.ts';

/** Options of `NetworkTun`. */
export interface NetworkTunOptions {
  /** The addresses of the network: texts, without a prefix length. */
  readonly addresses: readonly string[];
  /** The MTU in bytes, 1280 to 65535. Default 1420. */
  readonly mtu?: number | undefined;
  /** The largest number of bytes that all sockets together may hold. Default 64 MiB. */
  readonly memory?: number | undefined;
  /** The name of the device. Default 'netstack'. */
  readonly name?: string | undefined;
}

/**
 * The TUN for a device that the program makes itself and gives to `Network.open(device, { tun })`.
 *
 * @example
 *
 * ```ts
 * import { generateKeyPair } from '@litz/core';
 * import { Device } from '@litz/device';
 * import { Network, NetworkTun } from '@litz/net';
 *
 * const tun = new NetworkTun({ addresses: ['10.0.0.1'] });
 * const device = await Device.create({ tun, privateKey: generateKeyPair().privateKey });
 * const network = await Network.open(device, { tun });
 * console.log(network.addresses[0]); //=> 10.0.0.1
 * await network.close();
 * ```
 */
export class NetworkTun extends StackTun {
  readonly addresses: readonly string[];
  /** @internal Set by the network. Called with each socket that changed. */
  listener: ((socket: StackSocket) => void) | undefined = undefined;
  #isClosing = false;

  /**
   * @throws {TypeError | RangeError | WireGuardError} an option is wrong; the message names it
   */
  constructor(options: NetworkTunOptions) {
    checkObject(options, 'options', ['addresses', 'mtu', 'memory', 'name']);
    const { addresses, mtu, memory, name } = options;
    checkArray(addresses, 'addresses');
    const stack = new Stack({
      randomBytes: randomFillSync,
      addresses,
      ...(mtu !== undefined && { mtu }),
      ...(memory !== undefined && { memory }),
    });
    super({
      stack,
      ...(name !== undefined && { name }),
      onSocket: (socket) => {
        // When the TUN closes, the network itself reports the reason to all its sockets.
        if (!this.#isClosing) this.listener?.(socket);
      },
    });
    this.addresses = addresses.map((address) => address);
  }

  override close(): void {
    this.#isClosing = true;
    super.close();
  }
}
