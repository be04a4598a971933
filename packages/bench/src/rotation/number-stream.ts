/**
 * `NumberStream`: sends numbered UDP packets from one end of a tunnel to the other, one per
 * millisecond.
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import { answerIn } from '../child.ts';
import { RunningCommand, until } from '../peers/command.ts';
import type { Gap, StreamReport } from './received-numbers.ts';

export interface StreamOptions {
  /** The namespaces of sender and receiver. */
  readonly from: string;
  readonly to: string;
  /** The address of the receiver inside the tunnel. */
  readonly address: string;
}

/** The result of a stream. The gaps and the series of lost packets are as in `StreamReport`. */
export interface StreamFigures {
  readonly sent: number;
  readonly lost: number;
  readonly longestGapMs: number;
  readonly gaps: readonly Gap[];
  readonly longestRunLost: number;
}

export class NumberStream {
  readonly #sender: RunningCommand;
  readonly #receiver: RunningCommand;

  /** Starts the receiver and then the sender. Resolves when both are ready. */
  static async start({ from, to, address }: StreamOptions): Promise<NumberStream> {
    const words = (direction: string): string[] => [CHILD, direction, address, PORT];
    const receiver = new RunningCommand(process.execPath, words('receive'), { namespace: to });
    await untilReady(receiver);
    const sender = new RunningCommand(process.execPath, words('send'), { namespace: from });
    await untilReady(sender);
    return new NumberStream(sender, receiver);
  }

  private constructor(sender: RunningCommand, receiver: RunningCommand) {
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /** Ends the sender, and then the receiver, after the last packets have arrived. */
  async end(): Promise<StreamFigures> {
    await this.#sender.end();
    await new Promise((resolve) => setTimeout(resolve, LAST_PACKETS_MS));
    await this.#receiver.end();
    const { sent } = answerIn(this.#sender.output, 'the sender') as { sent: number };
    const report = answerIn(this.#receiver.output, 'the receiver') as StreamReport;
    const { received, longestGapMs, gaps, longestRunLost } = report;
    return { sent, lost: sent - received, longestGapMs, gaps, longestRunLost };
  }
}

async function untilReady(command: RunningCommand): Promise<void> {
  const isReady = (): boolean => {
    command.checkAlive();
    return command.output.includes('ready');
  };
  await until(`${command.name}: ready`, isReady, READY_MS);
}

const CHILD = fileURLToPath(new URL('./stream-child.js', import.meta.url));
const PORT = '5210';
/** Time limit in ms; a busy machine takes long to start a program. */
const READY_MS = 30_000;
/** Time in ms within which the last packets arrive. */
const LAST_PACKETS_MS = 500;
