/**
 * `changeMark`: changes the mark of the sockets of both address families. If one of them refuses
 * the new mark, both keep the old one.
 *
 * @module
 */
import type { DatagramSocket } from './io-interfaces.ts';

/** @throws {Error} the kernel refused the mark; the sockets have the mark that they had before */
export function changeMark(
  sockets: DatagramSocket | undefined,
  before: number,
  mark: number,
): void {
  try {
    sockets?.setMark(mark);
  } catch (error) {
    try {
      sockets?.setMark(before);
    } catch {
      // A socket that refused both calls still has the old mark. The first error is the one to
      // report.
    }
    throw error;
  }
}
