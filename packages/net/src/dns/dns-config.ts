/**
 * The `DNS` field of a wg-quick file: servers and search domains in one list.
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

/** As wg-quick(8): "entries that are not an IP address are search domains". */
export function readDnsConfig(entries: readonly string[]): DnsConfig {
  const texts = entries.map((entry) => entry.trim()).filter((entry) => entry !== '');
  const { servers, searchDomains } = readDnsSettings(texts);
  return { servers, search: searchDomains.map((text) => text.replace(/^\.|\.$/g, '')) };
}

/**
 * Returns the names to look up for a name, in order (resolv.conf(5), `search` and `ndots:1`). A
 * name with a dot is tried before the longer names. A name without a dot is tried after them. A dot
 * at the end means that the name is complete.
 */
export function candidateNames(hostname: string, search: readonly string[]): string[] {
  if (hostname.endsWith('.')) return [hostname.slice(0, -1)];
  const longer = search.map((domain) => `${hostname}.${domain}`);
  return hostname.includes('.') ? [hostname, ...longer] : [...longer, hostname];
}
