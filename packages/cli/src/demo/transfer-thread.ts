/**
 * Runs one end of a transfer in a thread of its own. The sockets of the thread are in the network
 * namespace in which the thread was started.
 *
 * @module
 */
import { parentPort, workerData, Worker } from 'node:worker_threads';
import type { NetworkNamespace } from '@litz/sys';
import { portOf, sendTransfer, serveTransfers, type TransferResult } from './transfer.ts';

type Role =
  | { readonly role: 'receiver'; readonly host: string }
  | {
      readonly role: 'sender';
      readonly target: { host: string; port: number };
      readonly limits: { bytes: number; milliseconds: number };
    };

/** Resolves when the receiver listens. Terminate `worker` when it is no longer needed. */
export async function startReceiver(
  namespace: NetworkNamespace,
  host: string,
): Promise<{ worker: Worker; port: number }> {
  const worker = startThread(namespace, { role: 'receiver', host });
  return { worker, port: (await answerOf(worker)) as number };
}

/**
 * Sends a transfer from a thread in a namespace, and returns its result.
 *
 * @throws {Error} (rejects) the connection failed or ended early
 */
export async function runSender(
  namespace: NetworkNamespace,
  target: { host: string; port: number },
  limits: { bytes: number; milliseconds: number },
): Promise<TransferResult> {
  const worker = startThread(namespace, { role: 'sender', target, limits });
  try {
    return (await answerOf(worker)) as TransferResult;
  } finally {
    await worker.terminate();
  }
}

/** A new thread is in the network namespace of the thread that starts it. */
function startThread(namespace: NetworkNamespace, role: Role): Worker {
  return namespace.run(() => new Worker(new URL(import.meta.url), { workerData: role }));
}

function answerOf(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the transfer ended with code ${code}`)));
  });
}

async function play(role: Role): Promise<void> {
  if (role.role === 'sender') {
    parentPort?.postMessage(await sendTransfer(role.target, role.limits), []);
  } else {
    parentPort?.postMessage(portOf(await serveTransfers(role.host)), []);
  }
}

const role = workerData as Role | null;
if (role !== null && (role.role === 'sender' || role.role === 'receiver')) await play(role);
