/**
 * Keys that two processes compute independently of each other, and the search for them in the
 * memory of one of the processes.
 *
 * @module
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { createPrivateKey, createPublicKey } from 'node:crypto';

/**
 * Fills a key with bytes that depend on a number, without a copy. The source text of this function
 * is also inserted into the program whose memory is searched.
 */
export function fillKey<Key extends Uint8Array>(key: Key, seed: number): Key {
  let x = seed;
  for (let i = 0; i < 32; i++) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    key[i] = x >>> 24;
  }
  key[0] &= 248;
  key[31] = (key[31] & 127) | 64;
  return key;
}

export function keyOf(seed: number): Buffer {
  return fillKey(Buffer.alloc(32), seed);
}

/**
 * Returns the public key in base64. Node's own OpenSSL computes it here, so that the process whose
 * memory is searched makes no copy of the private key for this.
 */
export function publicTextOf(seed: number): string {
  const der = Buffer.concat([Buffer.from(PKCS8_X25519, 'hex'), keyOf(seed)]);
  const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return key.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
}

/** How often a key was found as bytes, and as text (hex in upper and lower case, base64). */
export interface Found {
  bytes: number;
  text: number;
}

/** Searches all readable memory of a process. */
export function findKeys(pid: number, seeds: readonly number[]): Found[] {
  const found = seeds.map(() => ({ bytes: 0, text: 0 }));
  const needles = seeds.map((seed) => needlesOf(keyOf(seed)));
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const piece of readableMemory(pid, memory)) {
      needles.forEach(({ bytes, texts }, i) => {
        found[i].bytes += countIn(piece, bytes);
        for (const text of texts) found[i].text += countIn(piece, text);
      });
    }
  } finally {
    closeSync(memory);
  }
  return found;
}

/**
 * Yields the memory in pieces. Each piece also has the beginning of the next one, so that no key is
 * missed.
 */
function* readableMemory(pid: number, memory: number): Generator<Buffer, void, undefined> {
  const piece = Buffer.alloc(PIECE_LENGTH + LONGEST_NEEDLE - 1);
  for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
    const [, from = '', to = '', mode = '', name = ''] = MAPPING.exec(line) ?? [];
    const [start, end] = [Number.parseInt(from, 16), Number.parseInt(to, 16)];
    // Not readable: memory that is only reserved (WebAssembly does this), and [vvar] and
    // [vsyscall].
    if (!mode.startsWith('r') || name.startsWith('[v')) continue;
    for (let at = start; at < end; at += PIECE_LENGTH) {
      let length = 0;
      try {
        length = readSync(memory, piece, 0, Math.min(piece.length, end - at), at);
      } catch {
        break;
      }
      yield piece.subarray(0, length);
    }
  }
  piece.fill(0);
}

function needlesOf(key: Buffer): { bytes: Buffer; texts: Buffer[] } {
  const hex = key.toString('hex');
  const texts = [hex, hex.toUpperCase(), key.toString('base64')];
  return { bytes: key, texts: texts.map((text) => Buffer.from(text, 'latin1')) };
}

/** Counts the keys that begin in this piece. Those in the overlap are counted in the next piece. */
function countIn(piece: Buffer, needle: Buffer): number {
  let count = 0;
  let at = piece.indexOf(needle);
  while (at !== -1 && at < PIECE_LENGTH) {
    count++;
    at = piece.indexOf(needle, at + 1);
  }
  return count;
}

const MAPPING = /^(\w+)-(\w+) (\S+) \S+ \S+ \S+\s*(.*)$/;
const PIECE_LENGTH: number = 1 << 24;
/** A key in hex. */
const LONGEST_NEEDLE = 64;
const PKCS8_X25519 = '302e020100300506032b656e04220420';
