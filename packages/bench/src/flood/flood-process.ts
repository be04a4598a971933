/**
 * `FloodProcess`: a program that floods the server, in the namespace of the flooder.
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import type { PublicKey } from '@litz/core';
import type { FloodKind } from '@litz/testkit';
import { answerIn } from '../child.ts';
import { RunningCommand, until } from '../peers/command.ts';
import type { FloodReport } from './flood-child.ts';

/** One flood, from `start` to `end`. */
export class FloodProcess {
  readonly #child: RunningCommand;

  /**
   * Starts a flood. Resolves when messages are being sent.
   *
   * @param perSecond messages per second; Infinity: as many as possible
   * @throws {Error} (rejects) the program failed
   */
  static async start(
    namespace: string,
    kind: FloodKind,
    perSecond: number,
    server: PublicKey,
  ): Promise<FloodProcess> {
    const args = [CHILD, kind, String(perSecond), server.toBase64()];
    const child = new RunningCommand(process.execPath, args, { namespace });
    const isReady = (): boolean => {
      child.checkAlive();
      return child.output.includes('ready');
    };
    await until('the flood: ready', isReady, READY_MS);
    return new FloodProcess(child);
  }

  private constructor(child: RunningCommand) {
    this.#child = child;
  }

  /** Ends the flood. Returns how many messages were sent per second. */
  async end(): Promise<number> {
    await this.#child.end();
    const { messages, seconds } = answerIn(this.#child.output, 'the flood') as FloodReport;
    return messages / seconds;
  }
}

const CHILD = fileURLToPath(new URL('./flood-child.js', import.meta.url));
/** Time limit in ms; a busy machine takes long to start a program. */
const READY_MS = 30_000;
