/**
 * `UseCount`: counts the users of a provider's OpenSSL objects. The provider and its ciphers share
 * these objects. They are freed when the last user is destroyed. A destroyed provider or cipher
 * throws when it is used, because it would write into freed memory.
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';
import type { OpensslObjects } from './openssl-objects.ts';

export class UseCount {
  readonly #objects: OpensslObjects;
  /** How many users there are: the provider itself, its ciphers and its Diffie-Hellman keys. */
  #users = 1;

  constructor(objects: OpensslObjects) {
    this.#objects = objects;
  }

  /**
   * Returns a copy of the provider that has a `destroy` function. After `destroy`, the other
   * functions of the copy throw. Counts the ciphers and keys that the copy makes.
   */
  wrap(provider: CryptoProvider): CryptoProvider {
    let isDestroyed = false;
    const functions = Object.entries(provider).map(([name, value]: [string, unknown]) => {
      if (typeof value !== 'function') return [name, value];
      const call = (...args: unknown[]): unknown => {
        if (isDestroyed) throw new TypeError('the provider was destroyed');
        const result = (value as (...all: unknown[]) => unknown)(...args);
        return isDestroyable(result) ? this.#count(result) : result;
      };
      return [name, call];
    });
    return {
      ...(Object.fromEntries(functions) as CryptoProvider),
      destroy: () => {
        if (isDestroyed) return;
        isDestroyed = true;
        this.#release();
      },
    };
  }

  #count(made: Destroyable): Destroyable {
    this.#users++;
    const destroy = made.destroy.bind(made);
    let isCounted = true;
    // The object is changed, not wrapped, so that V8 calls its other methods as fast as before.
    made.destroy = () => {
      destroy();
      if (isCounted) this.#release();
      isCounted = false;
    };
    return made;
  }

  #release(): void {
    this.#users--;
    if (this.#users === 0) this.#objects.free();
  }
}

/** A cipher, or a Diffie-Hellman key. */
interface Destroyable {
  destroy(): void;
}

function isDestroyable(result: unknown): result is Destroyable {
  return typeof (result as Partial<Destroyable> | undefined)?.destroy === 'function';
}
