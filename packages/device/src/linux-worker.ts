/**
 * The thread of a Linux device, started by `LinuxDriver`. Nothing is exported.
 *
 * @module
 */
import { workerData } from 'node:worker_threads';
import type { CryptoProvider } from '@litz/core';
import { isRefusal } from './driver.ts';
import { LinuxLoop } from './linux-loop.ts';
import { isCryptoModule, type CommonSettings } from './options.ts';
import { SharedState } from './shared-state.ts';
import {
  post,
  queuedMessages,
  toErrorMessage,
  type RequestMessage,
  type WorkerMessage,
  type WorkerStart,
} from './worker-messages.ts';

const { shared: memory, port, tunName, isNested, settings } = workerData as WorkerStart;
const shared = new SharedState(memory);
let loop: LinuxLoop | undefined;
try {
  loop = new LinuxLoop({
    packages: {
      sys: await import('@litz/sys'),
      tun: await import('@litz/tun'),
      udp: await import('@litz/udp'),
    },
    shared,
    tunName,
    longestSleepMs: isNested ? 1000 : Infinity,
    settings,
    crypto: await loadProvider(settings),
    onEvent: (event) => tell({ type: 'event', event }),
    onError: (error) => tell({ type: 'error', error: toErrorMessage(error) }),
    onWake: answerRequests,
  });
  loop.open();
  tell({ type: 'open', name: loop.name });
  loop.run();
} catch (error) {
  tell({ type: 'failed', error: toErrorMessage(error) });
} finally {
  loop?.close();
  port.close();
}

function answerRequests(): void {
  for (const message of queuedMessages<RequestMessage>(port)) answer(message);
}

function answer({ id, request }: RequestMessage): void {
  try {
    tell({ type: 'answer', id, answer: loop?.answer(request) });
  } catch (error) {
    // Anything but a refusal may have left the device half changed.
    if (!isRefusal(error)) throw error;
    tell({ type: 'refused', id, error: toErrorMessage(error) });
  }
}

function tell(message: WorkerMessage): void {
  post(port, message);
}

async function loadProvider({ crypto }: CommonSettings): Promise<CryptoProvider | undefined> {
  if (!crypto || !isCryptoModule(crypto)) return undefined;
  const { module, export: name = 'default' } = crypto;
  const exports = (await import(module)) as Record<string, CryptoProvider | undefined>;
  const provider = exports[name];
  if (provider) return provider;
  throw new TypeError(`"crypto" expected the module ${module} to export ${JSON.stringify(name)}`);
}
