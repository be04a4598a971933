/**
 * `readDnsConfig` reads the `DNS` field of a wg-quick file, which lists servers and search domains
 * together. `candidateNames` applies the search domains to a name.
 *
 * @module
 */
import { readDnsSettings } from '@litz/device/quick';

/** Where names are looked up. */
export interface DnsConfig {
  /** Addresses of servers, which are reached through the tunnel. */
  readonly servers: readonly string[];
  /** Domains that are appended to short names. */
  readonly search: readonly string[];
}

/**
 * Splits the entries as wg-quick does: an entry that looks like an IP address is a server, any
 * other is a search domain.
 */
export function readDnsConfig(entries: readonly string[]): DnsConfig {
  const texts = entries.map((entry) => entry.trim()).filter((entry) => entry !== '');
  const { servers, searchDomains } = readDnsSettings(texts);
  return { servers, search: searchDomains.map((text) => text.replace(/^\.|\.$/g, '')) };
}

/**
 * Returns the names to look up for a name, in order (resolv.conf(5), `search` and `ndots:1`): the
 * name itself, and longer names that end in the search domains. A name with a dot comes before the
 * longer names, a name without a dot after them. A name with a dot at the end is complete: only
 * this name is returned, without the dot at the end.
 */
export function candidateNames(hostname: string, search: readonly string[]): string[] {
  if (hostname.endsWith('.')) return [hostname.slice(0, -1)];
  const longer = search.map((domain) => `${hostname}.${domain}`);
  return hostname.includes('.') ? [hostname, ...longer] : [...longer, hostname];
}
