/**
 * `PrefixSource`: finds the prefixes of this node's pods.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import type { Cidr } from '@litz/core';
import type { CniFacts, HostFacts } from '../host/host-facts.ts';

/** Receives the prefixes of this node's pods. */
export interface PrefixListener {
  /** Called with the prefixes, and again when they change. */
  onPrefixes(prefixes: readonly Readonly<Cidr>[]): void;
  /** Called with what is wrong with the source. Undefined: nothing is wrong. */
  onTrouble(trouble: string | undefined): void;
}

/** Where the agent gets the prefixes of this node's pods. There is one listener. */
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
 * Reads the prefixes from the CNI configuration on this node (host-local, or flannel's file), and
 * follows its changes. The configuration may appear after the agent has started, so the source
 * reads it every second while it is wrong or has no prefixes, and every ten seconds while it has
 * prefixes. If the configuration later has no prefixes, the last ones stay in use.
 */
export class CniPrefixes implements PrefixSource {
  readonly description = "the CNI's configuration";
  readonly #read: () => Promise<Pick<HostFacts, 'cni'>>;
  /** The prefixes that were reported last. */
  #reported: readonly Readonly<Cidr>[] | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isClosed = false;

  /** @param read reads the CNI configuration; called again and again, so it must be cheap */
  constructor(read: () => Promise<Pick<HostFacts, 'cni'>>) {
    this.#read = read;
  }

  follow(listener: PrefixListener): void {
    void this.#look(listener);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #look(listener: PrefixListener): Promise<void> {
    let trouble: string | undefined;
    try {
      const { cni } = await this.#read();
      if (this.#isClosed) return;
      trouble = cni.prefixes.length > 0 ? undefined : noPrefixes(cni);
      if (trouble === undefined && !isDeepStrictEqual(cni.prefixes, this.#reported)) {
        this.#reported = cni.prefixes;
        listener.onPrefixes(cni.prefixes);
      }
    } catch (error) {
      trouble = (error as Error).message;
    }
    if (this.#isClosed) return;
    listener.onTrouble(trouble);
    const wait = trouble === undefined ? FOLLOW_MS : LOOK_AGAIN_MS;
    this.#timer = setTimeout(() => void this.#look(listener), wait);
  }
}

function noPrefixes({ trouble, file }: CniFacts): string {
  if (trouble !== undefined) return trouble;
  if (file === undefined) return `there is no CNI configuration with a pod prefix: ${ADVICE}`;
  return `${file} names no pod prefix: ${ADVICE}`;
}

const ADVICE = "set this node's prefixes with --prefixes static:CIDR";
/** In milliseconds. How long to wait while the prefixes are not known. */
const LOOK_AGAIN_MS = 1000;
/** In milliseconds. A CNI that is replaced or gets another prefix is noticed within this time. */
const FOLLOW_MS = 10_000;
