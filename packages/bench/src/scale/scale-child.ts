/**
 * Runs one measurement of `bench:scale` in a separate process: `scale-child.js NAME NUMBERS...`.
 *
 * @module
 */
import { sendAnswer } from '../child.ts';
import { memoryPerIdlePeer, timeToConfigure } from './configure.ts';
import { measurePrefixes } from './prefixes.ts';
import { measureSessions } from './sessions.ts';
import { measureTimers } from './timers.ts';

const MEASUREMENTS: Record<string, (...numbers: number[]) => unknown> = {
  configure: (count = 0) => timeToConfigure(count),
  memory: (count = 0) => memoryPerIdlePeer(count),
  sessions: (count = 0) => measureSessions(count),
  timers: (peers = 0, active = 0, seconds = 0) => measureTimers(peers, active, seconds),
  prefixes: (count = 0, family = 4) => measurePrefixes(count, family === 4 ? 4 : 6),
};

const [name = '', ...numbers] = process.argv.slice(2);
sendAnswer(MEASUREMENTS[name]?.(...numbers.map(Number)));
