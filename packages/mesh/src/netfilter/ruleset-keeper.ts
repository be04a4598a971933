/**
 * `RulesetKeeper`: the mesh's table in the kernel, and whether it is still as it was loaded.
 *
 * Nobody can compare what was loaded with what is there: the kernel tells it in other words. So after
 * each load those words are kept, and when something has happened to the table they are compared.
 *
 * @module
 */
import { CHANGED_RULESET } from '../plan/actual-host.ts';
import type { Nft } from './nft.ts';

/** What of `NftMonitor` is used. */
export interface TableMonitor {
  read(): 'deleted' | 'changed' | undefined;
}

export class RulesetKeeper {
  readonly #nft: Pick<Nft, 'load' | 'remove' | 'list'>;
  readonly #monitor: TableMonitor | undefined;
  /** What was loaded; undefined: nothing is there; `CHANGED_RULESET`: we don't know what. */
  #loaded: string | undefined = undefined;
  /** The kernel's words for it. */
  #listing: string | undefined = undefined;

  /** @param monitor undefined where the kernel has no nftables: then there is never a table */
  constructor(nft: Pick<Nft, 'load' | 'remove' | 'list'>, monitor: TableMonitor | undefined) {
    this.#nft = nft;
    this.#monitor = monitor;
  }

  /** For the plan: what is there. */
  get loaded(): string | undefined {
    return this.#loaded;
  }

  /** Whether a table of an agent before this one is there; to be called once, before anything else. */
  async look(): Promise<void> {
    if (!this.#monitor) return;
    this.#loaded = (await this.#nft.list()) === undefined ? undefined : CHANGED_RULESET;
  }

  /** Looks whether somebody changed the table since the last call. @returns whether `loaded` is another one */
  async follow(): Promise<boolean> {
    const before = this.#loaded;
    const change = this.#monitor?.read();
    if (change === 'deleted') this.#loaded = undefined;
    if (change === 'changed' && before !== CHANGED_RULESET) {
      // Our own load is heard of here, too.
      const listing = await this.#nft.list();
      if (listing === undefined) this.#loaded = undefined;
      else if (listing !== this.#listing) this.#loaded = CHANGED_RULESET;
    }
    return this.#loaded !== before;
  }

  /** @throws {Error} `nft` refused it: what was there before is still there */
  async load(ruleset: string): Promise<void> {
    await this.#nft.load(ruleset);
    this.#listing = await this.#nft.list();
    this.#loaded = ruleset;
  }

  async remove(): Promise<void> {
    await this.#nft.remove();
    this.#listing = undefined;
    this.#loaded = undefined;
  }
}
