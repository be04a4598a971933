/**
 * `NameTable`: resolves the names to which datagrams go. TCP connections do not need it: `connect`
 * takes a name.
 *
 * A client sends many datagrams to one name. So the result of a look-up is kept for a minute, also
 * if there is no address. Datagrams wait while a name is looked up. The number of waiting datagrams
 * is bounded, and so is the number of names.
 *
 * @module
 */
import { isIP } from 'node:net';
import type { ProxyNetwork } from './proxy-network.ts';

/** Called with the address; undefined: the name has none. */
export type UseAddress = (address: string | undefined) => void;

interface KnownName {
  address: string | undefined;
  /** The calls that wait; undefined: the name was looked up. */
  waiting: UseAddress[] | undefined;
  readonly askedAt: number;
}

/** The names that one UDP port or one SOCKS5 client uses, with their addresses. */
export class NameTable {
  readonly #network: Pick<ProxyNetwork, 'lookup'>;
  readonly #now: () => number;
  readonly #names = new Map<string, KnownName>();

  /** @param now monotonic milliseconds */
  constructor(network: Pick<ProxyNetwork, 'lookup'>, now: () => number = () => performance.now()) {
    this.#network = network;
    this.#now = now;
  }

  /**
   * Calls `use` with an address of the name. If the address is known, or if `name` is itself an
   * address, this happens at once. If not, it happens when the name was looked up.
   *
   * @param use called with undefined if the name has no address, or if too many calls wait already
   */
  use(name: string, use: UseAddress): void {
    if (isIP(name) !== 0) {
      use(name);
      return;
    }
    const known = this.#names.get(name);
    if (known && this.#now() - known.askedAt < KEPT_MS) {
      if (!known.waiting) use(known.address);
      else if (known.waiting.length < MOST_WAITING) known.waiting.push(use);
      else use(undefined);
      return;
    }
    this.#names.delete(name);
    const [oldest] = this.#names.keys();
    if (this.#names.size >= MOST_NAMES && oldest !== undefined) this.#names.delete(oldest);
    const asked: KnownName = { address: undefined, waiting: [use], askedAt: this.#now() };
    this.#names.set(name, asked);
    this.#network.lookup(name, {}, (error, address) => {
      const { waiting = [] } = asked;
      asked.waiting = undefined;
      asked.address = error ? undefined : address;
      for (const call of waiting) call(asked.address);
    });
  }
}

const KEPT_MS = 60_000;
const MOST_NAMES = 64;
const MOST_WAITING = 16;
