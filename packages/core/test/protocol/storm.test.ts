import { copyCipherProvider, createPerson, seededRandomBytes } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import {
  Endpoint,
  Engine,
  nobleProvider,
  type CryptoProvider,
  type EngineChange,
  type PublicKey,
} from '../../src/index.ts';

/**
 * What a node sends by itself when it has 5,000 peers and none of them answers, which is the worst
 * case. How a peer receives a storm from others is tested in rotation.test.ts and load.test.ts.
 */
describe('5,000 peers', () => {
  it('get a first initiation one after the other, within seconds of a start, and a second initiation after Rekey-Timeout', () => {
    const node = new LonelyNode();
    node.configure({ peers: manyPeers(PEERS, { persistentKeepalive: 25 }) });
    node.drive(20_000);

    expect(node.asked.size).toBe(PEERS);
    expect(node.shortestPause).toBeGreaterThanOrEqual(REKEY_TIMEOUT_MS);
    // An initiation costs 0.12 ms, and initiations may take two fifths of the time. So there are
    // about 3333 in a second.
    expect(node.mostWithin(1000)).toBeLessThanOrEqual(3400);
    expect(node.mostWithin(20)).toBeLessThanOrEqual(90);
    expect(node.lastFirst).toBeLessThanOrEqual(1600);
  });

  it('are probed for a next key one after the other, 10 ms apart, and again after Rekey-Timeout', () => {
    const node = new LonelyNode();
    node.configure({ peers: manyPeers(PEERS) });
    node.configure({ nextPrivateKey: createPerson(2).privateKey });
    node.drive(30_000);

    // At 10 ms for each peer, the first probes take 50 s.
    expect(node.asked.size).toBeGreaterThanOrEqual(2990);
    expect(node.asked.size).toBeLessThanOrEqual(3010);
    expect(node.shortestPause).toBeGreaterThanOrEqual(REKEY_TIMEOUT_MS);
    // A second has 100 first probes, and further probes to peers that have not answered.
    expect(node.mostWithin(1000)).toBeLessThanOrEqual(700);
    node.drive(22_000);
    expect(node.asked.size).toBe(PEERS);
    expect(node.lastFirst).toBeLessThanOrEqual(51_000);
    expect(node.shortestPause).toBeGreaterThanOrEqual(REKEY_TIMEOUT_MS);
    // Each of the 5,000 peers gets one probe in 5 s, so there are about 1,000 in a second.
    expect(node.mostWithin(1000)).toBeLessThanOrEqual(1100);
  });
});

/** An engine whose datagrams nobody receives. */
class LonelyNode {
  readonly #engine: Engine;
  readonly #times: number[] = [];
  #now = 0;
  /** Maps the port of each peer to the time of the last initiation to that peer. */
  readonly asked: Map<number, number> = new Map();
  /** The shortest time between two initiations to one peer, in ms. */
  shortestPause = Infinity;
  /** When the last peer got its first initiation. */
  lastFirst = 0;

  constructor() {
    this.#engine = new Engine({
      randomBytes: seededRandomBytes(1),
      unixTime: () => 1_760_000_000_000 + this.#now,
      crypto: cheapProvider(),
    });
    this.configure({ privateKey: createPerson(1).privateKey });
  }

  configure(change: EngineChange): void {
    this.#engine.configure(change, this.#now);
    this.#drain();
  }

  drive(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#engine.pollTimeout();
      if (next > end) break;
      this.#now = Math.max(next, this.#now);
      this.#engine.handleTimeout(this.#now);
      this.#drain();
    }
    this.#now = end;
  }

  /** Returns the greatest number of initiations within any `ms` milliseconds. */
  mostWithin(ms: number): number {
    let most = 0;
    let first = 0;
    for (const [last, at] of this.#times.entries()) {
      while (this.#times[first] <= at - ms) first++;
      most = Math.max(most, last - first + 1);
    }
    return most;
  }

  #drain(): void {
    for (;;) {
      const transmit = this.#engine.pollTransmit();
      if (!transmit) return;
      const { port } = transmit.destination;
      const before = this.asked.get(port);
      if (before === undefined) this.lastFirst = this.#now;
      else this.shortestPause = Math.min(this.shortestPause, this.#now - before);
      this.asked.set(port, this.#now);
      this.#times.push(this.#now);
    }
  }
}

/** Returns a fast provider. Its results are wrong, but nobody reads the messages. */
function cheapProvider(): CryptoProvider {
  return {
    ...copyCipherProvider(nobleProvider),
    dh: (_, publicKey) => Uint8Array.from(publicKey),
    dhPublicKey: (privateKey) => Uint8Array.from(privateKey),
    hash: fill,
    mac: (out, key) => fill(out, key),
    hmac: (out, key) => fill(out, key),
  };
}

function fill(out: Uint8Array, from: Uint8Array): void {
  out.fill(from[0] + 1);
}

function manyPeers(
  count: number,
  options: { persistentKeepalive?: number } = {},
): NonNullable<EngineChange['peers']> {
  return Array.from({ length: count }, (_, i) => {
    const publicKey = new Uint8Array(32).fill(9) as PublicKey;
    new DataView(publicKey.buffer).setUint32(4, i + 2);
    return { publicKey, endpoint: new Endpoint(Uint8Array.of(192, 0, 2, 1), 1000 + i), ...options };
  });
}

const PEERS = 5000;
/** A bit less than 5 s, because times are sums of floating-point numbers. */
const REKEY_TIMEOUT_MS = 5000 - 1e-6;
