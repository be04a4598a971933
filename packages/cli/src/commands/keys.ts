/**
 * `litz genkey`, `litz genpsk` and `litz pubkey`: print a key as `wg` does, as one line of base64.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { formatKey, generatePrivateKey, parsePresharedKey, parsePrivateKey } from '@litz/core/text';
import { Failure } from '../failure.ts';

/** Returns a new private key with a line feed. */
export function createPrivateKeyLine(): string {
  return `${formatKey(generatePrivateKey(fillRandom))}\n`;
}

/** Returns a new preshared key with a line feed. */
export function createPresharedKeyLine(): string {
  return `${formatKey(parsePresharedKey(randomFillSync(new Uint8Array(32))))}\n`;
}

/**
 * Returns the public key of a private key, with a line feed. White space around the text is
 * ignored.
 *
 * @throws {Failure} the text is not 32 bytes in base64; the message does not repeat the text,
 *   because it may be a key
 */
export async function publicKeyLine(privateKey: string): Promise<string> {
  // The cryptography is loaded only here, because making a new key does not need it.
  const { nobleProvider, publicKeyOf } = await import('@litz/core');
  try {
    return `${formatKey(publicKeyOf(parsePrivateKey(privateKey.trim()), nobleProvider))}\n`;
  } catch (error) {
    const message = 'pubkey: expected a private key on standard input: 32 bytes in base64';
    throw new Failure(message, { cause: error });
  }
}

/** Returns all of the standard input as text, when it has ended. */
export async function readStandardInput(): Promise<string> {
  return text(process.stdin);
}

/** Warns, like `wg`, if the output is a file whose mode gives all users a permission. */
export function warnIfWorldReadable(fd: number, warn: (line: string) => void): void {
  // `bigint` avoids a fault of Node.js: after the mode of a pipe or a socket was returned as a
  // number, imports do not follow symbolic links (nodejs/node#51142).
  const status = fstatSync(fd, { bigint: true });
  if (!status.isFile() || (status.mode & WORLD) === 0n) return;
  warn('Warning: writing a key to a file that every user can read. Consider umask 077.');
}

function fillRandom(out: Uint8Array): void {
  randomFillSync(out);
}

/** The permissions of all other users (S_IRWXO). */
const WORLD = 0o007n;
