/**
 * `Resolver`: addresses for names, from the DNS servers of a tunnel.
 *
 * The servers are asked one after the other until one answers. If none has answered, all are asked
 * once more, as resolv.conf(5) says. Answers are kept as long as they are valid. A question that is
 * asked again before it is answered is sent only once.
 *
 * @module
 */
import { abortError } from '../errors.ts';
import { candidateNames, type DnsConfig } from './dns-config.ts';
import { DnsCache } from './dns-cache.ts';
import type { DnsAnswer } from './dns-message.ts';

/** Asks one server. */
export type Ask = (
  server: string,
  query: { readonly name: string; readonly type: 'A' | 'AAAA' },
  timeoutMs: number,
) => Promise<DnsAnswer>;

/** Options of `Resolver`. */
export interface ResolverOptions extends DnsConfig {
  readonly ask: Ask;
  /** Monotonic ms. */
  readonly now: () => number;
  /** How many ms a server has for its answer. Default 5000. */
  readonly timeoutMs?: number;
  /** How many times all servers are asked. Default 2. */
  readonly attempts?: number;
}

/** What was found for a name. */
export interface Resolution {
  /** Empty: there is no address. */
  readonly addresses: readonly string[];
  /**
   * Why questions got no answer: a text for each question and server. Empty: all questions were
   * answered, or there is no server.
   */
  readonly failures: readonly string[];
}

export class Resolver {
  readonly servers: readonly string[];
  readonly #search: readonly string[];
  readonly #ask: Ask;
  readonly #timeoutMs: number;
  readonly #attempts: number;
  readonly #cache: DnsCache<DnsAnswer>;
  readonly #running = new Map<string, Promise<DnsAnswer | string[]>>();

  constructor(options: ResolverOptions) {
    this.servers = options.servers;
    this.#search = options.search;
    this.#ask = options.ask;
    this.#timeoutMs = options.timeoutMs ?? 5000;
    this.#attempts = options.attempts ?? 2;
    this.#cache = new DnsCache(MOST_ENTRIES, options.now);
  }

  /**
   * Resolves to the addresses of a name. The versions of IP are looked up at the same time.
   *
   * @param options.patienceMs when the addresses of one version are known: how many ms to wait for
   *   the other version (RFC 8305 3). Default: no limit
   * @throws {Error} (rejects) `signal` was aborted
   */
  async resolve(
    hostname: string,
    versions: readonly (4 | 6)[],
    options: { patienceMs?: number | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<Resolution> {
    const failures: string[] = [];
    for (const name of candidateNames(hostname, this.#search)) {
      const found = await this.#resolveName(name, versions, options);
      if (found.addresses.length > 0) return found;
      failures.push(...found.failures);
    }
    return { addresses: [], failures };
  }

  async #resolveName(
    name: string,
    versions: readonly (4 | 6)[],
    {
      patienceMs = Infinity,
      signal,
    }: { patienceMs?: number | undefined; signal?: AbortSignal | undefined },
  ): Promise<Resolution> {
    const results: (Resolution | undefined)[] = versions.map(() => undefined);
    await firstOf(signal, patienceMs, versions, async (version, index) => {
      const result = await this.#follow(name, version === 4 ? 'A' : 'AAAA');
      results[index] = result;
      return result.addresses.length > 0;
    });
    return {
      addresses: results.flatMap((result) => result?.addresses ?? []),
      failures: results.flatMap((result) => result?.failures ?? []),
    };
  }

  /** Looks a name up, and then its aliases, if the server did not follow them itself. */
  async #follow(name: string, type: 'A' | 'AAAA'): Promise<Resolution> {
    let current = name;
    for (let aliases = 0; aliases < MOST_ALIASES; aliases++) {
      const answer = await this.#answer(current, type);
      if (Array.isArray(answer)) return { addresses: [], failures: answer };
      if (answer.alias === undefined) return { addresses: answer.addresses, failures: [] };
      current = answer.alias;
    }
    return { addresses: [], failures: [`${name} has more than ${MOST_ALIASES} aliases`] };
  }

  #answer(name: string, type: 'A' | 'AAAA'): Promise<DnsAnswer | string[]> {
    const key = `${type} ${name.toLowerCase()}`;
    const known = this.#cache.find(key);
    if (known) return Promise.resolve(known);
    const running = this.#running.get(key);
    if (running) return running;
    const asked = this.#askAll(name, type).then((answer) => {
      this.#running.delete(key);
      if (!Array.isArray(answer)) this.#cache.keep(key, answer, answer.ttl);
      return answer;
    });
    this.#running.set(key, asked);
    return asked;
  }

  /** Returns the first answer; or, for each server, why there is none. */
  async #askAll(name: string, type: 'A' | 'AAAA'): Promise<DnsAnswer | string[]> {
    const failures = new Map<string, string>();
    for (let attempt = 0; attempt < this.#attempts; attempt++) {
      for (const server of this.servers) {
        try {
          const answer = await this.#ask(server, { name, type }, this.#timeoutMs);
          if (answer.code === 'NOERROR' || answer.code === 'NXDOMAIN') return answer;
          failures.set(server, `${server} answered ${answer.code}`);
        } catch (error) {
          failures.set(server, (error as Error).message);
        }
      }
    }
    return [...failures.values()];
  }
}

/**
 * Starts `run` for all items. Waits until all are done, or until `patienceMs` have passed since the
 * first one returned true.
 *
 * @throws {Error} (rejects) `signal` was aborted
 */
async function firstOf<T>(
  signal: AbortSignal | undefined,
  patienceMs: number,
  items: readonly T[],
  run: (item: T, index: number) => Promise<boolean>,
): Promise<void> {
  if (signal?.aborted) throw abortError(signal);
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  let onAbort: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      onAbort = () => reject(abortError(signal!));
      signal?.addEventListener('abort', onAbort, { once: true });
      const runs = items.map(async (item, index) => {
        const isFound = await run(item, index);
        // After the end of the wait, nobody would stop a new timer.
        if (!isFound || isOver || patienceMs === Infinity || timer) return;
        timer = setTimeout(resolve, patienceMs);
      });
      Promise.all(runs).then(() => resolve(), reject);
    });
  } finally {
    isOver = true;
    clearTimeout(timer);
    if (onAbort) signal?.removeEventListener('abort', onAbort);
  }
}

const MOST_ENTRIES = 1000;
const MOST_ALIASES = 8;
