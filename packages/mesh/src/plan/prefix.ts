/**
 * Arithmetic on prefixes as ranges of addresses: conversion, and differences of sets of addresses.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import { networkAddress } from '../record/cidr-relations.ts';

/** First and last address, as numbers. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** Returns 4 for an address of 4 bytes, else 6. */
export function familyOf({ address }: Readonly<Cidr>): 4 | 6 {
  return address.length === 4 ? 4 : 6;
}

/** Returns the first and the last address of the prefix. */
export function rangeOf(prefix: Readonly<Cidr>): AddressRange {
  const bits = BigInt(prefix.address.length * 8 - prefix.prefixLength);
  const first = numberOf(networkAddress(prefix));
  return { first, last: first + (1n << bits) - 1n };
}

/**
 * Returns all addresses of `prefixes` that no prefix of `without` contains, as ranges in ascending
 * order. Adjacent ranges of `prefixes` are joined.
 */
export function rangesWithout(
  prefixes: readonly Readonly<Cidr>[],
  without: readonly Readonly<Cidr>[],
): AddressRange[] {
  const ranges = joined(prefixes.map(rangeOf));
  return joined(without.map(rangeOf)).reduce<AddressRange[]>(
    (left, { first, last }) =>
      left.flatMap((range) => {
        if (last < range.first || first > range.last) return [range];
        const before = { first: range.first, last: first - 1n };
        const behind = { first: last + 1n, last: range.last };
        return [before, behind].filter((part) => part.first <= part.last);
      }),
    ranges,
  );
}

/**
 * Returns the bytes of the number, the most significant first.
 *
 * @param length 4 for IPv4, 16 for IPv6
 */
export function addressOfNumber(number: bigint, length: number): Uint8Array {
  const address = new Uint8Array(length);
  for (let i = length - 1, rest = number; i >= 0; i--, rest >>= 8n) {
    address[i] = Number(rest & 0xffn);
  }
  return address;
}

function numberOf(address: Uint8Array): bigint {
  return address.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

function joined(ranges: readonly AddressRange[]): AddressRange[] {
  const sorted = ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const result: AddressRange[] = [];
  for (const range of sorted) {
    const previous = result.at(-1);
    if (!previous || range.first > previous.last + 1n) {
      result.push(range);
    } else if (range.last > previous.last) {
      result[result.length - 1] = { first: previous.first, last: range.last };
    }
  }
  return result;
}
