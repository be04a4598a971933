/**
 * Two networks with a tunnel between them, on loopback: for tests.
 *
 * @module
 */
import { formatKey, generateKeyPair } from '@litz/core';
import { Network, type NetworkOptions } from '../src/index.ts';

export interface TwoNetworks extends AsyncDisposable {
  /** 10.0.0.1 and fd00::1. It knows the endpoint of the other one. */
  readonly a: Network;
  /** 10.0.0.2 and fd00::2. */
  readonly b: Network;
}

/** Opens both. `a` begins the tunnel when it sends something. */
export async function twoNetworks(
  optionsA: NetworkOptions = {},
  optionsB: NetworkOptions = {},
): Promise<TwoNetworks> {
  const [keysA, keysB] = [generateKeyPair(), generateKeyPair()];
  const section = (privateKey: Uint8Array, number: number) => ({
    privateKey: formatKey(privateKey as never),
    addresses: [`10.0.0.${number}/24`, `fd00::${number}/64`],
    dns: ['10.0.0.2', 'example.test'],
    preUp: [],
    postUp: [],
    preDown: [],
    postDown: [],
  });
  const peer = (publicKey: Uint8Array, number: number, endpoint?: string) => ({
    publicKey: formatKey(publicKey as never),
    allowedIps: [`10.0.0.${number}/32`, `fd00::${number}/128`],
    ...(endpoint !== undefined && { endpoint }),
  });
  const b = await Network.open(
    {
      // A port must be known; the device gets a free one.
      interface: { ...section(keysB.privateKey, 2), listenPort: 1 },
      peers: [peer(keysA.publicKey, 1)],
    },
    { ...optionsB, device: { ...optionsB.device, listenPort: 0 } },
  );
  const endpoint = `127.0.0.1:${(await b.device.status()).listenPort}`;
  const a = await Network.open(
    { interface: section(keysA.privateKey, 1), peers: [peer(keysB.publicKey, 2, endpoint)] },
    optionsA,
  );
  return {
    a,
    b,
    async [Symbol.asyncDispose]() {
      await Promise.all([a.close(), b.close()]);
    },
  };
}
