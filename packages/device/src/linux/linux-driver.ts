/**
 * `LinuxDriver`: the main thread's side of a packet loop that runs in a thread of its own.
 *
 * A Node.js process cannot end while one of its threads sleeps in poll. So when the process is
 * about to end (event 'exit'), this class sets the stop flag and writes to the eventfd, which wakes
 * the thread.
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
import { CipherWorkers } from './cipher-workers.ts';
import { packPrefixes } from './packed-prefixes.ts';
import { packSecrets } from './secret-buffer.ts';
import { ThreadControl } from './thread-control.ts';
import { threadFile } from './thread-file.ts';
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
  readonly #control: ThreadControl = new ThreadControl();
  readonly #port: MessagePort;
  readonly #worker: Worker;
  readonly #ciphers: CipherWorkers;
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
  /**
   * The class `SystemError`, which is loaded while the thread starts. Messages of the thread are
   * read only after that.
   */
  #systemError: SystemErrorClass | undefined = undefined;

  /**
   * Opens a device. The thread is started before this function returns, because a new thread is in
   * the network namespace that its parent is in at that moment.
   *
   * @param takesOver if given, the device rests, and an `adopt` request must follow
   * @throws {WireGuardError} (rejects) the device could not be opened
   */
  static async open(
    tunName: string,
    settings: CommonSettings,
    listener: DriverListener,
    takesOver?: WorkerStart['takesOver'],
  ): Promise<LinuxDriver> {
    const driver = new LinuxDriver(tunName, settings, listener, takesOver);
    await driver.#opened.promise;
    return driver;
  }

  private constructor(
    tunName: string,
    settings: CommonSettings,
    listener: DriverListener,
    takesOver: WorkerStart['takesOver'],
  ) {
    this.#name = tunName;
    this.#listener = listener;
    this.#ciphers = new CipherWorkers((error) => {
      const text = `a thread that seals packets of ${this.#name} ended: ${error.message}; the device goes on with one less`;
      listener.error(new Error(text, { cause: error }));
    });
    this.#opened = promiseWithResolvers();
    this.#ended = promiseWithResolvers();
    const { port1, port2 } = new MessageChannel();
    const file = threadFile('linux-worker');
    const { value: configuration, buffer: secrets } = packSecrets(
      packPrefixes(settings.configuration),
    );
    this.#port = port1;
    const start: WorkerStart = {
      control: this.#control.memory,
      port: port2,
      tunName,
      isNested: !isMainThread,
      settings: { ...settings, configuration },
      ...(takesOver && { takesOver }),
      secrets,
    };
    this.#worker = new Worker(file, {
      name: `litz ${tunName}`,
      workerData: start,
      transferList: [port2, secrets],
      // The loaders and export conditions of this process are for source files, but the thread runs
      // built files.
      execArgv: [],
      // The loop makes almost no garbage. A larger young generation would only cost memory.
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const loaded = this.#loadErrors().then(() => {
      port1.on('message', (message: WorkerMessage) => this.#receive(message));
    });
    this.#worker.on('error', (error) => (this.#failure ??= error));
    this.#worker.on('exit', (code) => void loaded.then(() => this.#end(code)));
    stopAtExit(this.#control);
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
    if (this.#hasEnded || this.#control.isStopped) return Promise.reject(closedError(this.#name));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      postRequest(this.#port, id, request);
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
      this.#control.wake();
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
    if (!this.#hasEnded) this.#control.stop();
    await this.#ended.promise;
  }

  async #loadErrors(): Promise<void> {
    try {
      this.#systemError = (await import('@litz/sys')).SystemError;
    } catch {
      // The thread needs the package too, and reports why the package cannot be loaded.
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
      case 'thread':
        this.#ciphers.start(message.start);
        break;
      case 'captured':
        this.#listener.captured(message.id);
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

  /** The thread has ended. */
  #end(code: number): void {
    // The last messages of the thread can arrive after its 'exit' event.
    for (const message of queuedMessages<WorkerMessage>(this.#port)) this.#receive(message);
    this.#port.close();
    if (code !== 0) this.#failure ??= new Error(`the thread exited with code ${code}`);
    this.#hasEnded = true;
    void this.#ciphers.close();
    doNotStopAtExit(this.#control);
    this.#control.closeDescriptors();
    for (const { reject } of this.#waiting.values()) reject(closedError(this.#name));
    this.#waiting.clear();
    if (!this.#isOpen) {
      this.#ended.resolve();
      this.#opened.reject(this.#failure ?? closedError(this.#name));
      return;
    }
    // `open` may have resolved just now. Its caller must run before `closed` is called.
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

/** Promise.withResolvers does not exist in Node.js 20. */
function promiseWithResolvers(): PromiseWithResolvers {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((...functions) => ([resolve, reject] = functions));
  return { promise, resolve, reject };
}

const running = new Set<ThreadControl>();

function stopAtExit(control: ThreadControl): void {
  if (running.size === 0) process.on('exit', stopAll);
  running.add(control);
}

function doNotStopAtExit(control: ThreadControl): void {
  running.delete(control);
  if (running.size === 0) process.off('exit', stopAll);
}

function stopAll(): void {
  for (const control of running) control.stop();
}

const WARNING = { code: 'LITZ_CRYPTO' };
