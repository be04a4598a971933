import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { seededRandomBytes, shortOrLong } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { Stack, type TcpSocket } from '../src/index.ts';
import { record } from './results.ts';

/** The number of connections at each of two stacks. */
const CONNECTIONS = shortOrLong(2000, 10_000);

describe('an idle connection', () => {
  test(
    'costs less than 1100 bytes, and less than 4 KiB after it has carried data',
    { timeout: 300_000 },
    () => {
      const pair = new Pair();
      // The memory that a stack itself needs is not counted.
      pair.open(200);
      const before = memory();
      pair.open(CONNECTIONS);
      const unused = (memory() - before) / CONNECTIONS / 2;
      pair.exchange();
      const used = (memory() - before) / CONNECTIONS / 2;
      expect([pair.a.memoryInUse, pair.b.memoryInUse]).toEqual([0, 0]);
      expect(pair.sockets.every(({ state }) => state === 'established')).toBe(true);
      expect(unused).toBeLessThan(1100);
      expect(used).toBeLessThan(4096);
      record('idle-connections', `${CONNECTIONS} connections`, {
        'bytes of an unused one': Math.round(unused),
        'bytes of one that has carried messages': Math.round(used),
      });
    },
  );
});

class Pair {
  readonly a: Stack = create(1);
  readonly b: Stack = create(2);
  readonly sockets: TcpSocket[] = [];
  readonly #listener = this.b.listenTcp({ port: 80, backlog: 20_000 });
  readonly #buffer = new Uint8Array(2000);
  #now = 1000;

  open(count: number): void {
    for (let i = 0; i < count; i++) {
      this.sockets.push(this.a.connectTcp('10.0.0.2', 80));
      if (i % 500 === 499) this.#carry();
    }
    this.#carry();
    for (let s = this.#listener.accept(); s; s = this.#listener.accept()) this.sockets.push(s);
  }

  /** Each socket sends 1000 bytes, and reads those of the other end. 500 sockets send at a time. */
  exchange(): void {
    for (let at = 0; at < this.sockets.length; at += 500) {
      const some = this.sockets.slice(at, at + 500);
      for (const socket of some) socket.send(this.#buffer, 0, 1000);
      this.#carry();
      for (const socket of this.sockets) socket.receive(this.#buffer);
    }
    this.#carry();
    this.#now += 1000;
    this.#carry();
  }

  #carry(): void {
    for (let turn = 0; turn < 4; turn++) {
      this.#now += 50;
      for (const [from, to] of [
        [this.a, this.b],
        [this.b, this.a],
      ]) {
        from.handleTimeout(this.#now);
        for (;;) {
          const length = from.pollPacket(this.#buffer, 0, this.#now);
          if (length === 0) break;
          to.handlePacket(this.#buffer, 0, length, this.#now);
        }
        while (to.pollSocket());
      }
    }
  }
}

function create(number: number): Stack {
  return new Stack({ randomBytes: seededRandomBytes(number), addresses: [`10.0.0.${number}`] });
}

/** The bytes in use after garbage is collected. */
function memory(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
