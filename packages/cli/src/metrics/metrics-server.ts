/**
 * `openMetrics`: serves the metrics of a device over HTTP, at /metrics.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TextServer } from '@litz/mesh';
import { Failure } from '../failure.ts';
import type { ServedDevice } from '../served-device.ts';
import { formatMetricsAddress, type MetricsAddress } from './metrics-address.ts';

/** The part of a `ServedDevice` that has metrics. */
export type MeasuredDevice = Pick<ServedDevice, 'device' | 'offloads'>;

/** A server that was started. */
export interface MetricsServer {
  /** Where the server listens, as text for the user. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Starts the server. Only this call loads the modules that the server needs.
 *
 * @param waitMs for how long to try again while another program uses the address
 * @throws {Failure} (rejects) the server cannot listen at the address
 */
export async function openMetrics(
  address: MetricsAddress,
  { device, offloads }: MeasuredDevice,
  waitMs: number = 0,
): Promise<MetricsServer> {
  const mesh = await import('@litz/mesh');
  const { MOST_PEER_SERIES, processMetrics } = mesh;
  const { readFigures } = await import('./device-figures.ts');
  const { deviceMetrics } = await import('./device-metrics.ts');
  const measure = async (): Promise<{ status: number; type: string; text: string }> => {
    const figures = await readFigures(device, offloads(), MOST_PEER_SERIES);
    const { type, text } = await deviceMetrics(figures).text();
    return { status: 200, type, text: `${text}\n${await processMetrics()}` };
  };
  const paths = new Map([['/metrics', shared(measure)]]);
  try {
    // The first call starts the measurement of the delay of the event loop.
    await processMetrics();
    const listen = (): Promise<TextServer> =>
      mesh.TextServer.listen(address, paths, { onlyLoopbackHosts: true });
    const server = await whileInUse(listen, waitMs);
    const bound = 'path' in address ? address : { ...address, port: server.port };
    return { address: formatMetricsAddress(bound), close: () => server.close() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'another program uses it (EADDRINUSE)' : message;
    const text = `--metrics: cannot listen on ${formatMetricsAddress(address)}: ${reason}`;
    throw new Failure(text, { cause: error });
  }
}

/** Listens. Tries again while another program uses the address, for at most `waitMs`. */
async function whileInUse<Server>(listen: () => Promise<Server>, waitMs: number): Promise<Server> {
  const end = performance.now() + waitMs;
  for (;;) {
    try {
      return await listen();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE' || performance.now() >= end) throw error;
      await sleep(RETRY_MS);
    }
  }
}

/** Returns a function whose calls share one reading while it is in progress. */
function shared<Result>(read: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<Result> | undefined;
  return () => (running ??= read().finally(() => (running = undefined)));
}

const RETRY_MS = 20;
