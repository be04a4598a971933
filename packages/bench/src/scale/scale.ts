/**
 * `measureScale`: measures 100,000 peers and 1,000,000 prefixes.
 *
 * Each measurement has a process of its own (`scale-child.ts`), so that its heap contains nothing
 * of the other measurements.
 *
 * @module
 */
import { runChild } from '../child.ts';
import type { Measurement } from '../results/result.ts';
import type { ConfigureTimes, IdleMemory } from './configure.ts';
import type { PrefixFigures } from './prefixes.ts';
import type { SessionFigures } from './sessions.ts';
import type { TimerFigures } from './timers.ts';

export interface ScaleSettings {
  /** Configured peers. */
  peers: number;
  /** Numbers of sessions in the table of receiver indices, the smaller number first. */
  sessions: readonly [number, number];
  prefixes: readonly number[];
  /** Simulated seconds. */
  timerSeconds: number;
}

/** The settings of `pnpm bench:scale`. */
export const SCALE_SETTINGS: ScaleSettings = {
  peers: 100_000,
  sessions: [1000, 100_000],
  prefixes: [1000, 1_000_000],
  timerSeconds: 600,
};

/** Measures everything, one process after the other. */
export async function measureScale(
  settings: ScaleSettings,
  progress: (text: string) => void,
): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  const add = (figure: string, unit: string, value: number): void => {
    measurements.push({ figure, subject: 'litz', unit, value });
    progress(`${figure}: ${value.toPrecision(4)} ${unit}`);
  };
  await measurePeers(settings, add);
  for (const count of settings.sessions) await measureIndexLookup(count, add);
  await measureTimerLoad(settings, add);
  for (const count of settings.prefixes) {
    for (const family of [4, 6] as const) await measureTable(count, family, add);
  }
  return measurements;
}

type Add = (figure: string, unit: string, value: number) => void;

async function measurePeers({ peers }: ScaleSettings, add: Add): Promise<void> {
  const times = await child<ConfigureTimes>('configure', peers);
  add(`configure ${numeral(peers)} peers`, 'ms', times.engineMs);
  add(`read the UAPI request of ${numeral(peers)} peers`, 'ms', times.requestMs);
  const memory = await child<IdleMemory>('memory', peers);
  add(`memory per idle peer of ${numeral(peers)}, heap`, 'B', memory.heapBytes);
  add(`memory per idle peer of ${numeral(peers)}, resident`, 'B', memory.residentBytes);
}

async function measureIndexLookup(count: number, add: Add): Promise<void> {
  const figures = await child<SessionFigures>('sessions', count);
  add(`receiver index of ${numeral(count)} sessions, message opened`, 'ns', figures.openNs);
  add(`receiver index of ${numeral(count)} sessions, unknown`, 'ns', figures.unknownNs);
  add(`memory per session of ${numeral(count)}`, 'B', figures.sessionBytes);
}

async function measureTimerLoad(settings: ScaleSettings, add: Add): Promise<void> {
  const { peers, timerSeconds } = settings;
  const active = Math.ceil(peers / 100);
  const figures = await child<TimerFigures>('timers', peers, active, timerSeconds);
  const what = `${numeral(peers)} peers, 1 % active`;
  add(`timers of ${what}, CPU`, '%', figures.cpuPercent);
  add(`timers of ${what}, wakes`, '1/s', figures.wakesPerSecond);
  add(`timers of ${what}, messages`, '1/s', figures.messagesPerSecond);
}

async function measureTable(count: number, family: 4 | 6, add: Add): Promise<void> {
  const figures = await child<PrefixFigures>('prefixes', count, family);
  add(`allowed-IPs look-up of ${numeral(count)} prefixes, IPv${family}`, 'ns', figures.lookupNs);
  add(`allowed-IPs insertion of ${numeral(count)} prefixes, IPv${family}`, 'ms', figures.insertMs);
}

function child<T>(name: string, ...numbers: number[]): Promise<T> {
  const module = new URL('./scale-child.js', import.meta.url);
  return runChild<T>(module, [name, ...numbers], { flags: ['--expose-gc'] });
}

/** Writes 100000 as '100,000'. */
function numeral(count: number): string {
  return count.toLocaleString('en-US');
}
