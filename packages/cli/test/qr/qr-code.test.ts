import jsQR from 'jsqr';
import { describe, expect, test } from 'vitest';
import { qrCode } from '../../src/qr/qr-code.ts';

describe('qrCode', () => {
  test.each([1, 300, 600, 1200, 2953])(
    'makes a code in which a reader of QR codes finds the same text of %i bytes',
    (length) => {
      // The first character has two bytes.
      const text = length === 1 ? 'a' : `é${'PrivateKey = x\n'.repeat(300)}`.slice(0, length - 1);
      expect(Buffer.byteLength(text)).toBe(length);
      for (const colors of [true, false]) {
        const { lines, columns } = qrCode(text, { colors });
        expect(read(lines, columns, colors)).toBe(text);
      }
    },
  );

  test('has a light border, also around the last line', () => {
    const { lines, columns } = qrCode('a', { colors: false });
    expect(lines[0]).toBe('█'.repeat(columns));
    expect(lines.at(-1)).toBe('█'.repeat(columns));
    expect(lines.every((line) => line.startsWith('██') && line.endsWith('██'))).toBe(true);
  });

  test('refuses a text that is too long, and names its length and the limit', () => {
    expect(() => qrCode('a'.repeat(2954), { colors: false })).toThrow(
      'the file has 2954 bytes for the code, and a QR code holds at most 2953',
    );
  });
});

/** Draws what the terminal shows, and returns the text that a reader finds in the picture. */
function read(lines: readonly string[], columns: number, colors: boolean): string | undefined {
  const size = columns * SCALE;
  const pixels = new Uint8ClampedArray(size * size * 4).fill(255);
  for (const [row, line] of lines.entries()) {
    // oxlint-disable-next-line no-control-regex -- a colour code begins with ESC
    const characters = line.replaceAll(/\x1b\[[\d;]*m/g, '');
    expect(characters).toHaveLength(columns);
    for (const [column, character] of Array.from(characters).entries()) {
      for (const half of [0, 1]) {
        const isDrawn = character === '█' || character === (half === 0 ? '▀' : '▄');
        if (isDrawn === colors) paint(pixels, size, column, row * 2 + half);
      }
    }
  }
  return jsQR.default(pixels, size, size)?.data;
}

/** Paints one dark module. */
function paint(pixels: Uint8ClampedArray, size: number, column: number, row: number): void {
  for (let y = row * SCALE; y < (row + 1) * SCALE && y < size; y++) {
    for (let x = column * SCALE; x < (column + 1) * SCALE; x++) {
      pixels.fill(0, (y * size + x) * 4, (y * size + x) * 4 + 3);
    }
  }
}

const SCALE = 4;
