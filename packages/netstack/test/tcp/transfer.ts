/**
 * `Transfer`: sends a stream in both directions over a path, and checks every byte.
 *
 * @module
 */
import { expect } from 'vitest';
import type { TcpOptions, TcpSocket } from '../../src/index.ts';
import type { SimulatedPath } from './simulated-path.ts';

export interface TransferOptions {
  /** How many bytes are sent from a to b. The next field: from b to a. */
  up?: number;
  down?: number;
  version?: 4 | 6;
  tcp?: TcpOptions;
  /** The largest number of bytes that are read in one turn. */
  readSize?: number;
}

/** One direction. The byte at a position is known, so no copy is kept. */
class Direction {
  sent = 0;
  received = 0;
  readonly total: number;
  constructor(total: number) {
    this.total = total;
  }
}

export class Transfer {
  readonly path: SimulatedPath;
  readonly client: TcpSocket;
  server: TcpSocket | undefined;
  readonly #listener;
  readonly #up: Direction;
  readonly #down: Direction;
  readonly #readSize: number;
  readonly #buffer = new Uint8Array(65_536);

  constructor(path: SimulatedPath, options: TransferOptions = {}) {
    this.path = path;
    const { version = 4, tcp = {} } = options;
    this.#listener = path.b.listenTcp({ port: 80, ...tcp });
    this.client = path.a.connectTcp(version === 4 ? '10.0.0.2' : 'fd00::2', 80, tcp);
    this.#up = new Direction(options.up ?? 0);
    this.#down = new Direction(options.down ?? 0);
    this.#readSize = options.readSize ?? 65_536;
  }

  get isDone(): boolean {
    return this.client.state === 'closed' || this.client.state === 'time-wait';
  }

  /** Bytes that have arrived. */
  get received(): number {
    return this.#up.received + this.#down.received;
  }

  /** Runs until both streams have ended, or the time is over. Returns the ms that it took. */
  run(limit = 3_600_000): number {
    const start = this.path.now;
    const end = start + limit;
    for (;;) {
      this.#turn();
      if (this.#isOver()) return this.path.now - start;
      if (!this.path.step(end) && !this.#turn()) return this.path.now - start;
    }
  }

  /** Whether both streams were read to their end, or the client has failed. */
  #isOver(): boolean {
    const { server } = this;
    if (this.client.error) return true;
    return server !== undefined && server.isEnded && this.client.isEnded && isQuiet(this.client);
  }

  /** Returns whether anything was read. */
  #turn(): boolean {
    const before = this.received;
    this.server ??= this.#listener.accept();
    this.#write(this.client, this.#up);
    this.#read(this.client, this.#down);
    if (!this.server) return false;
    this.#write(this.server, this.#down);
    this.#read(this.server, this.#up);
    return this.received > before;
  }

  #write(socket: TcpSocket, direction: Direction): void {
    if (socket.error || socket.state === 'closed') return;
    while (direction.sent < direction.total && socket.writable > 0) {
      const length = Math.min(
        this.#buffer.length,
        direction.total - direction.sent,
        socket.writable,
      );
      for (let i = 0; i < length; i++) this.#buffer[i] = byteAt(direction.sent + i);
      const count = socket.send(this.#buffer, 0, length);
      if (!Number.isInteger(count)) expect.fail(`took ${count} bytes`);
      direction.sent += count;
      if (count < length) return;
    }
    if (direction.sent === direction.total) socket.shutdown();
  }

  #read(socket: TcpSocket, direction: Direction): void {
    const count = socket.receive(this.#buffer, 0, this.#readSize);
    let isRight = true;
    for (let i = 0; i < count; i++) isRight &&= this.#buffer[i] === byteAt(direction.received + i);
    if (!isRight) expect.fail(`a wrong byte among the ${count} after ${direction.received}`);
    direction.received += count;
  }
}

function isQuiet(socket: TcpSocket): boolean {
  return socket.state === 'time-wait' || socket.state === 'closed';
}

function byteAt(position: number): number {
  return (Math.imul(position, 0x9e3779b1) >>> 24) & 0xff;
}
