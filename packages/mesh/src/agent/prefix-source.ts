/**
 * `PrefixSource`: where the own prefixes come from, the ones that the pods of this node have.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import type { HostFacts } from '../host/host-facts.ts';

export interface PrefixListener {
  /** They are these from now on. */
  onPrefixes(prefixes: readonly Readonly<Cidr>[]): void;
  /** Why they are not known; undefined when they are. */
  onTrouble(trouble: string | undefined): void;
}

export interface PrefixSource {
  /** `static`, `the CNI's configuration`, for messages. */
  readonly description: string;
  follow(listener: PrefixListener): void;
  close(): void;
}

/** As somebody wrote them down. */
export function staticPrefixes(prefixes: readonly Readonly<Cidr>[]): PrefixSource {
  return {
    description: 'static',
    follow: (listener) => listener.onPrefixes(prefixes),
    close: () => {},
  };
}

/**
 * The configuration of the CNI on this node (host-local, flannel's file). It may come later than the
 * agent, so it is looked for until it is there.
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
      trouble = cni.trouble ?? `${cni.file ?? 'no CNI configuration'} says no pod prefix: ${ASK}`;
    } catch (error) {
      trouble = (error as Error).message;
    }
    listener.onTrouble(trouble);
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#look(listener), LOOK_AGAIN_MS);
  }
}

const ASK = "say this node's own with --prefixes static:CIDR";
const LOOK_AGAIN_MS = 1000;
