/**
 * `MetricSet`: the metrics of one scrape, in the text format of Prometheus. The agent, the daemon
 * and the proxy use it.
 *
 * @module
 */
import { collectDefaultMetrics, Counter, Gauge, Registry, type Metric } from 'prom-client';

/** Metrics as text, and its media type. */
export interface MetricsText {
  /** For the header `Content-Type`. */
  readonly type: string;
  readonly text: string;
}

/** A value with its labels. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** The observed values of a histogram: how many of them are in each bucket. */
export interface Distribution {
  readonly labels: Readonly<Record<string, string>>;
  /** The largest value of each bucket, in ascending order. The last bucket has no limit. */
  readonly limits: readonly number[];
  /** The number of values in each bucket; one entry more than `limits`. */
  readonly counts: readonly number[];
  /** The sum of all values. */
  readonly sum: number;
}

/** Metrics of one moment. A metric without samples is left out. */
export class MetricSet {
  readonly #registry = new Registry();

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.#add(Gauge, name, help, samples);
  }

  /** @param name ends with `_total` */
  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.#add(Counter, name, help, samples);
  }

  histogram(name: string, help: string, distributions: readonly Distribution[]): void {
    if (distributions.length === 0) return;
    // A histogram of prom-client cannot take finished counts, because it observes values one by
    // one. But its registry takes every object with these fields.
    const values = distributions.flatMap((distribution) => valuesOf(name, distribution));
    const metric = { name, help, type: 'histogram', aggregator: 'sum', values };
    const registered = { name, get: () => Promise.resolve(metric) };
    this.#registry.registerMetric(registered as unknown as Metric);
  }

  /** Returns the text. */
  async text(): Promise<MetricsText> {
    return { type: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #add(
    Kind: typeof Counter<string> | typeof Gauge<string>,
    name: string,
    help: string,
    samples: readonly Sample[],
  ): void {
    // A metric without samples would get a series without labels and with the value 0.
    if (samples.length === 0) return;
    const labelNames = [...new Set(samples.flatMap(([labels]) => Object.keys(labels)))];
    const metric = new Kind({ name, help, labelNames, registers: [this.#registry] });
    for (const [labels, value] of samples) metric.inc({ ...labels }, value);
  }
}

/**
 * The metrics of this process that prom-client knows: memory, processor time, open files, the delay
 * of the event loop, garbage collections. They are measured from the first call on.
 *
 * @returns the text, to be appended to the text of a `MetricSet`
 */
export async function processMetrics(): Promise<string> {
  if (!processRegistry) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry });
  }
  // prom-client writes NaN in a form that strict readers refuse.
  return (await processRegistry.metrics()).replaceAll(/ Nan$/gm, ' NaN');
}

function valuesOf(name: string, { labels, limits, counts, sum }: Distribution): object[] {
  let total = 0;
  const buckets = counts.map((count, index) => {
    total += count;
    const le = limits[index] ?? '+Inf';
    return { labels: { le, ...labels }, value: total, metricName: `${name}_bucket` };
  });
  return [
    ...buckets,
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: total, metricName: `${name}_count` },
  ];
}

let processRegistry: Registry | undefined;
