/**
 * `startInfo`: serves /readyz and /metrics over HTTP.
 *
 * @module
 */
import type { MetricsText, TextAnswer } from '@litz/mesh';
import { Failure } from '../failure.ts';
import { formatHostPort, type ListenAddress } from './addresses.ts';
import type { AliveCheck } from './alive-check.ts';
import type { RunningService } from './stream-listener.ts';

/** What the server shows. */
export interface InfoSources {
  readonly alive: Pick<AliveCheck, 'isAlive' | 'toText'>;
  /** Makes the metrics of this moment. */
  readonly metrics: () => Promise<MetricsText>;
}

/**
 * Starts the server. /readyz answers 200, or 503 while an address of `CheckAlive` does not answer.
 * The text of the answer has the same form as in wireproxy.
 *
 * @throws {Failure} (rejects) the server cannot listen at the address
 */
export async function startInfo(
  listen: ListenAddress,
  { alive, metrics }: InfoSources,
): Promise<RunningService> {
  // `@litz/mesh` has much more than this server, so it is loaded only if the server is asked for.
  const { TextServer } = await import('@litz/mesh');
  const paths = new Map<string, () => TextAnswer | Promise<TextAnswer>>([
    ['/readyz', () => ({ status: alive.isAlive ? 200 : 503, text: `${alive.toText()}\n` })],
    ['/metrics', async () => ({ status: 200, ...(await metrics()) })],
  ]);
  try {
    const server = await TextServer.listen(listen, paths);
    const address = formatHostPort({ ...listen, port: server.port });
    return { description: `/readyz and /metrics on ${address}`, close: () => server.close() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'another program has this port (EADDRINUSE)' : message;
    const text = `--info: cannot listen on ${formatHostPort(listen)}: ${reason}`;
    throw new Failure(text, { cause: error });
  }
}
