/**
 * `PacketThread`: starts the thread of a packet loop, for the main thread. `LinuxDriver` then sends
 * a `WorkerStart` to the new thread.
 *
 * A program that will make a device can start the thread before it loads its other modules. Then
 * both threads load their modules at the same time. This entry point itself loads only a few
 * modules. The interface of this entry point may change with every version.
 *
 * @module
 */
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { ThreadControl } from './thread-control.ts';
import { threadFile } from './thread-file.ts';

export type { ThreadControl } from './thread-control.ts';

/** The `workerData` of the thread. */
export interface ThreadData {
  readonly control: SharedArrayBuffer;
  /** All messages go through this port. The first message is the `WorkerStart`. */
  readonly port: MessagePort;
}

export class PacketThread {
  readonly control: ThreadControl = new ThreadControl();
  readonly port: MessagePort;
  readonly worker: Worker;
  /** Resolves when the thread has ended: with the error if the thread has failed. */
  readonly ended: Promise<Error | undefined>;

  /**
   * Starts the thread of the next device. Before `take` is called, the thread does not keep the
   * process alive. The thread gets the present network namespace of the calling thread, and the
   * present environment variables.
   *
   * @param name the name of the interface
   */
  static startEarly(name: string): void {
    early ??= new PacketThread(name);
    early.worker.unref();
  }

  /** Returns the thread that `startEarly` has started. Without such a thread, starts a new one. */
  static take(name: string): PacketThread {
    const thread = early ?? new PacketThread(name);
    early = undefined;
    thread.worker.ref();
    return thread;
  }

  private constructor(name: string) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    const data: ThreadData = { control: this.control.memory, port: port2 };
    this.worker = new Worker(threadFile('linux-worker'), {
      name: `litz ${name}`,
      workerData: data,
      transferList: [port2],
      // The loaders and export conditions of this process are for source files, but the thread runs
      // built files.
      execArgv: [],
      // The loop allocates little garbage. A larger young generation would only cost memory.
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    let failure: Error | undefined;
    this.worker.on('error', (error: Error) => (failure ??= error));
    this.ended = new Promise((resolve) => {
      this.worker.on('exit', (code) => {
        if (code !== 0) failure ??= new Error(`the thread exited with code ${code}`);
        resolve(failure);
      });
    });
  }
}

let early: PacketThread | undefined;
