/**
 * Measures the time to configure many peers, and the memory of an idle peer.
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
  /** Time of one `engine.configure` with objects. */
  engineMs: number;
  /**
   * Time to parse the lines of a UAPI request (those after 'set=1') into the objects that
   * `engine.configure` gets.
   */
  requestMs: number;
}

/**
 * Measures the time to configure `count` peers. It measures the first call, so it must run in a
 * process that has done nothing else.
 */
export function timeToConfigure(count: number): ConfigureTimes {
  const request = formatSetRequest({ peers: manyPeers(count) });
  const body = request.slice('set=1\n'.length);
  const start = performance.now();
  const configuration = parseSetRequest(body);
  const parsed = performance.now();
  const engine = createEngine();
  engine.configure(configuration, 0);
  const configured = performance.now();
  if (engine.peers().length !== count) throw new Error('the engine does not have all peers');
  return { engineMs: configured - parsed, requestMs: parsed - start };
}

export interface IdleMemory {
  /** JavaScript heap and array buffers, bytes per peer. */
  heapBytes: number;
  /** Growth of the resident set, bytes per peer. */
  residentBytes: number;
}

/** Measures the memory of `count` peers without sessions. Node.js must run with --expose-gc. */
export function memoryPerIdlePeer(count: number): IdleMemory {
  const engine = createEngine();
  // The first peers also allocate code and tables, so they are not measured.
  engine.configure({ peers: manyPeers(1000, count) }, 0);
  const before = settledMemory();
  // The peers are configured in pieces, because arguments for all of them would enlarge the heap.
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

/** Creates an engine whose handshakes cost almost nothing. */
export function createEngine(options: Partial<EngineOptions> = {}): Engine {
  return new Engine({
    randomBytes: (out) => void randomFillSync(out),
    unixTime: () => 1_704_067_200_000,
    crypto: arithmeticProvider,
    // The benchmark makes thousands of handshakes at once, which the engine must not treat as load.
    underLoad: { handshakesPerSecond: 1e9 },
    ...options,
  });
}

/** The number of peers in one piece. */
const PIECE = 1000;
