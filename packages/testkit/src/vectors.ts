/**
 * Reads `test-vectors/`. Each reader names its file, so that one can be found from the other.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Transcript } from './transcript.ts';

/** One file of `test-vectors/`, by its path in there. The caller knows its shape. */
export function readVectors(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, VECTORS), 'utf8'));
}

/** All of `wireguard/*.json`. */
export function readTranscripts(): Transcript[] {
  const files = readdirSync(new URL('wireguard/', VECTORS)).sort();
  return files.map((file) => readVectors(`wireguard/${file}`) as Transcript);
}

/** Lower-case hexadecimal, as in all vectors. New bytes. */
export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The same depth from `src` and from `dist`. */
const VECTORS = new URL('../../../test-vectors/', import.meta.url);
