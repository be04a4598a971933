/**
 * `openRegistry`: opens the registry that the flags of `litz agent` name.
 *
 * @module
 */
import {
  EtcdRegistry,
  FileRegistry,
  KubernetesRegistry,
  type KubeApi,
  type ReadRecord,
  type Registry,
} from '@litz/mesh';
import { Failure } from '../../failure.ts';
import { readEtcdFlags, type RegistryChoice, type RegistryFlags } from './registry-flags.ts';

/**
 * Opens the registry. Nothing is written or read yet.
 *
 * @param api the connection to Kubernetes, for `--registry kubernetes`; the registry closes it
 * @throws {Failure} exit code 2: the URL is wrong, or a flag is missing or contradicts another
 */
export function openRegistry(
  choice: RegistryChoice,
  flags: RegistryFlags,
  api: KubeApi | undefined,
): Registry {
  if (choice.type === 'file') return new FileRegistry(choice.folder);
  if (choice.type === 'etcd') {
    try {
      return new EtcdRegistry(choice.url, readEtcdFlags(flags));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new Failure(`--registry: ${error.message}`, { exitCode: 2, cause: error });
    }
  }
  if (!api) throw new Failure('--registry kubernetes was not opened');
  return new KubernetesRegistry(api, { format: flags.format });
}

/**
 * Reads all records once, and closes the registry.
 *
 * @throws {Failure} the registry did not answer within 5 s; the message says why
 */
export async function readRecords(registry: Registry): Promise<ReadonlyMap<string, ReadRecord>> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      let reason = 'it does not answer';
      registry.follow({
        onSync: resolve,
        onRecord: () => {},
        onGone: () => {},
        onConnection: (trouble) => (reason = trouble ?? reason),
      });
      const giveUp = (): void => reject(new Failure(`${registry.description}: ${reason}`));
      timer = setTimeout(giveUp, TIMEOUT_MS);
    });
  } finally {
    clearTimeout(timer);
    await registry.close();
  }
}

const TIMEOUT_MS = 5000;
