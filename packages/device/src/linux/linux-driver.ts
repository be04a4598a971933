/**
 * `LinuxDriver`: the main thread's side of a packet loop that runs in a thread of its own.
 *
 * A Node.js process cannot end while one of its threads sleeps in poll. So when the process is
 * about to end (event 'exit'), this class sets the stop flag and writes to the eventfd, which wakes
 * the thread.
 *
 * @module
 */
import { isMainThread } from 'node:worker_threads';
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
import { PacketThread } from './packet-thread.ts';
import { packSecrets } from './secret-buffer.ts';
import type { ThreadControl } from './thread-control.ts';
import {
  fromErrorMessage,
  post,
  postRequest,
  queuedMessages,
  reviveAnswer,
  reviveEvent,
  type SystemErrorClass,
  type WorkerMessage,
  type WorkerStart,
} from './worker-messages.ts';

export class LinuxDriver implements Driver {
  readonly #thread: PacketThread;
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
   * Opens a device. A new thread is in the network namespace that its parent is in at the moment of
   * the start. So this function starts the thread before its first `await`, unless
   * `PacketThread.startEarly` has already started it.
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
      const text = `a thread that seals packets of ${this.#name} ended: ${error.message}; the device goes on with one fewer`;
      listener.error(new Error(text, { cause: error }));
    });
    this.#opened = promiseWithResolvers();
    this.#ended = promiseWithResolvers();
    this.#thread = PacketThread.take(tunName);
    const { value: configuration, buffer: secrets } = packSecrets(
      packPrefixes(settings.configuration),
    );
    const start: WorkerStart = {
      tunName,
      isNested: !isMainThread,
      settings: { ...settings, configuration },
      ...(takesOver && { takesOver }),
      secrets,
    };
    const { port, ended } = this.#thread;
    post(port, start, secrets);
    const loaded = this.#loadErrors().then(() => {
      port.on('message', (message: WorkerMessage) => this.#receive(message));
    });
    void ended.then(async (failure) => {
      await loaded;
      this.#end(failure);
    });
    stopAtExit(this.#thread.control);
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
    if (this.#hasEnded || this.#thread.control.isStopped)
      return Promise.reject(closedError(this.#name));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      postRequest(this.#thread.port, id, request);
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
      this.#thread.control.wake();
    });
  }

  ref(): void {
    this.#thread.worker.ref();
    this.#thread.port.ref();
  }

  unref(): void {
    this.#thread.worker.unref();
    this.#thread.port.unref();
  }

  async close(): Promise<void> {
    if (!this.#hasEnded) this.#thread.control.stop();
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
  #end(failure: Error | undefined): void {
    // The last messages of the thread can arrive after its 'exit' event.
    for (const message of queuedMessages<WorkerMessage>(this.#thread.port)) this.#receive(message);
    this.#thread.port.close();
    this.#failure ??= failure;
    this.#hasEnded = true;
    void this.#ciphers.close();
    doNotStopAtExit(this.#thread.control);
    this.#thread.control.closeDescriptors();
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
