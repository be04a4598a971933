/**
 * `litz genkey`, `litz genpsk`, `litz pubkey`: keys as `wg` makes them, one base64 line.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import {
  formatKey,
  generatePrivateKey,
  nobleProvider,
  parsePresharedKey,
  parsePrivateKey,
  publicKeyOf,
} from '@litz/core';
import { Failure } from '../failure.ts';

/** A new private key. */
export function createPrivateKeyLine(): string {
  return `${formatKey(generatePrivateKey(fillRandom))}\n`;
}

/** A new preshared key. */
export function createPresharedKeyLine(): string {
  return `${formatKey(parsePresharedKey(randomFillSync(new Uint8Array(32))))}\n`;
}

/**
 * The public key of a private one; white space around it is ignored.
 *
 * @throws {Failure} it is not 32 bytes in base64; the text is not repeated, it may be a key
 */
export function publicKeyLine(privateKey: string): string {
  try {
    return `${formatKey(publicKeyOf(parsePrivateKey(privateKey.trim()), nobleProvider))}\n`;
  } catch (error) {
    const message = 'pubkey: expected a private key on standard input: 32 bytes in base64';
    throw new Failure(message, { cause: error });
  }
}

export async function readStandardInput(): Promise<string> {
  return text(process.stdin);
}

/** As `wg` does: a key that everybody can read is worth a word. */
export function warnIfWorldReadable(fd: number, warn: (line: string) => void): void {
  const status = fstatSync(fd);
  if (!status.isFile() || (status.mode & WORLD) === 0) return;
  warn('Warning: writing to a file that everybody can read. Consider umask 077.');
}

function fillRandom(out: Uint8Array): void {
  randomFillSync(out);
}

/** S_IRWXO */
const WORLD = 0o007;
