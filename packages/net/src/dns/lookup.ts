/**
 * `NetworkLookup`: dns.lookup for a network. It takes IP addresses, `localhost`, and names that the
 * DNS servers of the tunnel know. It never asks the resolver of the system.
 *
 * @module
 */
import type { LookupAddress, LookupOptions as NodeLookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { getSystemErrorMap } from 'node:util';
import { requireText } from '@litz/core/internals';
import { abortError, type NetworkError } from '../errors.ts';
import { checkSignal } from '../on-abort.ts';
import type { Resolver } from './resolver.ts';

/** Options of `Network.lookup`: those of dns.lookup, and a signal. */
export interface LookupOptions {
  /** 4, 6, 'IPv4', 'IPv6', or 0 for the versions that the network has addresses of. */
  readonly family?: NodeLookupOptions['family'];
  /** Returns all addresses. Default false: the first one. */
  readonly all?: boolean | undefined;
  /** 'ipv4first': IPv4 addresses first. The other values, and the default: IPv6 addresses first. */
  readonly order?: 'ipv4first' | 'ipv6first' | 'verbatim' | undefined;
  /** Not used. */
  readonly hints?: number | undefined;
  /** If `order` is absent, `false` means the same as 'ipv4first'. */
  readonly verbatim?: boolean | undefined;
  /** Ends the look-up with an `AbortError`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How many ms to wait for the addresses of the other version of IP, after those of one version
   * are known. Default: no limit.
   */
  readonly patienceMs?: number | undefined;
}

export class NetworkLookup {
  readonly #resolver: Resolver;
  readonly #own: readonly string[];

  /** @param own the addresses of the network */
  constructor(resolver: Resolver, own: readonly string[]) {
    this.#resolver = resolver;
    this.#own = own;
  }

  /**
   * Resolves to the addresses of a name: at least one.
   *
   * @throws {NetworkError} (rejects) `ENOTFOUND`: the name has no address; `EAI_AGAIN`: no address
   *   was found, and at least one question got no answer. The message says which servers were
   *   asked, or why none was asked.
   */
  async all(hostname: string, options: LookupOptions = {}): Promise<LookupAddress[]> {
    const { signal, patienceMs } = options;
    requireText(hostname, 'hostname');
    checkSignal(signal);
    if (signal?.aborted) throw abortError(signal);
    const version = versionOf(options.family);
    if (isIP(hostname) !== 0) return [toAddress(hostname)];
    if (isLocalName(hostname)) return this.#ownAddresses(hostname, version);
    const name = domainToASCII(hostname.replace(/\.$/, ''));
    const { servers } = this.#resolver;
    if (name === '') throw lookupError('ENOTFOUND', hostname, 'it is not a valid name');
    if (servers.length === 0) {
      throw lookupError('ENOTFOUND', hostname, 'the network has no DNS server');
    }
    const absolute = hostname.endsWith('.') ? `${name}.` : name;
    const versions = version === 0 ? this.#versions() : [version];
    const found = await this.#resolver.resolve(absolute, versions, { patienceMs, signal });
    if (found.addresses.length > 0) return inOrder(found.addresses.map(toAddress), options);
    if (found.failures.length > 0) {
      // As a rule both versions of IP fail for the same reason. The message names it once.
      throw lookupError('EAI_AGAIN', hostname, [...new Set(found.failures)].join('; '));
    }
    throw lookupError('ENOTFOUND', hostname, `asked ${servers.join(', ')}`);
  }

  /**
   * Returns the addresses of `localhost`. RFC 6761 6.3: DNS is never asked for it. Here, the
   * network is the host, so these are the network's own addresses.
   */
  #ownAddresses(hostname: string, version: 0 | 4 | 6): LookupAddress[] {
    const own = this.#own.map(toAddress).filter(({ family }) => !version || family === version);
    if (own.length > 0) return own;
    throw lookupError('ENOTFOUND', hostname, `the network has no address of IPv${version}`);
  }

  #versions(): (4 | 6)[] {
    return ([6, 4] as const).filter((version) => this.#own.some((own) => isIP(own) === version));
  }
}

function versionOf(family: NodeLookupOptions['family']): 0 | 4 | 6 {
  if (family === 4 || family === 'IPv4') return 4;
  if (family === 6 || family === 'IPv6') return 6;
  if (family === undefined || family === 0) return 0;
  throw new TypeError(`"family" expected 0, 4 or 6, got ${String(family)}`);
}

function isLocalName(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '');
  return name === 'localhost' || name.endsWith('.localhost');
}

function inOrder(
  found: LookupAddress[],
  { order, verbatim }: Pick<LookupOptions, 'order' | 'verbatim'>,
): LookupAddress[] {
  const isIpv4First = order === 'ipv4first' || (order === undefined && verbatim === false);
  const sign = isIpv4First ? 1 : -1;
  return found.toSorted((a, b) => sign * (a.family - b.family));
}

function toAddress(address: string): LookupAddress {
  return { address, family: isIP(address) };
}

/** Returns an error like those of dns.lookup. A reason follows the name in its message. */
function lookupError(
  code: 'ENOTFOUND' | 'EAI_AGAIN',
  hostname: string,
  reason: string,
): NetworkError {
  const name = code === 'ENOTFOUND' ? 'EAI_NONAME' : code;
  const errno = [...getSystemErrorMap()].find(([, [known]]) => known === name)?.[0];
  const error = new Error(`getaddrinfo ${code} ${hostname}: ${reason}`);
  return Object.assign(error, {
    ...(errno !== undefined && { errno }),
    code,
    syscall: 'getaddrinfo',
    hostname,
  });
}
