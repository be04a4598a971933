/**
 * Compares the reader and the writer of addresses in `@litz/core` with those of the C library, for
 * texts made by hand and at random. The test is in this package, because only this package can call
 * the C library.
 *
 * The number of random texts is `FC_NUM_RUNS` (or 300) times 100.
 *
 * @module
 */
import { formatAddress } from '@litz/core';
import { tryParseAddress } from '@litz/core/internals';
import { describeWith, seededRandom } from '@litz/testkit';
import { beforeAll, expect, test } from 'vitest';
import { allocate, koffi, type Region } from '../src/index.ts';
import { linuxCalls } from './requirements.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300) * 100;
const AF_INET = 2;
const AF_INET6 = 10;

let libcReads: (text: string) => Uint8Array | undefined;
let libcWrites: (address: Uint8Array) => string;

describeWith([linuxCalls], 'tryParseAddress and formatAddress', () => {
  beforeAll(() => {
    const library = koffi().load(null);
    const pton = library.func('int inet_pton(int family, str text, uintptr_t out)') as (
      family: number,
      text: string,
      out: number,
    ) => number;
    const ntop = library.func(
      'uintptr_t inet_ntop(int family, uintptr_t address, uintptr_t out, uint size)',
    ) as (family: number, address: number, out: number, size: number) => number;
    const address = allocate(16);
    const text = allocate(64);
    libcReads = (input) => {
      const family = input.includes(':') ? AF_INET6 : AF_INET;
      if (pton(family, input, address.address) !== 1) return undefined;
      return address.bytes.slice(0, family === AF_INET ? 4 : 16);
    };
    libcWrites = (bytes) => {
      address.bytes.set(bytes);
      ntop(bytes.length === 4 ? AF_INET : AF_INET6, address.address, text.address, 64);
      return textOf(text);
    };
  });

  test('accept and refuse the same texts as the C library, with every form of a group', () => {
    const texts = [...handMade()];
    expect(texts.length).toBeGreaterThan(10_000);
    expect(differences(texts)).toEqual([]);
  });

  test('accept and refuse the same random texts as the C library', () => {
    const random = seededRandom(20_260_719);
    const texts = Array.from({ length: RUNS }, () => randomText(random));
    const taken = texts.filter((text) => tryParseAddress(text) !== undefined).length;
    // If nearly all texts were accepted, or nearly all refused, the comparison would prove little.
    expect(taken).toBeGreaterThan(RUNS / 10);
    expect(taken).toBeLessThan(RUNS - RUNS / 10);
    expect(differences(texts)).toEqual([]);
  });

  test('write addresses as the C library does', () => {
    const random = seededRandom(7);
    const glibc = isGlibc();
    const addresses = Array.from({ length: RUNS }, () => randomAddress(random)).filter(
      // musl writes the last 32 bits as an IPv4 address only after ::ffff:
      (bytes) => glibc || !/^::\d+\./.test(formatAddress(bytes)),
    );
    const differing = addresses.filter((bytes) => formatAddress(bytes) !== libcWrites(bytes));
    expect(differing.map((bytes) => [formatAddress(bytes), libcWrites(bytes)])).toEqual([]);
  });
});

function differences(texts: readonly string[]): string[] {
  return texts.filter((text) => {
    const ours = tryParseAddress(text);
    const theirs = libcReads(text);
    return ours?.join() !== theirs?.join();
  });
}

/**
 * Yields texts of 0 to 9 groups with `::` in each place or nowhere, and with each unusual or wrong
 * group in each place.
 */
function* handMade(): Generator<string> {
  const tails = ['1.2.3.4', '1.2.3', '1.2.3.4.5', '01.2.3.4', '256.1.1.1', '1.2.3.', 'a.1.1.1'];
  const groups = ['0', '0000', '00000', 'FFff', 'g', '', ' 1', '1 ', '+1', '-1', '0x1', ...tails];
  for (let count = 0; count <= 9; count++) {
    for (let gap = -1; gap <= count; gap++) {
      yield joined(Array(count).fill('1'), gap);
      for (let at = 0; at < count; at++) {
        for (const group of groups) {
          yield joined(Array(count).fill('1').with(at, group), gap);
          yield `${joined(Array(count).fill('1').with(at, group), gap)}:`;
        }
      }
    }
  }
  for (const octet of ['', '0', '00', '007', '255', '256', '1000', '0x7', '1e1', '٣', ' 1', '-0']) {
    for (let count = 1; count <= 5; count++) {
      for (let at = 0; at < count; at++) yield Array(count).fill('9').with(at, octet).join('.');
    }
  }
  for (const text of ['::1%lo', '::1/128', '[::1]', ':', '::', ':::', '1.2.3.4/32', '1.2.3.4%lo']) {
    yield text;
    yield ` ${text}`;
    yield `${text}\n`;
  }
}

/**
 * Joins groups with `:`, but writes `::` in front of the group with the index `gap`. If `gap` is
 * the number of groups, `::` is at the end; if `gap` is -1, there is no `::`.
 */
function joined(groups: readonly string[], gap: number): string {
  if (gap === -1) return groups.join(':');
  return `${groups.slice(0, gap).join(':')}::${groups.slice(gap).join(':')}`;
}

/**
 * Returns a correct text with up to two changes, or some random characters that occur in addresses.
 */
function randomText(random: () => number): string {
  const alphabet = '0123456789abcdefABCDEF:.:.:g%/ ';
  const character = (): string => alphabet[Math.floor(random() * alphabet.length)];
  if (random() < 0.2) return Array.from({ length: random() * 20 }, character).join('');
  let text = expanded(randomAddress(random), random);
  for (let changes = Math.floor(random() * 3); changes > 0; changes--) {
    const at = Math.floor(random() * text.length);
    const removed = random() < 0.5 ? 1 : 0;
    const added = random() < 0.7 ? character() : '';
    text = text.slice(0, at) + added + text.slice(at + removed);
  }
  return text;
}

/** Returns an address as text, in a random one of its forms. */
function expanded(address: Uint8Array, random: () => number): string {
  if (address.length === 4 || random() < 0.3) return formatAddress(address);
  const hex = Array.from({ length: 8 }, (_, i) => {
    const group = ((address[i * 2] << 8) | address[i * 2 + 1]).toString(16);
    const padded = random() < 0.3 ? group.padStart(4, '0') : group;
    return random() < 0.3 ? padded.toUpperCase() : padded;
  });
  if (random() < 0.3) hex.splice(6, 2, address.subarray(12).join('.'));
  const zero = hex.indexOf('0');
  if (zero !== -1 && random() < 0.5) return joined(hex.toSpliced(zero, 1), zero);
  return hex.join(':');
}

/** Returns an address with many zeros, often one that contains an IPv4 address. */
function randomAddress(random: () => number): Uint8Array {
  const byte = (): number => (random() < 0.5 ? 0 : Math.floor(random() * 256));
  if (random() < 0.2) return Uint8Array.from({ length: 4 }, byte);
  const address = new Uint8Array(16);
  for (let i = 0; i < 16; i += 2) {
    if (random() < 0.5) address.set([byte(), byte()], i);
  }
  if (random() < 0.3) address.fill(0, 0, 12);
  if (random() < 0.2) address.fill(0, 0, 10).fill(0xff, 10, 12);
  return address;
}

function isGlibc(): boolean {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime !== undefined;
}

function textOf({ bytes }: Region): string {
  return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
}
