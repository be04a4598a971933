/**
 * Hosts for tests: each has a stack and a `StackTun`. Two devices join two hosts, or a test carries
 * the packets from one TUN to the other itself.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { formatKey } from '@litz/core';
import { Device, type DeviceOptions } from '@litz/device';
import { Stack, type Socket, type StackOptions, type TcpSocket } from '@litz/netstack';
import { createPerson, type Person } from '@litz/testkit';
import { StackTun } from '../../src/index.ts';

/** A stack with the addresses 10.0.0.NUMBER and fd00::NUMBER, and its TUN. */
export class LinkedHost {
  readonly stack: Stack;
  readonly tun: StackTun;
  readonly person: Person;
  /** For each socket, the functions that are called when it has changed. */
  readonly listeners = new Map<Socket, Set<() => void>>();
  device: Device | undefined = undefined;

  constructor(number: number, options: Partial<StackOptions> = {}, now?: () => number) {
    this.person = createPerson(number);
    const addresses = [`10.0.0.${number}`, `fd00::${number}`];
    this.stack = new Stack({ randomBytes: randomFillSync, addresses, ...options });
    this.tun = new StackTun({
      stack: this.stack,
      ...(now && { now }),
      onSocket: (socket) => this.listeners.get(socket)?.forEach((listener) => listener()),
    });
  }

  /** Makes a device with the TUN. */
  async open(options: Partial<DeviceOptions> = {}): Promise<void> {
    const { privateKey } = this.person;
    this.device = await Device.create({ tun: this.tun, privateKey, ...options });
  }

  /** Calls `listener` each time the socket has changed. */
  on(socket: Socket, listener: () => void): void {
    const listeners = this.listeners.get(socket);
    if (listeners) listeners.add(listener);
    else this.listeners.set(socket, new Set([listener]));
  }

  /** Calls `look` now and after each change of the socket, until `look` returns something. */
  when<T>(socket: Socket, look: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const check = (): void => {
        const result = look();
        this.tun.wake();
        if (result === undefined) return;
        this.listeners.get(socket)?.delete(check);
        resolve(result);
      };
      this.on(socket, check);
      check();
    });
  }

  /** Accepts one connection. */
  accept(port: number): Promise<TcpSocket> {
    const listener = this.stack.listenTcp({ port });
    return this.when(listener, () => listener.accept());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.device?.close();
    this.tun.close();
  }
}

/** Makes a device for each host. Each device has the other one as its peer. */
export async function joinByDevices(
  a: LinkedHost,
  b: LinkedHost,
  options: Partial<DeviceOptions> = {},
): Promise<void> {
  await Promise.all([a.open(options), b.open(options)]);
  for (const [host, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const { number, publicKey } = other.person;
    const { listenPort } = await other.device!.status();
    const allowedIps = [`10.0.0.${number}/32`, `fd00::${number}/128`];
    const endpoint = `127.0.0.1:${listenPort}`;
    await host.device!.configure({
      peers: [{ publicKey: formatKey(publicKey), endpoint, allowedIps }],
    });
  }
}

/**
 * Sends `total` bytes of a pattern, and then ends the stream. Each byte depends on its position.
 */
export async function sendPattern(
  host: LinkedHost,
  socket: TcpSocket,
  total: number,
): Promise<void> {
  let sent = 0;
  await host.when(socket, () => {
    while (sent < total && socket.isConnected) {
      const at = sent % PATTERN_PERIOD;
      const count = socket.send(PATTERN, at, Math.min(total - sent, PATTERN.length - at));
      if (count === 0) break;
      sent += count;
    }
    if (sent === total) socket.shutdown();
    return sent === total || socket.state === 'closed' ? true : undefined;
  });
}

/**
 * Reads a stream to its end. Returns the number of bytes that match the pattern of `sendPattern`.
 */
export async function receivePattern(host: LinkedHost, socket: TcpSocket): Promise<number> {
  const buffer = new Uint8Array(65_536);
  let received = 0;
  let right = 0;
  await host.when(socket, () => {
    for (let count = socket.receive(buffer); count > 0; count = socket.receive(buffer)) {
      const expected = PATTERN.subarray(received % PATTERN_PERIOD).subarray(0, count);
      if (Buffer.compare(buffer.subarray(0, count), expected) === 0) right += count;
      received += count;
    }
    return socket.isEnded ? true : undefined;
  });
  return right;
}

const PATTERN_PERIOD = 251 * 256;
/** Long enough for any part of the pattern that is sent or compared at once. */
const PATTERN = Uint8Array.from({ length: PATTERN_PERIOD + 65_536 }, (_, i) => (i * 7) % 251);
