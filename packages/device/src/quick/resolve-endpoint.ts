/**
 * `resolveEndpoint`: resolves a host name to an address, and retries like `wg setconf`.
 *
 * At boot the resolver is often not available yet. So after a temporary failure, the name is looked
 * up again after 1 s. Each later wait is 1.2 times as long as the one before, up to 20 s. A name
 * that does not exist is an error at once. The environment variable
 * `WG_ENDPOINT_RESOLUTION_RETRIES` sets the number of retries; the default is 15, and 'infinity'
 * means without end.
 *
 * @module
 */
import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Endpoint, parseEndpoint, WireGuardError } from '@litz/core';
import {
  checkObject,
  requireText,
  quote,
  redactKeys,
  requireInteger,
  tryParseScopedAddress,
} from '@litz/core/internals';

/** An endpoint of a configuration: an address or a host name, and a port. */
export interface HostPort {
  /** A host name or an address, possibly with a `%zone`. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** Options of `resolveEndpoint`. */
export interface ResolveOptions {
  /** Number of retries. Default: from `WG_ENDPOINT_RESOLUTION_RETRIES`, else 15. */
  retries?: number;
  /** Called with a line for each failure after which the name will be looked up again. */
  log?: (line: string) => void;
  /** Ends the waiting. The returned promise is rejected with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Resolves a host name to one address, IPv4 or IPv6, possibly with a `%zone`. Default: the
   * system's resolver.
   */
  lookup?: (host: string) => Promise<string>;
  /** Waits. Default: a timer. */
  sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

/**
 * Returns the endpoint for a text like 'vpn.example.org:51820', or for a name and a port. The
 * result can be used as `endpoint` of a peer. An address is not looked up.
 *
 * @throws {WireGuardError} (rejects) `ERR_LITZ_INVALID_ENDPOINT`: the text is not an endpoint, the
 *   name does not exist, or the resolver still fails after all retries
 * @throws {RangeError} (rejects) `WG_ENDPOINT_RESOLUTION_RETRIES` is neither a number nor
 *   'infinity'
 *
 * @example
 *
 * ```ts
 * import { resolveEndpoint } from '@litz/device';
 *
 * const lookup = async (): Promise<string> => '192.0.2.1'; // default: the system's resolver
 * const endpoint = await resolveEndpoint('vpn.example.org:51820', { lookup });
 * console.log(String(endpoint)); // 192.0.2.1:51820
 * ```
 */
export async function resolveEndpoint(
  target: string | HostPort,
  options: ResolveOptions = {},
): Promise<Endpoint> {
  const parsed = typeof target === 'string' ? parseEndpoint(target) : target;
  checkObject(parsed, 'target');
  if (parsed instanceof Endpoint) return parsed;
  const { host, port } = parsed;
  requireText(host, 'target.host');
  requireInteger(port, 'target.port', 1, 65535);
  const { log = () => {}, signal, lookup = systemLookup, sleep = timerSleep } = options;
  let retries = options.retries ?? retriesFromEnvironment(process.env);
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * WAIT_GROWTH, LONGEST_WAIT_MS)) {
    signal?.throwIfAborted();
    try {
      return toEndpoint(await unlessAborted(lookup(host), signal), port);
    } catch (error) {
      signal?.throwIfAborted();
      const reason = reasonOf(error);
      if (!isTemporary(error) || retries-- <= 0) {
        const text = `cannot resolve the endpoint ${quote(`${host}:${port}`)}: ${redactKeys(reason)}`;
        throw new WireGuardError('ERR_LITZ_INVALID_ENDPOINT', text, { cause: error });
      }
      log(`${redactKeys(`${host}: ${reason}`)}, retrying in ${(waitMs / 1000).toFixed(1)} s`);
      await unlessAborted(sleep(waitMs, signal), signal);
    }
  }
}

/**
 * Returns the number of retries.
 *
 * @throws {RangeError} the variable is neither a number nor 'infinity'
 */
export function retriesFromEnvironment(environment: NodeJS.ProcessEnv): number {
  const text = environment['WG_ENDPOINT_RESOLUTION_RETRIES'];
  if (text === undefined || text === '') return DEFAULT_RETRIES;
  if (text === 'infinity') return Infinity;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RangeError(
    `WG_ENDPOINT_RESOLUTION_RETRIES: ${quote(text)} expected a number or "infinity"`,
  );
}

async function systemLookup(host: string): Promise<string> {
  // Keeps the resolver's order (RFC 6724), which getaddrinfo also gives to wg.
  return (await lookup(host, { verbatim: true })).address;
}

async function timerSleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal ? { signal } : {});
}

/**
 * Rejects when the signal is aborted, with the signal's reason. A look-up cannot be stopped, but
 * its caller need not wait for it.
 */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function toEndpoint(text: string, port: number): Endpoint {
  const found = tryParseScopedAddress(text);
  if (!found) throw new Error(`the resolver returned no address but ${quote(text)}`);
  const { address, scopeId, zone } = found;
  return new Endpoint(address, port, { scopeId, ...(zone !== undefined && { zone }) });
}

function isTemporary(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === 'EAI_AGAIN' || code === 'EAI_SYSTEM' || code === 'EAI_MEMORY';
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'ENOTFOUND') return 'no such host (ENOTFOUND)';
  if (code === 'EAI_AGAIN') return 'temporary failure of the resolver (EAI_AGAIN)';
  return message ?? String(error);
}

const DEFAULT_RETRIES = 15;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 20_000;
const WAIT_GROWTH = 1.2;
