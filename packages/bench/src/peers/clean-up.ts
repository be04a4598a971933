/**
 * `withCleanUp`: namespaces, sockets and programs outlive this process unless somebody removes them.
 *
 * @module
 */
import { closeMeshGrounds } from '../mesh/mesh-ground.ts';
import { killRunningCommands } from './command.ts';
import { removeSockets } from './daemon.ts';
import { closeNamespacePairs } from './namespace-pair.ts';

/** Runs it; afterwards nothing that was made is there, also when the process is told to end. */
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
  closeNamespacePairs();
  closeMeshGrounds();
}
