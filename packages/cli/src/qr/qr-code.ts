/**
 * `qrCode`: a QR code (ISO/IEC 18004) for a terminal, two modules (squares) in each character.
 *
 * @module
 */
import { encode } from 'uqr';
import { Failure } from '../failure.ts';

/** A code, line by line. */
export interface QrCode {
  readonly lines: readonly string[];
  /** Characters in each line. */
  readonly columns: number;
}

/**
 * Returns the code. If there are colours, the code is black on white on every terminal. If there
 * are none, the light modules are drawn, because most terminals are dark.
 *
 * @throws {Failure} the text is too long
 */
export function qrCode(text: string, options: { readonly colors: boolean }): QrCode {
  const bytes = Buffer.byteLength(text);
  if (bytes > MOST_BYTES) {
    throw new Failure(
      `the file has ${bytes} bytes for the code, and a QR code holds at most ${MOST_BYTES}: give this device fewer peers, or fewer AllowedIPs`,
    );
  }
  const { data, size } = encode(text, { ecc: 'L', border: QUIET });
  const lines: string[] = [];
  for (let row = 0; row < size; row += 2) {
    const characters = data[row]!.map((upper, column) => {
      // If the number of rows is odd, a light row is added below the last one.
      const lower = data[row + 1]?.[column] ?? false;
      return options.colors ? HALVES[+upper]![+lower]! : HALVES[+!upper]![+!lower]!;
    }).join('');
    lines.push(options.colors ? `${BLACK_ON_WHITE}${characters}${RESET}` : characters);
  }
  return { lines, columns: size };
}

/** `HALVES[upper][lower]`: each index is 1 if that module is drawn, and 0 if it is not. */
const HALVES: readonly (readonly string[])[] = [
  [' ', '▄'],
  ['▀', '█'],
];
/** How many bytes the largest code holds, with the least error correction: version 40-L. */
const MOST_BYTES = 2953;
/** The width of the light border around the code, in modules. */
const QUIET = 2;
/** The colours 16 and 231 of 256. A theme of the terminal may change only the colours 0 to 15. */
const BLACK_ON_WHITE = '\x1b[38;5;16;48;5;231m';
const RESET = '\x1b[0m';
