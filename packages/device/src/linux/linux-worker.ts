/**
 * The thread of a Linux device, started by `PacketThread`. Nothing is exported.
 *
 * @module
 */
import { once } from 'node:events';
import { workerData } from 'node:worker_threads';
import { protectSecretsWith } from '@litz/core/internals';
import {
  loadProvider,
  openArena,
  type LoadedProvider,
  type PacketArena,
} from '../provider/load-provider.ts';
import { LinuxLoop } from './linux-loop.ts';
import { OPTIONAL_EVENTS } from '../plane/data-plane.ts';
import { LoopPriority } from './loop-priority.ts';
import { canShare, openThreads } from './open-threads.ts';
import type { ThreadData } from './packet-thread.ts';
import { RequestTurns } from './request-turns.ts';
import { SealingPool } from './sealing-pool.ts';
import { wipeBuffer } from './secret-buffer.ts';
import { ThreadControl } from './thread-control.ts';
import { post, toErrorMessage, type WorkerMessage, type WorkerStart } from './worker-messages.ts';

const { control: memory, port } = workerData as ThreadData;
const control = new ThreadControl(memory);
const requests = new RequestTurns({
  port,
  answer: (request) => loop!.answer(request),
  now: () => performance.now(),
});
let loop: LinuxLoop | undefined;
let loaded: LoadedProvider | undefined;
let pool: SealingPool | undefined;
let priority: LoopPriority | undefined;
let secrets: ArrayBuffer | undefined;
// The main thread may send the `WorkerStart` while the modules below are loaded.
const started = once(port, 'message').then(([message]) => {
  const start = message as WorkerStart;
  secrets = start.secrets;
  return start;
});
try {
  const packages = {
    sys: await import('@litz/sys'),
    tun: await import('@litz/tun'),
    udp: await import('@litz/udp'),
  };
  // Locked memory is never written to swap. Beyond the limit of locked memory, the device works
  // without a lock.
  protectSecretsWith((bytes) => packages.sys.lockMemory(bytes));
  const { tunName, isNested, settings, takesOver } = await started;
  const packets = await openArena(LinuxLoop.memoryLength(packages.udp, settings));
  if (packets) packages.sys.lockMemory(memoryOfModule(packets));
  const threads = await openThreads(settings.threads, packets?.bytes.buffer);
  loaded = await loadProvider(settings.crypto, packets?.arena, threads);
  const { provider, reason } = loaded;
  const warnings = [...loaded.warnings];
  if (canShare(threads, settings.threads, { provider: provider.name, warnings })) {
    pool = new SealingPool(threads, settings.threads, (start) => send({ type: 'thread', start }));
  }
  if (settings.priority === 'realtime') {
    priority = new LoopPriority(packages.sys.setThreadPriority);
  }
  loop = new LinuxLoop({
    packages,
    control,
    bytes: packets?.bytes,
    threads: pool,
    priority,
    tunName,
    longestSleepMs: isNested ? 1000 : Infinity,
    settings,
    takesOver,
    crypto: provider,
    // The caller cannot have added listeners yet, so all events are sent.
    listened: OPTIONAL_EVENTS,
    onEvent: (event) => send({ type: 'event', event }),
    onCaptured: (id) => send({ type: 'captured', id }),
    onError: (error) => send({ type: 'error', error: toErrorMessage(error) }),
    onWake: () => requests.take(),
  });
  if (takesOver) loop.prepare();
  else loop.open();
  wipeBuffer(secrets);
  const crypto = { provider: provider.name, reason };
  send({ type: 'open', name: takesOver ? tunName : loop.name, crypto, warnings });
  if (takesOver) loop.rest();
  if (!control.isStopped) loop.run();
} catch (error) {
  loop?.leaveInterface();
  send({ type: 'failed', error: toErrorMessage(error) });
} finally {
  wipeBuffer(secrets);
  priority?.rest(0);
  try {
    loop?.close();
  } finally {
    pool?.end();
    loaded?.release();
    requests.close();
    port.close();
  }
}

/** The memory in front of the packets, which the functions of WebAssembly use for keys. */
function memoryOfModule({ arena, bytes }: PacketArena): Uint8Array {
  return arena.bytes.subarray(0, bytes.buffer.byteOffset);
}

function send(message: WorkerMessage): void {
  post(port, message);
}
