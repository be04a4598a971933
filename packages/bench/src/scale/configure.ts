/**
 * Time to configure many peers, and the memory that an idle one takes.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { Engine, type EngineOptions } from '@litz/core';
import { formatSetRequest, parseSetRequest } from '@litz/config';
import { arithmeticProvider } from './arithmetic-provider.ts';
import { manyPeers } from './many-peers.ts';
import { settledMemory } from './memory.ts';

export interface ConfigureTimes {
  /** One `engine.configure`, objects given. */
  engineMs: number;
  /** Reading the request of the userspace protocol, 'set=1' and what follows, into these objects. */
  requestMs: number;
}

/** In a process that did nothing else before: the first time is the one that counts. */
export function timeToConfigure(count: number): ConfigureTimes {
  const request = formatSetRequest({ peers: manyPeers(count) });
  const body = request.slice('set=1\n'.length);
  const start = performance.now();
  const configuration = parseSetRequest(body);
  const parsed = performance.now();
  const engine = createEngine();
  engine.configure(configuration, 0);
  const configured = performance.now();
  if (engine.peers().length !== count) throw new Error('not all peers are there');
  return { engineMs: configured - parsed, requestMs: parsed - start };
}

export interface IdleMemory {
  /** JavaScript heap and array buffers, bytes per peer. */
  heapBytes: number;
  /** Growth of the resident set, bytes per peer. */
  residentBytes: number;
}

/** Needs --expose-gc. */
export function memoryPerIdlePeer(count: number): IdleMemory {
  const engine = createEngine();
  // The first peers bring code and tables with them.
  engine.configure({ peers: manyPeers(1000, count) }, 0);
  const before = settledMemory();
  // Piece by piece, so that what is handed over never makes the heap large.
  for (let i = 0; i < count; i += PIECE) {
    engine.configure({ peers: manyPeers(Math.min(PIECE, count - i), i) }, 0);
    if ((i / PIECE) % 10 === 9) settledMemory();
  }
  const after = settledMemory();
  if (engine.pollTimeout() !== Infinity) throw new Error('an idle peer has a timer');
  return {
    heapBytes: (after.heap - before.heap) / count,
    residentBytes: (after.resident - before.resident) / count,
  };
}

/** An engine whose handshakes cost nothing. */
export function createEngine(options: Partial<EngineOptions> = {}): Engine {
  return new Engine({
    randomBytes: (out) => void randomFillSync(out),
    unixTime: () => 1_704_067_200_000,
    crypto: arithmeticProvider,
    // A thousand at once are no attack here.
    underLoad: { handshakesPerSecond: 1e9 },
    ...options,
  });
}

const PIECE = 1000;
