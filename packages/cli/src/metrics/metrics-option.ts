/**
 * The option `--metrics` on the command line. The code that reads its value is loaded only when the
 * option is given.
 *
 * @module
 */
import { Option } from 'commander';
import type { MetricsAddress } from './metrics-address.ts';

/** Returns the option, whose value is text. */
export function metricsOption(): Option {
  return new Option(
    '--metrics <address>',
    'serve /metrics for Prometheus at PORT of 127.0.0.1, ADDRESS:PORT, or unix:/PATH',
  );
}

/** Reads the value. @throws {Failure} (rejects) exit code 2: the value is wrong */
export async function metricsAddress(
  text: string | undefined,
): Promise<MetricsAddress | undefined> {
  if (text === undefined) return undefined;
  const { readMetricsAddress } = await import('./metrics-address.ts');
  return readMetricsAddress(text);
}
