/**
 * `NumberedStream`: sends numbered datagrams from one pod to another, and counts the lost
 * datagrams.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Host } from '../../host.ts';

export interface StreamReport {
  readonly sent: number;
  readonly lost: number;
  /** The numbers of the first lost datagrams, at most 20. */
  readonly first: readonly number[];
  readonly longestGapMs: number;
}

export interface StreamOptions {
  readonly port?: number;
  /** Datagrams per second. Default: 1000. */
  readonly rate?: number;
  /** Both processes are killed after this many ms. Default: two minutes. */
  readonly longestMs?: number;
}

export class NumberedStream {
  readonly #sender: Program;
  readonly #receiver: Program;

  static async start(
    from: Host,
    to: Host,
    address: string,
    { port = 7000, rate = 1000, longestMs = 120_000 }: StreamOptions = {},
  ): Promise<NumberedStream> {
    const receiver = new Program(to, ['receive', address, String(port)], longestMs);
    await receiver.says('receives');
    const words = ['send', address, String(port), String(rate)];
    const sender = new Program(from, words, longestMs);
    await sender.says('sends');
    return new NumberedStream(sender, receiver);
  }

  private constructor(sender: Program, receiver: Program) {
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /** Kills both processes. Does nothing to a process that has ended. */
  kill(): void {
    this.#sender.kill();
    this.#receiver.kill();
  }

  async end(): Promise<StreamReport> {
    const { sent } = (await this.#sender.end()) as { sent: number };
    const { received, first, longestGapMs } = (await this.#receiver.end()) as {
      received: number;
      first: number[];
      longestGapMs: number;
    };
    return { sent, lost: sent - received, first, longestGapMs };
  }
}

class Program {
  readonly #child: ChildProcess;
  #text = '';

  constructor(host: Host, words: readonly string[], timeout: number) {
    const script = `${import.meta.dirname}/numbered-stream.mjs`;
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    this.#child = host.namespace.run(() =>
      spawn(process.execPath, [script, ...words], { stdio: [...stdio], timeout }),
    );
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#text += text));
  }

  async says(what: string): Promise<void> {
    while (!this.#text.includes(what)) await once(this.#child.stdout!, 'data');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async end(): Promise<unknown> {
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await ended;
    return JSON.parse(this.#text.trim().split('\n').at(-1) ?? '');
  }
}
