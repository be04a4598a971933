/**
 * The thread of a Linux device, started by `LinuxDriver`. Nothing is exported.
 *
 * @module
 */
import { workerData } from 'node:worker_threads';
import { loadProvider, openArena, type LoadedProvider } from '../provider/load-provider.ts';
import { LinuxLoop } from './linux-loop.ts';
import { OPTIONAL_EVENTS } from '../plane/data-plane.ts';
import { isRefusal } from '../refusal.ts';
import { wipeBuffer } from './secret-buffer.ts';
import { SharedState } from './shared-state.ts';
import {
  post,
  postAnswer,
  queuedMessages,
  toErrorMessage,
  type RequestMessage,
  type WorkerMessage,
  type WorkerStart,
} from './worker-messages.ts';

const { shared: state, port, tunName, isNested, settings, secrets } = workerData as WorkerStart;
const shared = new SharedState(state);
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
  const memory = await openArena(LinuxLoop.memoryLength(packages.udp, settings));
  loaded = await loadProvider(settings.crypto, memory?.arena);
  const { provider, reason, warnings } = loaded;
  loop = new LinuxLoop({
    packages,
    shared,
    bytes: memory?.bytes,
    tunName,
    longestSleepMs: isNested ? 1000 : Infinity,
    settings,
    crypto: provider,
    // The caller cannot have added listeners yet, so all events are sent.
    listened: OPTIONAL_EVENTS,
    onEvent: (event) => tell({ type: 'event', event }),
    onError: (error) => tell({ type: 'error', error: toErrorMessage(error) }),
    onWake: answerRequests,
  });
  loop.open();
  wipeBuffer(secrets);
  const crypto = { provider: provider.name, reason };
  tell({ type: 'open', name: loop.name, crypto, warnings });
  loop.run();
} catch (error) {
  tell({ type: 'failed', error: toErrorMessage(error) });
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
    if (!isRefusal(error)) throw error;
    tell({ type: 'refused', id, error: toErrorMessage(error) });
  } finally {
    wipeBuffer(ofRequest);
  }
}

function tell(message: WorkerMessage): void {
  post(port, message);
}
