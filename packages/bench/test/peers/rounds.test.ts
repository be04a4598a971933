import { describe, expect, it } from 'vitest';
import type { Implementation } from '../../src/peers/implementation.ts';
import { alternate, SampleTable } from '../../src/peers/rounds.ts';

describe('alternate', () => {
  it('measures each implementation once per round, and begins each round with a different one', async () => {
    const turns: string[] = [];
    const take = ({ name }: Implementation): Promise<[]> => {
      turns.push(name);
      return Promise.resolve([]);
    };
    await alternate({ implementations: ['a', 'b', 'c'].map(present), rounds: 2, take }, () => {});
    expect(turns).toEqual(['a', 'b', 'c', 'b', 'c', 'a']);
  });

  it('skips a missing implementation, and reports why', async () => {
    const gone: Implementation = { ...present('gone'), missing: () => 'no program gone' };
    const implementations = [gone, present('here')];
    const { measurements, skipped } = await alternate(
      { implementations, rounds: 1, take },
      () => {},
    );
    expect(skipped).toEqual(['gone: no program gone']);
    expect(measurements).toEqual([
      { figure: 'speed', subject: 'here', unit: 'Mbit/s', value: 4, samples: [4] },
      { figure: 'speed', subject: 'gone', unit: 'Mbit/s', value: null, note: 'no program gone' },
    ]);
  });

  it('does not measure an implementation again after it failed, and continues with the others', async () => {
    let tries = 0;
    const flaky = ({ name }: Implementation): ReturnType<typeof take> => {
      if (name !== 'bad') return take();
      tries++;
      return Promise.reject(new Error('it crashed'));
    };
    const implementations = [present('bad'), present('good')];
    const outcome = await alternate({ implementations, rounds: 3, take: flaky }, () => {});
    expect(outcome.failed).toEqual(['bad: it crashed']);
    expect(outcome.measurements[0]).toMatchObject({ subject: 'good', samples: [4, 4, 4] });
    expect(tries).toBe(1);
  });
});

describe('SampleTable', () => {
  it('keeps all samples and returns their median', () => {
    const table = new SampleTable();
    for (const value of [3, 9, 4]) table.add('litz', [{ figure: 'speed', unit: 'x', value }]);
    expect(table.measurements([])).toEqual([
      { figure: 'speed', subject: 'litz', unit: 'x', value: 4, samples: [3, 9, 4] },
    ]);
  });
});

function take(): Promise<{ figure: string; unit: string; value: number }[]> {
  return Promise.resolve([{ figure: 'speed', unit: 'Mbit/s', value: 4 }]);
}

function present(name: string): Implementation {
  return { name, missing: () => undefined, command: () => ['true'] };
}
