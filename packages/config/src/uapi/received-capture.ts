/**
 * `receiveCapture`: sends the request for a capture to a daemon, and yields the bytes of the pcapng
 * file.
 *
 * @module
 */
import { createConnection, type Socket } from 'node:net';
import { WireGuardError } from '@litz/core';
import { explainFailure } from './connect-failure.ts';
import { parseErrnoResponse } from './parse-response.ts';
import { connectionError, timeoutError } from './request-connection.ts';
import { UapiError } from './uapi-error.ts';

export interface CaptureConnectionOptions {
  /** How long to wait for the answer, in ms. After the answer, a wait for packets has no limit. */
  readonly timeoutMs: number;
  /** Stops recording; the rest of the file still comes. */
  readonly signal?: AbortSignal;
}

/**
 * Sends a request and yields the bytes of the file.
 *
 * @throws as `UapiClient.capture`
 */
export async function* receiveCapture(
  path: string,
  request: string,
  { timeoutMs, signal }: CaptureConnectionOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (signal?.aborted === true) return;
  const socket = createConnection({ path, allowHalfOpen: true });
  const stop = (): void => void socket.end();
  signal?.addEventListener('abort', stop, { once: true });
  let failure: Error | undefined;
  socket.setTimeout(timeoutMs, () => socket.destroy((failure = timeoutError(path, timeoutMs))));
  socket.write(request, 'latin1');
  try {
    yield* bytesAfterAnswer(socket, path);
  } catch (error) {
    if (failure) throw failure;
    if (error instanceof WireGuardError) throw error;
    throw connectionError(path, explainFailure(error as Error), error as Error);
  } finally {
    signal?.removeEventListener('abort', stop);
    socket.destroy();
  }
}

async function* bytesAfterAnswer(
  socket: Socket,
  path: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let answer = Buffer.alloc(0);
  let isAnswered = false;
  for await (const bytes of socket as AsyncIterable<Buffer>) {
    if (isAnswered) {
      yield bytes;
      continue;
    }
    answer = Buffer.concat([answer, bytes]);
    const end = answer.indexOf('\n\n');
    if (end === -1 && answer.length < LONGEST_ANSWER) continue;
    checkAnswer(answer.subarray(0, end + 2).toString('latin1'));
    isAnswered = true;
    socket.setTimeout(0);
    if (answer.length > end + 2) yield answer.subarray(end + 2);
  }
  if (!isAnswered) throw connectionError(path, NO_CAPTURES);
}

function checkAnswer(text: string): void {
  try {
    parseErrnoResponse(text);
  } catch (error) {
    const { errno } = error as UapiError;
    const reason = REASONS.get(errno);
    throw reason === undefined ? error : new UapiError(errno, reason, { cause: error });
  }
}

const REASONS: ReadonlyMap<number, string> = new Map([
  [-1, 'only root may have the key log (EPERM)'],
  [-16, 'there are 8 captures of this device already (EBUSY)'],
]);
const NO_CAPTURES =
  'the daemon closed the connection: it is not Litz, or a version of Litz that has no captures';
/** In bytes. Each valid answer is shorter: 'errno=', a number and two line feeds. */
const LONGEST_ANSWER = 32;
