/**
 * `DnsSettings`: the `DNS` field of a wg-quick file, split into servers and search domains.
 *
 * @module
 */
import { tryParseAddress } from '@litz/config';

/** What the resolver of the system uses while a tunnel is up. */
export interface DnsSettings {
  /** Addresses as text. */
  readonly servers: readonly string[];
  readonly searchDomains: readonly string[];
}

/**
 * Splits the words of the field as wg-quick does: a word that looks like an address is a server.
 */
export function readDnsSettings(words: readonly string[]): DnsSettings {
  return {
    servers: words.filter(looksLikeAddress),
    searchDomains: words.filter((word) => !looksLikeAddress(word)),
  };
}

/**
 * Returns the first word that looks like an address but is not one; undefined if there is no such
 * word.
 */
export function wrongServer(words: readonly string[]): string | undefined {
  return words
    .filter(looksLikeAddress)
    .find((word) => tryParseAddress(word.replace(/%[\w.-]+$/, '')) === undefined);
}

/** This is how wg-quick distinguishes servers and search domains. */
function looksLikeAddress(word: string): boolean {
  return /^[0-9.]+$/.test(word) || word.includes(':');
}
