/**
 * `MemoryNodes`: two devices with in-memory TUNs, and a relay on loopback between them that sees
 * every datagram. This form of the demo needs no privilege and runs on any system.
 *
 * @module
 */
import { createHash, randomFillSync } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { formatKey, generatePrivateKey, nobleProvider, publicKeyOf } from '@litz/core';
import { Device, MemoryTun } from '@litz/device';
import { Crossing } from './crossing.ts';
import type { DemoResult } from './report.ts';
import { createBlock, MARKER } from './transfer.ts';

export class MemoryNodes implements AsyncDisposable {
  readonly #tuns: readonly [MemoryTun, MemoryTun];
  readonly #devices: readonly [Device, Device];
  readonly #relay: Socket;
  readonly #crossing: Crossing;
  readonly #publicKey: string;

  static async create(): Promise<MemoryNodes> {
    const tuns = [new MemoryTun({ name: 'a' }), new MemoryTun({ name: 'b' })] as const;
    const keys = tuns.map(() => generatePrivateKey(randomFillSync));
    const publicKeys = keys.map((key) => formatKey(publicKeyOf(key, nobleProvider)));
    const devices = (await Promise.all(
      tuns.map((tun, i) => Device.create({ tun, privateKey: keys[i]!, listenPort: 0 })),
    )) as [Device, Device];
    const ports = await Promise.all(
      devices.map(async (device) => (await device.status()).listenPort),
    );
    const crossing = new Crossing(0, MARKER);
    const relay = await openRelay(ports as [number, number], crossing);
    await Promise.all(
      devices.map((device, i) =>
        device.configure({
          peers: [
            {
              publicKey: publicKeys[1 - i]!,
              endpoint: `127.0.0.1:${relay.address().port}`,
              allowedIps: [`10.77.0.${2 - i}/32`],
            },
          ],
        }),
      ),
    );
    return new MemoryNodes(tuns, devices, relay, crossing, publicKeys[1]!);
  }

  private constructor(
    tuns: readonly [MemoryTun, MemoryTun],
    devices: readonly [Device, Device],
    relay: Socket,
    crossing: Crossing,
    publicKey: string,
  ) {
    this.#tuns = tuns;
    this.#devices = devices;
    this.#relay = relay;
    this.#crossing = crossing;
    this.#publicKey = publicKey;
  }

  async run(): Promise<DemoResult> {
    const completed = once(this.#devices[0], 'handshake') as Promise<[{ durationMs?: number }]>;
    await this.#devices[0].connected(this.#publicKey, { timeout: 5000 });
    const [{ durationMs = NaN }] = await completed;
    const rttsMs: number[] = [];
    for (let i = 0; i < PINGS; i++) rttsMs.push(await this.#roundTrip());
    const transfer = await this.#transfer();
    const crossing = this.#crossing;
    return {
      handshakeMs: durationMs,
      rttsMs: rttsMs.filter((rtt) => !Number.isNaN(rtt)),
      pingsSent: PINGS,
      transfer,
      crossing,
      lostFrames: 0,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#devices.map((device) => device.close()));
    this.#relay.close();
  }

  /**
   * Sends a packet to the other node, and a packet with the same payload back. Returns how many ms
   * both took together; NaN if they took more than 1000.
   */
  async #roundTrip(): Promise<number> {
    const [a, b] = this.#tuns;
    const signal = AbortSignal.timeout(1000);
    const started = performance.now();
    try {
      const there = once(b, 'packet', { signal });
      const back = once(a, 'packet', { signal });
      a.send(packet(1, 2, MARKER));
      await there;
      b.send(packet(2, 1, MARKER));
      await back;
      return performance.now() - started;
    } catch {
      return NaN;
    }
  }

  /**
   * Sends numbered packets, up to `WINDOW` at a time. If a packet is lost, the transfer ends and is
   * reported as not intact.
   */
  async #transfer(): Promise<DemoResult['transfer']> {
    const [a, b] = this.#tuns;
    const block = createBlock().subarray(0, PAYLOAD);
    const [sent, received] = [createHash('sha256'), createHash('sha256')];
    const started = performance.now();
    let [bytes, count, arrived] = [0, 0, 0];
    const isOver = (): boolean =>
      bytes >= TRANSFER_BYTES || performance.now() - started > TRANSFER_MS;
    const isComplete = new Promise<boolean>((resolve) => {
      let stalled: NodeJS.Timeout | undefined;
      const fill = (): void => {
        while (count - arrived < WINDOW && !isOver()) {
          block.writeUInt32BE(count++, MARKER.length);
          sent.update(block);
          bytes += block.length;
          a.send(packet(1, 2, block));
        }
        clearTimeout(stalled);
        stalled = setTimeout(() => resolve(false), STALL_MS);
        if (arrived < count) return;
        clearTimeout(stalled);
        resolve(true);
      };
      b.on('packet', (bytes) => {
        received.update(bytes.subarray(IPV4_HEADER));
        arrived++;
        fill();
      });
      fill();
    });
    const complete = await isComplete;
    b.removeAllListeners('packet');
    const seconds = (performance.now() - started) / 1000;
    const intact = complete && sent.digest('hex') === received.digest('hex');
    return { bytes, seconds, intact };
  }
}

/** Opens a socket that forwards datagrams between the two ports. */
async function openRelay(ports: readonly [number, number], crossing: Crossing): Promise<Socket> {
  const relay = createSocket('udp4');
  relay.on('message', (datagram, { port }) => {
    crossing.addPayload(datagram);
    if (ports.includes(port)) relay.send(datagram, ports[port === ports[0] ? 1 : 0], '127.0.0.1');
  });
  relay.bind(0, '127.0.0.1');
  await once(relay, 'listening');
  return relay;
}

/**
 * Returns an IPv4 packet from one node to the other. `from` and `to` are the numbers of the nodes.
 * The packet has a protocol number for experiments (RFC 3692).
 */
function packet(from: number, to: number, payload: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(IPV4_HEADER + payload.length);
  bytes.writeUInt8(0x45, 0);
  bytes.writeUInt16BE(bytes.length, 2);
  bytes.writeUInt8(64, 8);
  bytes.writeUInt8(253, 9);
  bytes.set([10, 77, 0, from, 10, 77, 0, to], 12);
  bytes.set(payload, IPV4_HEADER);
  return bytes;
}

const PINGS = 20;
const IPV4_HEADER = 20;
const PAYLOAD = 1400;
/**
 * How many packets may be on the way at a time. They fit into the buffers of the loopback sockets.
 */
const WINDOW = 64;
const TRANSFER_BYTES = 64e6;
const TRANSFER_MS = 2500;
const STALL_MS = 1000;
