/**
 * The thread of a Linux device, started by `LinuxDriver`. Nothing is exported.
 *
 * @module
 */
import { workerData } from 'node:worker_threads';
import { loadProvider, openArena, type LoadedProvider } from '../provider/load-provider.ts';
import { LinuxLoop } from './linux-loop.ts';
import { OPTIONAL_EVENTS } from '../plane/data-plane.ts';
import { isRefused } from '../refusal.ts';
import { wipeBuffer } from './secret-buffer.ts';
import { ThreadControl } from './thread-control.ts';
import {
  post,
  postAnswer,
  queuedMessages,
  toErrorMessage,
  type RequestMessage,
  type WorkerMessage,
  type WorkerStart,
} from './worker-messages.ts';

const { control: memory, port, tunName, isNested, settings, secrets } = workerData as WorkerStart;
const control = new ThreadControl(memory);
/**
 * How long requests are answered before packets get their turn, in ms. A single request may take
 * longer.
 */
const TURN_MS = 0.5;
let loop: LinuxLoop | undefined;
let loaded: LoadedProvider | undefined;
try {
  const packages = {
    sys: await import('@litz/sys'),
    tun: await import('@litz/tun'),
    udp: await import('@litz/udp'),
  };
  const packets = await openArena(LinuxLoop.memoryLength(packages.udp, settings));
  loaded = await loadProvider(settings.crypto, packets?.arena);
  const { provider, reason, warnings } = loaded;
  loop = new LinuxLoop({
    packages,
    control,
    bytes: packets?.bytes,
    tunName,
    longestSleepMs: isNested ? 1000 : Infinity,
    settings,
    crypto: provider,
    // The caller cannot have added listeners yet, so all events are sent.
    listened: OPTIONAL_EVENTS,
    onEvent: (event) => send({ type: 'event', event }),
    onError: (error) => send({ type: 'error', error: toErrorMessage(error) }),
    onWake: answerRequests,
  });
  loop.open();
  wipeBuffer(secrets);
  const crypto = { provider: provider.name, reason };
  send({ type: 'open', name: loop.name, crypto, warnings });
  loop.run();
} catch (error) {
  send({ type: 'failed', error: toErrorMessage(error) });
} finally {
  wipeBuffer(secrets);
  try {
    loop?.close();
  } finally {
    loaded?.release();
    // Requests that came after the last turn are not answered; their secrets are wiped.
    for (const late of queuedMessages<RequestMessage>(port)) wipeBuffer(late.secrets);
    port.close();
  }
}

/**
 * Answers requests for `TURN_MS`, at least one if there is one.
 *
 * @returns whether there may be more
 */
function answerRequests(): boolean {
  const end = performance.now() + TURN_MS;
  for (const message of queuedMessages<RequestMessage>(port)) {
    answer(message);
    if (performance.now() >= end) return true;
  }
  return false;
}

function answer({ id, request, secrets: ofRequest }: RequestMessage): void {
  try {
    postAnswer(port, id, loop?.answer(request));
  } catch (error) {
    // After any error except a refusal the device may be half changed, so the thread ends.
    if (!isRefused(error)) throw error;
    send({ type: 'refused', id, error: toErrorMessage(error) });
  } finally {
    wipeBuffer(ofRequest);
  }
}

function send(message: WorkerMessage): void {
  post(port, message);
}
