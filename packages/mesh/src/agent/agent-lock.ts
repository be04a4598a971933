/**
 * `AgentLock`: there is one agent in a network namespace, and one with the keys of an interface. Two of
 * them would undo each other's routes, rules and filters, or be one node at two places.
 *
 * @module
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FileLock, FileLockedError, networkNamespaceId } from '@litz/sys';

export interface AgentLockOptions {
  readonly interfaceName: string;
  /** Where the keys are. */
  readonly stateFolder: string;
  /** Does not outlive a reboot; default: /run/litz. */
  readonly runtimeFolder?: string;
}

/** Another agent is there. */
export class AgentLockError extends Error {
  override readonly name = 'AgentLockError';
}

export class AgentLock {
  readonly #locks: FileLock[] = [];
  /** What could not be locked, and why: a folder that can't be written to, for instance. */
  readonly troubles: readonly string[];

  /** @throws {AgentLockError} another agent is there; the message names its interface */
  constructor({ interfaceName, stateFolder, runtimeFolder = RUNTIME_FOLDER }: AgentLockOptions) {
    const holder = `${interfaceName}, process ${process.pid}`;
    const namespace = networkNamespaceId()?.replaceAll(/\D/g, '') ?? 'unknown';
    const places = [
      { folder: runtimeFolder, mode: 0o755, name: `agent-${namespace}`, advice: ONE_IN_NAMESPACE },
      { folder: stateFolder, mode: 0o700, name: interfaceName, advice: ONE_WITH_KEYS },
    ];
    const troubles: string[] = [];
    for (const place of places) {
      const trouble = this.#take(place, holder);
      if (trouble !== undefined) troubles.push(trouble);
    }
    this.troubles = troubles;
  }

  close(): void {
    for (const lock of this.#locks.splice(0)) lock.close();
  }

  /** @returns why nobody can have the lock */
  #take({ folder, mode, name, advice }: Place, holder: string): string | undefined {
    const path = join(folder, `${name}.lock`);
    try {
      mkdirSync(folder, { recursive: true, mode });
      this.#locks.push(FileLock.take(path, holder));
      return undefined;
    } catch (error) {
      if (error instanceof FileLockedError) {
        this.close();
        throw new AgentLockError(`another agent (${error.holder}) ${advice} (${path})`, {
          cause: error,
        });
      }
      const { code, message } = error as NodeJS.ErrnoException;
      return `a second agent would not be noticed: ${path}: ${code ?? message}`;
    }
  }
}

interface Place {
  readonly folder: string;
  /** Of the folder, where it has to be made. */
  readonly mode: number;
  readonly name: string;
  readonly advice: string;
}

const ONE_IN_NAMESPACE =
  'runs in this network namespace, whose routes, rules and filters only one can have: end it first';
const ONE_WITH_KEYS =
  'has the keys of this interface in this folder, and would be the same node: give another --state-dir';
const RUNTIME_FOLDER = '/run/litz';
