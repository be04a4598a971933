/**
 * `Credential`: a text of a kubeconfig or of a file, read again from time to time. A token is
 * replaced by the kubelet every hour, a certificate when it ends; no agent has to be restarted for it.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import type { Clock } from './clock.ts';
import { KubeError, textOfError } from './kube-error.ts';

export interface Credential {
  /** Where it comes from, for messages; never the text itself. */
  readonly source: string;
  /**
   * @throws {KubeError} the file can't be read
   */
  text(): string;
  /** The server refused it: read it again next time. */
  forget(): void;
}

/** It stands in the kubeconfig itself. */
export function inlineCredential(text: string, source: string): Credential {
  return { source, text: () => text, forget: () => {} };
}

/** A file, read again when the last reading is older than a minute. */
export class FileCredential implements Credential {
  readonly source: string;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #read: (path: string) => string;
  #text = '';
  #staleAt = Number.NEGATIVE_INFINITY;

  constructor(
    path: string,
    clock: Clock,
    read: (path: string) => string = (file) => readFileSync(file, 'utf8'),
  ) {
    this.source = path;
    this.#path = path;
    this.#clock = clock;
    this.#read = read;
  }

  text(): string {
    if (this.#clock.now() < this.#staleAt) return this.#text;
    try {
      this.#text = this.#read(this.#path);
    } catch (error) {
      throw new KubeError(`${this.#path} can't be read: ${textOfError(error)}`, {
        status: 0,
        cause: error,
      });
    }
    this.#staleAt = this.#clock.now() + REREAD_AFTER;
    return this.#text;
  }

  forget(): void {
    this.#staleAt = Number.NEGATIVE_INFINITY;
  }
}

/** In milliseconds. What Kubernetes' own clients do. */
const REREAD_AFTER = 60_000;
