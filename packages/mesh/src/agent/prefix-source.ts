/**
 * `PrefixSource`: finds the prefixes of this node's pods.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import type { HostFacts } from '../host/host-facts.ts';

export interface PrefixListener {
  /** Called with the prefixes, and again when they change. */
  onPrefixes(prefixes: readonly Readonly<Cidr>[]): void;
  /** Called with the reason why the prefixes are not known. Undefined: they are known. */
  onTrouble(trouble: string | undefined): void;
}

export interface PrefixSource {
  /** A name for messages: `static`, `the CNI's configuration`. */
  readonly description: string;
  follow(listener: PrefixListener): void;
  close(): void;
}

/** Returns a source with the prefixes that the command line gave. */
export function staticPrefixes(prefixes: readonly Readonly<Cidr>[]): PrefixSource {
  return {
    description: 'static',
    follow: (listener) => listener.onPrefixes(prefixes),
    close: () => {},
  };
}

/**
 * Reads the prefixes from the CNI configuration on this node (host-local, or flannel's file). The
 * configuration may appear after the agent has started, so the source reads it every second until
 * it is there.
 */
export class CniPrefixes implements PrefixSource {
  readonly description = "the CNI's configuration";
  readonly #facts: () => Promise<Pick<HostFacts, 'cni'>>;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isClosed = false;

  constructor(facts: () => Promise<Pick<HostFacts, 'cni'>>) {
    this.#facts = facts;
  }

  follow(listener: PrefixListener): void {
    void this.#look(listener);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #look(listener: PrefixListener): Promise<void> {
    let trouble: string;
    try {
      const { cni } = await this.#facts();
      if (this.#isClosed) return;
      if (cni.prefixes.length > 0) {
        listener.onTrouble(undefined);
        listener.onPrefixes(cni.prefixes);
        return;
      }
      trouble = cni.trouble ?? `${cni.file ?? 'no CNI configuration'} names no pod prefix: ${ASK}`;
    } catch (error) {
      trouble = (error as Error).message;
    }
    listener.onTrouble(trouble);
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#look(listener), LOOK_AGAIN_MS);
  }
}

const ASK = "set this node's prefixes with --prefixes static:CIDR";
const LOOK_AGAIN_MS = 1000;
