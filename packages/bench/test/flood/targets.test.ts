import { describe, expect, it } from 'vitest';
import { targetsOf, verdicts } from '../../src/flood/targets.ts';
import type { Measurement } from '../../src/results/result.ts';

const floods = [
  { kind: 'initiations', perSecond: 100_000 },
  { kind: 'responses', perSecond: Infinity },
] as const;
const SHARE = 'initiations, 100,000/s: share of TCP that is left';
const LOST = 'initiations, 100,000/s: pings lost';
/** The figure for the time in ms that a new peer needs to connect. */
const NEW_PEER = 'initiations, 100,000/s: new peer that retries soon';

describe('targetsOf', () => {
  it('asks for a smaller share of TCP during a flood at full rate than at a limited rate', () => {
    const shares = targetsOf(floods).filter(({ unit }) => unit === '%');
    expect(shares.map(({ figure, subject, value }) => [figure, subject, value])).toEqual([
      [SHARE, 'target', 70],
      ['responses, full rate: share of TCP that is left', 'target', 30],
    ]);
  });
});

describe('verdicts', () => {
  const targets = targetsOf(floods.slice(0, 1));
  const good = [of(SHARE, '%', [70]), of(LOST, 'packets', [0, 0]), of(NEW_PEER, 'ms', [1500])];

  it('hold if the values equal the targets', () => {
    const found = verdicts(good, targets);
    expect(found.map(({ holds }) => holds)).toEqual([true, true, true]);
    expect(found[0].text).toBe(`${SHARE}: 70 %, target 70 %: holds`);
  });

  it.each([
    ['a share below the target in the median', of(SHARE, '%', [90, 69.9, 20]), SHARE],
    ['one lost ping in one round', of(LOST, 'packets', [0, 1, 0]), LOST],
    ['one slow peer in one round', of(NEW_PEER, 'ms', [40, 50, 1501]), NEW_PEER],
  ])('report a missed target for %s', (_, measurement, figure) => {
    const measurements = [...good.filter((one) => one.figure !== figure), measurement];
    const missed = verdicts(measurements, targets).filter(({ holds }) => !holds);
    expect(missed.map(({ text }) => text.split(': ', 2).join(': '))).toEqual([figure]);
  });

  it('hold if a share is below the target in one round, but not in the median', () => {
    const measurements = [...good.slice(1), of(SHARE, '%', [20, 71, 90])];
    expect(verdicts(measurements, targets).every(({ holds }) => holds)).toBe(true);
  });

  it('count a figure as missed if it was not measured, even if another subject has it', () => {
    const other = good.map((measurement) => ({ ...measurement, subject: 'wireguard-go' }));
    expect(verdicts(other, targets).map(({ text }) => text)).toContain(
      `${LOST}: not measured, target 0 packets: MISSED`,
    );
  });
});

/** Returns a measurement whose value is the middle sample. */
function of(figure: string, unit: string, samples: number[]): Measurement {
  const value = samples.toSorted((a, b) => a - b)[samples.length >> 1];
  return { figure, subject: 'litz', unit, value, samples };
}
