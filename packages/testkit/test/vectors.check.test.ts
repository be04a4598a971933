import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../../', import.meta.url);
const VECTORS = new URL('test-vectors/', ROOT);

describe('test-vectors/README.md', () => {
  const rows = readRows();

  it('lists every file, once', () => {
    const files = readdirSync(VECTORS, { recursive: true, encoding: 'utf8' })
      .map((file) => file.replaceAll('\\', '/'))
      .filter((file) => file.endsWith('.json'));
    expect(rows.map(({ file }) => file).sort()).toEqual(files.sort());
  });

  it.each(rows)('has the hash of $file', ({ file, sha256 }) => {
    const bytes = readFileSync(new URL(file, VECTORS));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
  });

  it.each(rows)('names source and licence of $file', ({ source, licence }) => {
    expect(source).not.toBe('');
    expect(licence).toMatch(/MIT|Apache-2\.0|BSD/);
  });

  it.each(rows)('names a test that reads $file', ({ file, readBy }) => {
    expect(existsSync(new URL(readBy, ROOT))).toBe(true);
    const code = readFileSync(new URL(readBy, ROOT), 'utf8');
    const reads = file.startsWith('wireguard/') ? 'readTranscripts()' : file;
    expect(code).toContain(reads);
  });
});

interface Row {
  file: string;
  source: string;
  licence: string;
  sha256: string;
  readBy: string;
}

/** Reads the first table: `| file | source | licence | SHA-256 | read by |`. */
function readRows(): Row[] {
  const lines = readFileSync(new URL('README.md', VECTORS), 'utf8').split('\n');
  return lines
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter((cells) => cells.length === 7 && cells[1]?.endsWith('.json'))
    .map(([, file = '', source = '', licence = '', hash = '', readBy = '']) => ({
      file,
      source,
      licence,
      sha256: hash.replaceAll('`', ''),
      readBy,
    }));
}
