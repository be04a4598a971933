/**
 * `WarmUpEnd`: one of the two ends of a warm-up. It has a data plane like the device's, and a TUN
 * whose packets the warm-up writes and reads.
 *
 * @module
 */
import {
  Endpoint,
  generatePrivateKey,
  nobleProvider,
  publicKeyOf,
  type CryptoProvider,
  type PublicKey,
} from '@litz/core';
import type { ByteOperations } from '@litz/tun/offload';
import { DataPlane } from '../plane/data-plane.ts';
import type { PacketMemory } from '../plane/packet-memory.ts';
import type { DatagramSocket, Tun } from '../plane/io-interfaces.ts';
import { createRandomBytes } from '../plane/random-source.ts';
import { ADDRESSES, type From, type WarmUpPacket } from './warm-up-packets.ts';

export interface WarmUpEndOptions {
  readonly tun: Tun;
  readonly memory: PacketMemory;
  readonly bytes: ByteOperations | undefined;
  readonly crypto: CryptoProvider | undefined;
  /** The payload of all packets; each packet uses its first bytes. Borrowed. */
  readonly payload: Uint8Array;
  /** Called instead of `sockets.close()`, if given. */
  readonly closeSockets?: (sockets: DatagramSocket) => void;
}

export class WarmUpEnd {
  readonly #tun: Tun;
  readonly #memory: PacketMemory;
  readonly #plane: DataPlane;
  readonly #publicKey: PublicKey;
  readonly #payload: Uint8Array;

  /** Makes an end with a private key of its own. */
  constructor({ payload, ...options }: WarmUpEndOptions) {
    const { tun, memory, crypto } = options;
    this.#tun = tun;
    this.#memory = memory;
    this.#payload = payload;
    this.#plane = new DataPlane({ ...options, onEvent: () => {} });
    const privateKey = generatePrivateKey(createRandomBytes());
    this.#publicKey = publicKeyOf(privateKey, crypto ?? nobleProvider);
    this.#plane.configure({ privateKey }, undefined, 0);
    privateKey.fill(0);
  }

  /** Sets the link up. @param sockets closed by `close` */
  open(sockets: DatagramSocket, now: number): void {
    this.#plane.linkUp(sockets, now);
  }

  /** Makes `other`, which has this index, the only peer. There is no session with it yet. */
  meet(other: WarmUpEnd, index: From, now: number): void {
    const endpoint = new Endpoint(LOOPBACK, other.#plane.path.sockets?.port ?? 0);
    const allowedIps = [{ address: ADDRESSES[index], prefixLength: 32 }];
    const peer = { publicKey: other.#publicKey, endpoint, allowedIps };
    this.#plane.configure({ replacePeers: true, peers: [peer] }, undefined, now);
  }

  /** Writes packets that the other end will send. Packets that the TUN refuses are lost. */
  put(packets: readonly WarmUpPacket[]): void {
    const { buffer, readOffset } = this.#memory;
    for (const { headers, payloadLength } of packets) {
      buffer.set(headers, readOffset);
      const payload = readOffset + headers.length;
      buffer.set(this.#payload.subarray(0, payloadLength), payload);
      this.#tun.write(buffer, readOffset, headers.length + payloadLength);
    }
  }

  /** Sends the packets that the other end wrote with `put`. */
  send(now: number): void {
    this.#plane.path.readTun(now);
    this.#plane.finish(now);
  }

  /** Receives from the socket. @returns whether packets came */
  receive(now: number): boolean {
    const { path } = this.#plane;
    const before = path.writtenPackets;
    path.receive(now, IPV4_SOCKET);
    this.#plane.finish(now);
    return path.writtenPackets > before;
  }

  /** Reads and discards the packets that the other end received. */
  clear(): void {
    const { buffer, readOffset, readLength } = this.#memory;
    while (this.#tun.read(buffer, readOffset, readLength) > 0);
  }

  /** Closes the sockets and wipes the keys. */
  close(now: number): void {
    this.#plane.close(now);
  }
}

const LOOPBACK = Uint8Array.of(127, 0, 0, 1);
/** Index of the IPv4 socket in `fds`; it comes first. */
const IPV4_SOCKET = 0;
