/**
 * `Nodes`: two nodes in two network namespaces, a cable (veth) between them, and a tunnel over it.
 *
 * ```
 *   node a   wg0 10.77.0.1/24                 node b   wg0 10.77.0.2/24
 *            wan 192.0.2.1/24  =============           wan 192.0.2.2/24
 * ```
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { formatKey, generatePrivateKey, nobleProvider, publicKeyOf } from '@litz/core';
import { Device } from '@litz/device';
import { Netlink, NetworkNamespace, waitUntilRunning } from '@litz/sys';
import { ping, type PingResult } from '@litz/sys/tools';

/** One node: its namespace, and the device in it. */
export interface Node {
  readonly namespace: NetworkNamespace;
  readonly device: Device;
  readonly publicKey: string;
  /** The IPv4 address inside the tunnel. */
  readonly address: string;
  /** The interface index of the cable's end in this namespace. */
  readonly cableIndex: number;
}

export class Nodes implements AsyncDisposable {
  readonly a: Node;
  readonly b: Node;

  /** @throws {SystemError} `ERR_LITZ_PERMISSION`: CAP_SYS_ADMIN or CAP_NET_ADMIN is missing */
  static async create(): Promise<Nodes> {
    const closers: (() => void | Promise<void>)[] = [];
    try {
      const [a, b] = [NetworkNamespace.create(), NetworkNamespace.create()];
      closers.push(() => (a.close(), b.close()));
      const [indexA, indexB] = connect(a, b);
      // As on two machines, each device gets its own private key and the public key of its peer.
      const [keyA, keyB] = [generatePrivateKey(randomFillSync), generatePrivateKey(randomFillSync)];
      const publicA = formatKey(publicKeyOf(keyA, nobleProvider));
      const publicB = formatKey(publicKeyOf(keyB, nobleProvider));
      const common = { tun: 'wg0', listenPort: PORT };
      const deviceA = await a.run(() =>
        Device.create({
          ...common,
          privateKey: keyA,
          addresses: ['10.77.0.1/24'],
          peers: [
            { publicKey: publicB, endpoint: `192.0.2.2:${PORT}`, allowedIps: ['10.77.0.2/32'] },
          ],
        }),
      );
      closers.push(() => deviceA.close());
      const deviceB = await b.run(() =>
        Device.create({
          ...common,
          privateKey: keyB,
          addresses: ['10.77.0.2/24'],
          // No endpoint is given: node b learns the endpoint from the first authentic message.
          peers: [{ publicKey: publicA, allowedIps: ['10.77.0.1/32'] }],
        }),
      );
      return new Nodes(
        nodeOf(a, deviceA, publicA, '10.77.0.1', indexA),
        nodeOf(b, deviceB, publicB, '10.77.0.2', indexB),
      );
    } catch (error) {
      for (const close of closers.toReversed()) await close();
      throw error;
    }
  }

  private constructor(a: Node, b: Node) {
    this.a = a;
    this.b = b;
  }

  /** Waits for the first session. Returns how long the handshake took, in ms. */
  async handshake(): Promise<number> {
    const { a, b } = this;
    const completed = once(a.device, 'handshake') as Promise<[{ durationMs?: number }]>;
    await a.device.connected(b.publicKey, { timeout: 5000 });
    const [{ durationMs = NaN }] = await completed;
    return durationMs;
  }

  /** Sends pings from a to b, through the tunnel. */
  ping(count: number): Promise<PingResult> {
    const { a, b } = this;
    const address = Uint8Array.from(b.address.split('.'), Number);
    return a.namespace.run(() => ping(address, { count, intervalMs: 20 }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.a.device.close(), this.b.device.close()]);
    this.a.namespace.close();
    this.b.namespace.close();
  }
}

function nodeOf(
  namespace: NetworkNamespace,
  device: Device,
  publicKey: string,
  address: string,
  cableIndex: number,
): Node {
  return { namespace, device, publicKey, address, cableIndex };
}

/**
 * Makes a veth with one end in each namespace, up and with addresses. Returns the indices of the
 * ends.
 */
function connect(a: NetworkNamespace, b: NetworkNamespace): [number, number] {
  withNetlink(a, (netlink) => netlink.createVeth('wan', 'wan', { peerNetns: b.fd }));
  const ends = [a, b].map((namespace, i) =>
    withNetlink(namespace, (netlink) => {
      const { index } = netlink.linkByName('wan')!;
      const address = Uint8Array.of(192, 0, 2, i + 1);
      netlink.addAddress(index, { address, prefixLength: 24 });
      netlink.setLink(index, { up: true });
      return index;
    }),
  ) as [number, number];
  for (const [i, namespace] of [a, b].entries()) {
    namespace.run(() => waitUntilRunning(ends[i]!));
  }
  return ends;
}

function withNetlink<T>(namespace: NetworkNamespace, run: (netlink: Netlink) => T): T {
  const netlink = namespace.run(() => new Netlink());
  try {
    return run(netlink);
  } finally {
    netlink.close();
  }
}

/** The UDP port of both nodes. */
export const PORT = 51820;
