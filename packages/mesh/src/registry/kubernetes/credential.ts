/**
 * `Credential`: a certificate, a key or a token, from a kubeconfig or a file. A file is read again
 * from time to time, because the kubelet replaces a token every hour, and certificates are renewed
 * before they expire. So the agent uses the new token or certificate without a restart.
 *
 * @module
 */
import { readInputFile } from '@litz/config/uapi';
import type { Clock } from '../clock.ts';
import { KubeError, textOfError } from './kube-error.ts';

/**
 * A text that the client needs at the API server: its certificate, its key or its token, or the CA
 * certificates for the server's certificate.
 */
export interface Credential {
  /** The source of the text, for messages. It is never the text itself. */
  readonly source: string;
  /**
   * Returns the text.
   *
   * @throws {KubeError} the file cannot be read
   */
  text(): string;
  /** Call this after the server has refused the text. The next `text` reads the file again. */
  forget(): void;
}

/** Returns a credential whose text is in the kubeconfig itself. */
export function inlineCredential(text: string, source: string): Credential {
  return { source, text: () => text, forget: () => {} };
}

/** A credential in a file. The file is read again when the last read is older than a minute. */
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
    read: (path: string) => string = (file) => readInputFile(file, { refusesPipes: true }),
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
      throw new KubeError(`${this.#path} cannot be read: ${textOfError(error)}`, {
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

/** In milliseconds. The same interval as in Kubernetes' own clients. */
const REREAD_AFTER = 60_000;
