/**
 * The simplest `AllowedIps`, for comparison: a list that is searched for the longest match.
 *
 * @module
 */
import type { AllowedIp } from '../../src/configuration.ts';

interface Entry<T> {
  bits: string;
  family: number;
  value: T;
}

export class SlowAllowedIps<T> {
  #entries: Entry<T>[] = [];

  insert(address: Uint8Array, prefixLength: number, value: T): void {
    const bits = bitsOf(address).slice(0, prefixLength);
    const known = this.#entries.find((e) => e.family === address.length && e.bits === bits);
    // If the value has the prefix already, the order does not change.
    if (known?.value === value) return;
    this.#entries = this.#entries.filter((entry) => entry !== known);
    this.#entries.push({ bits, family: address.length, value });
  }

  remove(address: Uint8Array, prefixLength: number, value: T): void {
    const bits = bitsOf(address).slice(0, prefixLength);
    this.#entries = this.#entries.filter(
      (e) => e.family !== address.length || e.bits !== bits || e.value !== value,
    );
  }

  removeAll(value: T): void {
    this.#entries = this.#entries.filter((entry) => entry.value !== value);
  }

  replace(value: T, prefixes: readonly AllowedIp[]): void {
    this.removeAll(value);
    for (const { address, prefixLength, remove } of prefixes) {
      if (remove === true) this.remove(address, prefixLength, value);
      else this.insert(address, prefixLength, value);
    }
  }

  lookup(address: Uint8Array): T | undefined {
    const bits = bitsOf(address);
    const matches = this.#entries.filter(
      (e) => e.family === address.length && bits.startsWith(e.bits),
    );
    return matches.sort((a, b) => b.bits.length - a.bits.length)[0]?.value;
  }

  /** Returns texts 'family/bits', IPv4 first; within a family, in the order of insertion. */
  entries(value: T): string[] {
    return this.#entries
      .filter((entry) => entry.value === value)
      .sort((a, b) => a.family - b.family)
      .map((entry) => `${entry.family}/${entry.bits}`);
  }
}

export function bitsOf(address: Uint8Array): string {
  return Array.from(address, (byte) => byte.toString(2).padStart(8, '0')).join('');
}
