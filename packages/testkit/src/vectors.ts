/**
 * Reads `test-vectors/`. Callers name the file that they read, so that a search for the name of a
 * file finds its readers.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Transcript } from './transcript.ts';

/**
 * Reads one file of `test-vectors/`, by its path in that folder. The caller must know the shape of
 * the content.
 */
export function readVectors(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, VECTORS), 'utf8'));
}

/** Reads all files of `wireguard/*.json`. */
export function readTranscripts(): Transcript[] {
  const files = readdirSync(new URL('wireguard/', VECTORS)).sort();
  return files.map((file) => readVectors(`wireguard/${file}`) as Transcript);
}

/** Returns new bytes from lower-case hexadecimal, as in all vectors. */
export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** Returns lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The folder of the vectors. The path is the same from `src` and from `dist`. */
const VECTORS = new URL('../../../test-vectors/', import.meta.url);
