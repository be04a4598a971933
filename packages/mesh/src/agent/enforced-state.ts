/**
 * `EnforcedState`: stores what this node enforced last: the mode, the prefixes and the addresses.
 * With this file, a node that boots enforces before the registry or Kubernetes answers.
 *
 * An agent can run without the file. Then the node enforces only when the registry and Kubernetes
 * have answered. An agent that cannot write the file continues, and reports the reason.
 *
 * @module
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { formatCidr, parseAddress, parseCidr } from '@litz/core';
import { readStateFile, replaceStateFile, tryWriting } from '../keys/state-file.ts';
import type { MeshRequest } from '../plan/desired-host.ts';
import type { RegistryAddress } from '../registry/registry.ts';
import { ENCRYPT_MODES } from './agent-settings.ts';

/** The part of a `MeshRequest` that does not depend on other nodes. */
export type EnforcedRequest = Pick<
  MeshRequest,
  'port' | 'mode' | 'own' | 'clusterPrefixes' | 'registryAddresses'
>;

export class EnforcedState {
  readonly #path: string;
  readonly #onTrouble: (trouble: string | undefined) => void;
  /** The content that was written last. */
  #written: string | undefined = undefined;
  /**
   * The request whose content is `#written`. Nearly every round passes the same object, and then
   * the content is not compared.
   */
  #saved: EnforcedRequest | undefined = undefined;

  /**
   * @param folder the agent's state directory
   * @param onTrouble called with the reason why the file cannot be written; undefined: it was
   *   written
   */
  constructor(
    folder: string,
    interfaceName: string,
    onTrouble: (trouble: string | undefined) => void = () => {},
  ) {
    this.#path = join(folder, `${interfaceName}.enforced.json`);
    this.#onTrouble = onTrouble;
  }

  /** Returns what was enforced last. Undefined if there is no file, or if it cannot be used. */
  read(): EnforcedRequest | undefined {
    try {
      const text = readStateFile(this.#path, MAX_BYTES);
      return text === undefined ? undefined : parse(JSON.parse(text) as Stored);
    } catch {
      return undefined;
    }
  }

  /**
   * Stores what is enforced now. When this returns, the file is on the disk, or `onTrouble` was
   * called. If nothing has changed, nothing is written.
   */
  save(request: EnforcedRequest): void {
    if (request === this.#saved) return;
    const content = `${JSON.stringify(storedOf(request))}\n`;
    if (content === this.#written) {
      this.#saved = request;
      return;
    }
    this.#try(() => {
      replaceStateFile(this.#path, Buffer.from(content));
      this.#written = content;
      this.#saved = request;
    });
  }

  /** Deletes the file, because the node has left the mesh. */
  remove(): void {
    this.#written = undefined;
    this.#saved = undefined;
    this.#try(() => rmSync(this.#path, { force: true }));
  }

  #try(write: () => void): void {
    tryWriting(this.#path, write, this.#onTrouble);
  }
}

interface Stored {
  readonly version: 1;
  readonly port: number;
  readonly mode: MeshRequest['mode'];
  readonly prefixes: readonly string[];
  readonly addresses: readonly string[];
  readonly encryptsNode: boolean;
  readonly clusterPrefixes: readonly string[];
  readonly registryAddresses: readonly RegistryAddress[];
}

function storedOf({ port, mode, own, ...rest }: EnforcedRequest): Stored {
  return {
    version: 1,
    port,
    mode,
    prefixes: own.prefixes.map(formatCidr),
    addresses: own.addresses,
    encryptsNode: own.encryptsNode,
    clusterPrefixes: rest.clusterPrefixes.map(formatCidr),
    registryAddresses: rest.registryAddresses.map(({ address, port: of }) => ({
      address,
      port: of,
    })),
  };
}

/**
 * Returns undefined if the version, the mode, a port or `encryptsNode` is wrong.
 *
 * @throws {Error} another field is missing or wrong
 */
function parse(stored: Stored): EnforcedRequest | undefined {
  const { version, port, mode, addresses, encryptsNode, registryAddresses } = stored;
  if (version !== 1 || !ENCRYPT_MODES.includes(mode) || typeof encryptsNode !== 'boolean') {
    return undefined;
  }
  for (const text of addresses) parseAddress(text);
  for (const registry of registryAddresses) parseAddress(registry.address);
  const ports = [port, ...registryAddresses.map((registry) => registry.port)];
  if (!ports.every((one) => Number.isInteger(one) && one >= 1 && one <= MAX_PORT)) return undefined;
  return {
    port,
    mode,
    own: { prefixes: stored.prefixes.map((text) => parseCidr(text)), addresses, encryptsNode },
    clusterPrefixes: stored.clusterPrefixes.map((text) => parseCidr(text)),
    registryAddresses,
  };
}

const MAX_PORT = 65_535;
/** In bytes. Much larger than any file that an agent writes. */
const MAX_BYTES = 1024 * 1024;
