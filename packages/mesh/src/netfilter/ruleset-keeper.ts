/**
 * `RulesetKeeper`: loads the mesh's table into the kernel, and detects when another program changed
 * it.
 *
 * The text that was loaded can't be compared with the table, because `nft` lists the table in
 * another form. So the keeper lists the table after each load, and compares with that listing when
 * the table has changed.
 *
 * @module
 */
import { CHANGED_RULESET } from '../plan/actual-host.ts';
import type { Nft } from './nft.ts';

/** The part of `NftMonitor` that the keeper uses. */
export interface TableMonitor {
  read(): 'deleted' | 'changed' | undefined;
}

export class RulesetKeeper {
  readonly #nft: Pick<Nft, 'load' | 'remove' | 'list'>;
  readonly #monitor: TableMonitor | undefined;
  /**
   * The loaded ruleset; undefined: there is no table; `CHANGED_RULESET`: the content of the table
   * is unknown.
   */
  #loaded: string | undefined = undefined;
  /** The listing of the table right after the load. */
  #listing: string | undefined = undefined;

  /** @param monitor undefined if the kernel has no nftables; then there is never a table */
  constructor(nft: Pick<Nft, 'load' | 'remove' | 'list'>, monitor: TableMonitor | undefined) {
    this.#nft = nft;
    this.#monitor = monitor;
  }

  /** The ruleset in the kernel, in the form of `ActualHost.ruleset`. */
  get loaded(): string | undefined {
    return this.#loaded;
  }

  /** Looks for a table of an earlier agent. Must be called once, before the other methods. */
  async look(): Promise<void> {
    if (!this.#monitor) return;
    this.#loaded = (await this.#nft.list()) === undefined ? undefined : CHANGED_RULESET;
  }

  /**
   * Checks whether another program changed the table since the last call.
   *
   * @returns whether `loaded` changed
   */
  async follow(): Promise<boolean> {
    const before = this.#loaded;
    const change = this.#monitor?.read();
    if (change === 'deleted') this.#loaded = undefined;
    if (change === 'changed' && before !== CHANGED_RULESET) {
      // The notification may be about the keeper's own load. Then the listing is the same.
      const listing = await this.#nft.list();
      if (listing === undefined) this.#loaded = undefined;
      else if (listing !== this.#listing) this.#loaded = CHANGED_RULESET;
    }
    return this.#loaded !== before;
  }

  /**
   * Replaces the table.
   *
   * @throws {Error} `nft` refused the ruleset; the former table is still there
   */
  async load(ruleset: string): Promise<void> {
    await this.#nft.load(ruleset);
    this.#listing = await this.#nft.list();
    this.#loaded = ruleset;
  }

  /** Removes the table, if there is one. */
  async remove(): Promise<void> {
    await this.#nft.remove();
    this.#listing = undefined;
    this.#loaded = undefined;
  }
}
