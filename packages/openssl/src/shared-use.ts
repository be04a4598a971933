/**
 * `SharedUse`: a provider and its ciphers use the same objects of OpenSSL's, which are given back when
 * the last of them is destroyed. Used after that, they would write into memory that is another's by
 * then; so they throw.
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';
import type { Owned } from './owned.ts';

export class SharedUse {
  readonly #owned: Owned;
  /** The provider itself, and its ciphers. */
  #users = 1;

  constructor(owned: Owned) {
    this.#owned = owned;
  }

  /** The same provider, with a `destroy` after which nothing of it can be called. */
  guard(provider: CryptoProvider): CryptoProvider {
    let isDestroyed = false;
    const guarded = Object.entries(provider).map(([name, value]: [string, unknown]) => {
      if (typeof value !== 'function') return [name, value];
      const call = (...args: unknown[]): unknown => {
        if (isDestroyed) throw new TypeError('the provider was destroyed');
        const result = (value as (...all: unknown[]) => unknown)(...args);
        return isDestroyable(result) ? this.#count(result) : result;
      };
      return [name, call];
    });
    return {
      ...(Object.fromEntries(guarded) as CryptoProvider),
      destroy: () => {
        if (isDestroyed) return;
        isDestroyed = true;
        this.#leave();
      },
    };
  }

  #count(made: Destroyable): Destroyable {
    this.#users++;
    const destroy = made.destroy.bind(made);
    let isCounted = true;
    // The very object, so that its other methods are found where those of all its kind are.
    made.destroy = () => {
      destroy();
      if (isCounted) this.#leave();
      isCounted = false;
    };
    return made;
  }

  #leave(): void {
    this.#users--;
    if (this.#users === 0) this.#owned.free();
  }
}

/** A cipher. */
interface Destroyable {
  destroy(): void;
}

function isDestroyable(result: unknown): result is Destroyable {
  return typeof (result as Partial<Destroyable> | undefined)?.destroy === 'function';
}
