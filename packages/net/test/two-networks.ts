/**
 * Two networks with a tunnel between them, on loopback: for tests.
 *
 * @module
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server as SystemServer } from 'node:net';
import { pipeline } from 'node:stream';
import type { WgQuickInput } from '@litz/config';
import { generateKeyPair, type PrivateKey, type PublicKey } from '@litz/core';
import { Network, type NetworkOptions, type Server } from '../src/index.ts';

export interface TwoNetworks extends AsyncDisposable {
  /** 10.0.0.1 and fd00::1. It knows the endpoint of `b`. */
  readonly a: Network;
  /** 10.0.0.2 and fd00::2. */
  readonly b: Network;
}

/**
 * Opens both networks. `a` begins the tunnel when it sends something. The DNS server of both is
 * 10.0.0.2.
 */
export async function twoNetworks(
  optionsA: NetworkOptions = {},
  optionsB: NetworkOptions = {},
): Promise<TwoNetworks> {
  const [keysA, keysB] = [generateKeyPair(), generateKeyPair()];
  const b = await Network.open(
    {
      // The configuration must have a port, but the device gets a free one.
      interface: { ...section(keysB.privateKey, 2), listenPort: 1 },
      peers: [peer(keysA.publicKey, 1)],
    },
    { ...optionsB, device: { ...optionsB.device, listenPort: 0 } },
  );
  const endpoint = `127.0.0.1:${(await b.device.status()).listenPort}`;
  const a = await Network.open(
    {
      interface: section(keysA.privateKey, 1),
      peers: [{ ...peer(keysB.publicKey, 2), endpoint }],
    },
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

/** Waits until the server of a network has a port, and returns it. */
export async function portOf(server: Server): Promise<number> {
  if (!server.listening) await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/**
 * Listens at a free port of `b`, and joins each connection with a new one to the port `to` of
 * 127.0.0.1. Returns the port of `b`.
 */
export async function expose(b: Network, to: number): Promise<number> {
  const server = b.createServer((inside) => {
    const outside = connect(to, '127.0.0.1');
    pipeline(inside, outside, inside, () => {});
  });
  return portOf(server.listen(0));
}

/**
 * Listens at a free port of 127.0.0.1, and joins each connection with a new one from `a` to a host.
 * Returns the server that listens.
 */
export async function forward(a: Network, host: string, port: number): Promise<SystemServer> {
  const server = createServer((outside) => {
    const inside = a.connect(port, host);
    pipeline(outside, inside, outside, () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

function section(privateKey: PrivateKey, number: number): WgQuickInput['interface'] {
  return {
    privateKey,
    addresses: [`10.0.0.${number}/24`, `fd00::${number}/64`],
    dns: ['10.0.0.2', 'example.test'],
    preUp: [],
    postUp: [],
    preDown: [],
    postDown: [],
  };
}

function peer(publicKey: PublicKey, number: number): WgQuickInput['peers'][0] {
  return { publicKey, allowedIps: [`10.0.0.${number}/32`, `fd00::${number}/128`] };
}
