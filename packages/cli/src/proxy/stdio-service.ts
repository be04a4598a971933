/**
 * `connectStdio`: joins standard input and output with a connection inside the tunnel, for
 * `ProxyCommand` of ssh.
 *
 * @module
 */
import { Duplex } from 'node:stream';
import { Failure } from '../failure.ts';
import { formatHostPort } from './addresses.ts';
import { dial, joinSockets } from './join-sockets.ts';
import type { StreamSocket } from './proxy-network.ts';
import type { ServiceContext } from './service-context.ts';
import type { StdioService } from './settings.ts';

/** Standard input and output, or the streams of a test. */
export interface StdioStreams {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/**
 * Passes bytes until both directions have ended, or the connection is lost. The end of standard
 * input ends only that direction.
 *
 * @throws {Failure} the target cannot be reached
 */
export async function connectStdio(
  { target, origin }: StdioService,
  { network, counts }: ServiceContext,
  { input, output }: StdioStreams,
): Promise<void> {
  const client = Duplex.from({ readable: input, writable: output }) as StreamSocket;
  let far: StreamSocket;
  try {
    far = await dial(network, target, { client });
  } catch (error) {
    counts.of('stdio').fail(error);
    const reason = error instanceof Error ? error.message : String(error);
    const text = `${origin}: cannot reach ${formatHostPort(target)}: ${reason}`;
    throw new Failure(text, { cause: error });
  }
  await joinSockets(client, far, counts.of('stdio'));
}
