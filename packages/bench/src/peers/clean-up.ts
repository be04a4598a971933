/**
 * `withCleanUp`: ends the programs of a benchmark, and removes its namespaces and sockets. Without
 * this, they would outlive this process.
 *
 * @module
 */
import { killRunningCommands } from './command.ts';
import { removeSockets } from './daemon.ts';
import { closeNamespaces } from './namespaces.ts';

/** Calls `run` and then removes everything that it made, even when a signal ends the process. */
export async function withCleanUp<T>(run: () => Promise<T>): Promise<T> {
  process.on('SIGINT', endNow).on('SIGTERM', endNow);
  try {
    return await run();
  } finally {
    process.off('SIGINT', endNow).off('SIGTERM', endNow);
    releaseAll();
  }
}

function endNow(signal: NodeJS.Signals): void {
  releaseAll();
  process.exit(signal === 'SIGINT' ? 130 : 143);
}

function releaseAll(): void {
  killRunningCommands();
  removeSockets();
  closeNamespaces();
}
