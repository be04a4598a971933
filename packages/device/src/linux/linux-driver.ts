/**
 * `LinuxDriver`: the main thread's side of a packet loop in a thread of its own.
 *
 * Whatever asks the process to end must not find that thread asleep in poll: Node would wait for it
 * without end. So every way out sets a flag and writes the eventfd.
 *
 * @module
 */
import { isMainThread, MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import {
  closedError,
  crashError,
  type CryptoStatus,
  type DeviceAnswers,
  type DeviceRequest,
  type Driver,
  type DriverListener,
} from '../driver.ts';
import type { CommonSettings } from '../options.ts';
import { packSecrets } from './secret-buffer.ts';
import { SharedState } from './shared-state.ts';
import {
  fromErrorMessage,
  postRequest,
  queuedMessages,
  reviveAnswer,
  reviveEvent,
  type SystemErrorClass,
  type WorkerMessage,
  type WorkerStart,
} from './worker-messages.ts';

export class LinuxDriver implements Driver {
  readonly #shared: SharedState = new SharedState();
  readonly #port: MessagePort;
  readonly #worker: Worker;
  readonly #listener: DriverListener;
  readonly #waiting: Map<number, Waiting> = new Map();
  readonly #opened: PromiseWithResolvers;
  readonly #ended: PromiseWithResolvers;
  #isOpen = false;
  #name: string;
  #crypto: CryptoStatus = { provider: '', reason: '' };
  #lastId = 0;
  #hasEnded = false;
  /** Why the thread ended. */
  #failure: Error | undefined = undefined;
  /** Loaded while the thread starts; its messages wait until then. */
  #systemError: SystemErrorClass | undefined = undefined;

  /**
   * Starts the thread before it returns: a thread is in the network namespace of the one it was
   * started by, at that moment.
   *
   * @throws {WireGuardError} (rejects) what opening it failed with
   */
  static async open(
    tunName: string,
    settings: CommonSettings,
    listener: DriverListener,
  ): Promise<LinuxDriver> {
    const driver = new LinuxDriver(tunName, settings, listener);
    await driver.#opened.promise;
    return driver;
  }

  private constructor(tunName: string, settings: CommonSettings, listener: DriverListener) {
    this.#name = tunName;
    this.#listener = listener;
    this.#opened = promiseWithResolvers();
    this.#ended = promiseWithResolvers();
    const { port1, port2 } = new MessageChannel();
    const { holder: configuration, buffer: secrets } = packSecrets(settings.configuration);
    this.#port = port1;
    const start: WorkerStart = {
      shared: this.#shared.memory,
      port: port2,
      tunName,
      isNested: !isMainThread,
      settings: { ...settings, configuration },
      secrets,
    };
    this.#worker = new Worker(WORKER_ENTRY, {
      name: `litz ${tunName}`,
      workerData: start,
      transferList: [port2, secrets],
      // Loaders and conditions of this process are for its sources; the thread runs what is built.
      execArgv: [],
      // The loop makes next to no garbage: room for much of it would only be memory of the process.
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const loaded = this.#loadErrors().then(() => {
      port1.on('message', (message: WorkerMessage) => this.#receive(message));
    });
    this.#worker.on('error', (error) => (this.#failure ??= error));
    this.#worker.on('exit', (code) => void loaded.then(() => this.#end(code)));
    stopAtExit(this.#shared);
  }

  get name(): string {
    return this.#name;
  }

  get crypto(): CryptoStatus {
    return this.#crypto;
  }

  request<Type extends DeviceRequest['type']>(
    request: Extract<DeviceRequest, { type: Type }>,
  ): Promise<DeviceAnswers[Type]> {
    if (this.#hasEnded || this.#shared.isStopped) return Promise.reject(closedError(this.#name));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      postRequest(this.#port, id, request);
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
      this.#shared.wake();
    });
  }

  ref(): void {
    this.#worker.ref();
    this.#port.ref();
  }

  unref(): void {
    this.#worker.unref();
    this.#port.unref();
  }

  async close(): Promise<void> {
    if (!this.#hasEnded) this.#shared.stop();
    await this.#ended.promise;
  }

  async #loadErrors(): Promise<void> {
    try {
      this.#systemError = (await import('@litz/sys')).SystemError;
    } catch {
      // The thread needs it too, and says what is missing.
    }
  }

  #receive(message: WorkerMessage): void {
    switch (message.type) {
      case 'open':
        this.#name = message.name;
        this.#crypto = message.crypto;
        for (const warning of message.warnings) process.emitWarning(warning, WARNING);
        this.#isOpen = true;
        this.#opened.resolve();
        break;
      case 'answer':
        this.#take(message.id)?.resolve(reviveAnswer(message.answer, message.secrets));
        break;
      case 'refused':
        this.#take(message.id)?.reject(fromErrorMessage(message.error, this.#systemError));
        break;
      case 'event':
        this.#listener.event(reviveEvent(message.event));
        break;
      case 'error':
        this.#listener.error(fromErrorMessage(message.error, this.#systemError));
        break;
      case 'failed':
        this.#failure = fromErrorMessage(message.error, this.#systemError);
        break;
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  /** The thread is no more. */
  #end(code: number): void {
    // What it said last may come later than its end.
    for (const message of queuedMessages<WorkerMessage>(this.#port)) this.#receive(message);
    this.#port.close();
    if (code !== 0) this.#failure ??= new Error(`the thread exited with code ${code}`);
    this.#hasEnded = true;
    doNotStopAtExit(this.#shared);
    this.#shared.release();
    for (const { reject } of this.#waiting.values()) reject(closedError(this.#name));
    this.#waiting.clear();
    if (!this.#isOpen) {
      this.#ended.resolve();
      this.#opened.reject(this.#failure ?? closedError(this.#name));
      return;
    }
    // It may have been opened just now: whoever waits for that hears of it first.
    setImmediate(() => {
      this.#listener.closed(this.#failure && crashError(this.#name, this.#failure));
      this.#ended.resolve();
    });
  }
}

interface Waiting {
  resolve: (answer: unknown) => void;
  reject: (error: Error) => void;
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Promise.withResolvers is not in Node 20. */
function promiseWithResolvers(): PromiseWithResolvers {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((...functions) => ([resolve, reject] = functions));
  return { promise, resolve, reject };
}

const running = new Set<SharedState>();

function stopAtExit(state: SharedState): void {
  if (running.size === 0) process.on('exit', stopAll);
  running.add(state);
}

function doNotStopAtExit(state: SharedState): void {
  running.delete(state);
  if (running.size === 0) process.off('exit', stopAll);
}

function stopAll(): void {
  for (const state of running) state.stop();
}

const WARNING = { code: 'LITZ_CRYPTO' };

/** Built, also where this file is not: no thread can load a source without a loader. */
const WORKER_ENTRY: URL = import.meta.url.endsWith('.ts')
  ? new URL('../../dist/linux/linux-worker.js', import.meta.url)
  : new URL('linux-worker.js', import.meta.url);
