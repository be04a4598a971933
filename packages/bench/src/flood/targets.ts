/**
 * The targets of `bench:flood`, for Litz. They have the form of measurements with the subject
 * `target`, so that a table shows them beside the values.
 *
 * @module
 */
import type { Measurement } from '../results/result.ts';
import { FIGURES, floodName, type Flood } from './flood-figures.ts';

/** The subject of the targets. */
export const TARGET = 'target';

/** Returns the target of each figure that has one. */
export function targetsOf(floods: readonly Flood[]): Measurement[] {
  return floods.flatMap((flood) => {
    const of = (name: keyof typeof FIGURES, unit: string, value: number): Measurement => {
      return { figure: `${floodName(flood)}: ${FIGURES[name]}`, subject: TARGET, unit, value };
    };
    return [
      of('share', '%', flood.perSecond === Infinity ? LEAST_SHARE.full : LEAST_SHARE.limited),
      of('pingsLost', 'packets', 0),
      of('shortRetry', 'ms', LONGEST_CONNECT_MS),
    ];
  });
}

/** The result for one target, with a text such as 'FIGURE: 81.2 %, target 70 %: holds'. */
export interface Verdict {
  readonly text: string;
  readonly holds: boolean;
}

/**
 * Compares Litz with the targets. A share must be large enough in the median of the rounds. Lost
 * pings and times must be small enough in every round. A figure that was not measured misses its
 * target.
 */
export function verdicts(
  measurements: readonly Measurement[],
  targets: readonly Measurement[],
): Verdict[] {
  return targets.map(({ figure, unit, value: target }) => {
    const found = measurements.find((one) => one.figure === figure && one.subject === 'litz');
    const isShare = unit === '%';
    const { value = null, samples = [] } = found ?? {};
    const worst = value === null || isShare ? value : Math.max(value, ...samples);
    const holds = worst !== null && (isShare ? worst >= target! : worst <= target!);
    const got = worst === null ? 'not measured' : `${Number(worst.toPrecision(3))} ${unit}`;
    return {
      text: `${figure}: ${got}, target ${target} ${unit}: ${holds ? 'holds' : 'MISSED'}`,
      holds,
    };
  });
}

/**
 * The least throughput of TCP during a flood. It is a percentage of the throughput while nft drops
 * the same flood. `limited` is for floods with a limited rate, `full` for floods at full rate.
 */
const LEAST_SHARE = { limited: 70, full: 30 };
const LONGEST_CONNECT_MS = 1500;
