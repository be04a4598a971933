import { describe, expect, it } from 'vitest';
import { MetricSet, processMetrics } from '../../src/metrics/metric-set.ts';

describe('MetricSet', () => {
  it('writes gauges and counters with their labels', async () => {
    const set = new MetricSet();
    set.gauge('a', 'An a.', [[{ one: '1', two: 'x"y' }, 5]]);
    set.counter('b_total', 'A b.', [[{}, 7]]);
    const { type, text } = await set.text();
    expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text.split('\n').filter((line) => line !== '')).toEqual([
      '# HELP a An a.',
      '# TYPE a gauge',
      String.raw`a{one="1",two="x\"y"} 5`,
      '# HELP b_total A b.',
      '# TYPE b_total counter',
      'b_total 7',
    ]);
  });

  it('leaves out a metric without samples', async () => {
    const set = new MetricSet();
    set.gauge('a', 'An a.', []);
    set.histogram('b', 'A b.', []);
    expect((await set.text()).text.trim()).toBe('');
  });

  it('writes a histogram with cumulative buckets', async () => {
    const set = new MetricSet();
    const labels = { direction: 'sent' };
    set.histogram('h', 'An h.', [{ labels, limits: [1, 8], counts: [2, 3, 4], sum: 99 }]);
    const lines = (await set.text()).text.split('\n').filter((line) => line !== '');
    expect(lines).toEqual([
      '# HELP h An h.',
      '# TYPE h histogram',
      'h_bucket{le="1",direction="sent"} 2',
      'h_bucket{le="8",direction="sent"} 5',
      'h_bucket{le="+Inf",direction="sent"} 9',
      'h_sum{direction="sent"} 99',
      'h_count{direction="sent"} 9',
    ]);
  });
});

describe('processMetrics', () => {
  it('measures the process, and replaces the Nan of prom-client, which strict readers refuse', async () => {
    const text = await processMetrics();
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(text).not.toMatch(/ Nan$/m);
    expect(await processMetrics()).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
  });
});
