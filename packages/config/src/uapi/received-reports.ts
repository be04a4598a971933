/**
 * `ReceivedReports`: splits the bytes of the answer to `litz_changes` into reports. An empty line
 * ends each report.
 *
 * @module
 */

export class ReceivedReports {
  readonly #maxLength: number;
  /**
   * Pieces of the incomplete report. They are joined once, so that a long report is not copied
   * again for each piece.
   */
  #pieces: string[] = [];
  #length = 0;

  /** @param maxLength longest report in bytes */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Whether the incomplete report is longer than allowed. */
  get isTooLong(): boolean {
    return this.#length > this.#maxLength;
  }

  /**
   * Returns the reports that these bytes complete, without the empty line and the line feed before
   * it.
   */
  push(bytes: Buffer): string[] {
    const text = bytes.toString('latin1');
    const endsLine = this.#pieces.at(-1)?.endsWith('\n') === true;
    this.#pieces.push(text);
    this.#length += text.length;
    if (!text.includes('\n\n') && !(endsLine && text.startsWith('\n'))) return [];
    const reports = this.#pieces.join('').split('\n\n');
    const rest = reports.pop() ?? '';
    this.#pieces = rest === '' ? [] : [rest];
    this.#length = rest.length;
    return reports;
  }
}
