/**
 * `AgentLock`: ensures that only one agent runs in a network namespace, and that only one agent
 * uses the keys of an interface. Two agents in one namespace would undo each other's routes, rules
 * and filters. Two agents with the same keys would be the same node in two places.
 *
 * @module
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FileLock, FileLockedError, networkNamespaceId } from '@litz/sys';
import { explainFileError } from '../file-error.ts';

/** What the locks of an agent protect, and where the lock files are. */
export interface AgentLockOptions {
  readonly interfaceName: string;
  /** The directory of the keys. */
  readonly stateFolder: string;
  /** A directory that is emptied by a reboot. Default: /run/litz. */
  readonly runtimeFolder?: string;
}

/** Another agent holds the lock. */
export class AgentLockError extends Error {
  override readonly name = 'AgentLockError';
}

/** The locks of an agent. They are held until `close` or the end of the process. */
export class AgentLock {
  readonly #locks: FileLock[] = [];
  /**
   * One text for each lock that could not be taken, with the reason: for example, a directory is
   * not writable.
   */
  readonly troubles: readonly string[];

  /** @throws {AgentLockError} another agent is running; the message names its interface */
  constructor({ interfaceName, stateFolder, runtimeFolder = RUNTIME_FOLDER }: AgentLockOptions) {
    const holder = `${interfaceName}, process ${process.pid}`;
    const namespace = networkNamespaceId()?.replaceAll(/\D/g, '') ?? 'unknown';
    const files = [
      { folder: runtimeFolder, mode: 0o755, name: `agent-${namespace}`, advice: ONE_IN_NAMESPACE },
      { folder: stateFolder, mode: 0o700, name: interfaceName, advice: ONE_WITH_KEYS },
    ];
    const troubles: string[] = [];
    for (const file of files) {
      const trouble = this.#take(file, holder);
      if (trouble !== undefined) troubles.push(trouble);
    }
    this.troubles = troubles;
  }

  close(): void {
    for (const lock of this.#locks.splice(0)) lock.close();
  }

  /** @returns the reason why the lock cannot be taken; undefined: it was taken */
  #take({ folder, mode, name, advice }: LockFile, holder: string): string | undefined {
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
      return `a second agent would not be noticed: ${path}: ${explainFileError(error)}`;
    }
  }
}

interface LockFile {
  readonly folder: string;
  /** The permissions that the directory gets if the agent creates it. */
  readonly mode: number;
  readonly name: string;
  readonly advice: string;
}

const ONE_IN_NAMESPACE =
  'runs in this network namespace, and only one agent can manage its routes, rules and filters: stop it first';
const ONE_WITH_KEYS =
  'uses the keys of this interface in this directory, so both would be the same node: use another --state-dir';
const RUNTIME_FOLDER = '/run/litz';
