/**
 * `Upgrades`: replaces a running daemon by a new process without losing a packet.
 *
 * The daemon starts the new process, which connects to a socket in the daemon's folder. Only the
 * process that the daemon has started is accepted. `giveDevice` says what happens then.
 *
 * @module
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { giveDevice, UapiServer } from '@litz/device';
import { UnixListener, type PeerProcess, type UnixChannel } from '@litz/sys';
import { Failure } from '../failure.ts';
import type { ServedDevice } from '../served-device.ts';
import { daemonFolder } from './daemon-folder.ts';
import { SuccessorProcess } from './successor-process.ts';

export interface UpgradesOptions {
  readonly env: NodeJS.ProcessEnv;
  /**
   * Called when an upgrade has failed. The new process may have told the service manager that it is
   * the daemon, so this process must claim its place again.
   */
  readonly onFailed: () => void;
}

export class Upgrades {
  readonly #served: ServedDevice;
  readonly #options: UpgradesOptions;
  #successor: SuccessorProcess | undefined = undefined;
  #inProgress: Promise<string> | undefined = undefined;
  #isReplaced = false;
  #onReplaced!: () => void;
  /** Resolves when another process has the device, and this one should end. */
  readonly replaced: Promise<void> = new Promise((resolve) => (this.#onReplaced = resolve));

  constructor(served: ServedDevice, options: UpgradesOptions) {
    this.#served = served;
    this.#options = options;
  }

  /** Whether another process has the device. */
  get isReplaced(): boolean {
    return this.#isReplaced;
  }

  /**
   * Starts a new process and hands the device over.
   *
   * @returns a line for the user
   * @throws {Failure} (rejects) this process goes on, and the message says why
   */
  async run(): Promise<string> {
    if (this.#inProgress || this.#isReplaced) throw new Failure('an upgrade is in progress');
    this.#inProgress = this.#run();
    try {
      return await this.#inProgress;
    } finally {
      this.#inProgress = undefined;
    }
  }

  /** Ends an upgrade that is in progress, because the daemon is to end. */
  async cancel(): Promise<void> {
    const successor = this.#successor;
    await successor?.kill();
    await this.#inProgress?.catch(() => {});
    if (!this.#isReplaced || successor?.isKilled !== true) return;
    // The new process was killed when it had just got the device. So this process removes the UAPI
    // socket, which the new process would have removed at its end.
    this.#isReplaced = false;
    rmSync(UapiServer.path(this.#served.device.name), { force: true });
  }

  async #run(): Promise<string> {
    const { device, log, server } = this.#served;
    const socket = join(daemonFolder(device.name), 'hand-over');
    const listener = listenAt(socket);
    const successor = new SuccessorProcess({ socket, env: this.#options.env });
    this.#successor = successor;
    try {
      const channel = await this.#accept(listener, successor);
      const restedMs = await giveDevice(device, { channel, successor, server });
      this.#isReplaced = true;
      successor.detach();
      this.#onReplaced();
      const line = `process ${successor.pid} has ${device.name}; nothing was read or sent for ${restedMs.toFixed(1)} ms`;
      log.verbose(line);
      return line;
    } catch (error) {
      await successor.kill();
      this.#options.onFailed();
      const isOwnEnd = !successor.isKilled && !(error instanceof WrongProcess);
      const why = isOwnEnd ? successor.end : (error as Error).message;
      throw new Failure(`${FAILED}: ${why}`, { cause: error });
    } finally {
      this.#successor = undefined;
      closeQuietly(listener);
    }
  }

  /** Resolves when the process that was started has connected. */
  async #accept(listener: UnixListener, successor: SuccessorProcess): Promise<UnixChannel> {
    const end = performance.now() + LONGEST_START_MS;
    const uid = process.geteuid!();
    let other: PeerProcess | undefined;
    while (performance.now() < end) {
      const channel = listener.accept();
      if (channel && channel.peer.pid === successor.pid && channel.peer.uid === uid) return channel;
      other = channel?.peer ?? other;
      channel?.close();
      const failure = successor.end;
      if (failure !== undefined && other !== undefined)
        throw new WrongProcess(other, successor.pid);
      if (failure !== undefined) throw new Failure(failure);
      await sleep(POLL_MS);
    }
    if (other !== undefined) throw new WrongProcess(other, successor.pid);
    throw new Failure(`it did not ask for the device within ${LONGEST_START_MS / 1000} s`);
  }
}

/** @throws {Failure} /run is full or read-only, or no descriptor is left */
function listenAt(path: string): UnixListener {
  try {
    rmSync(path, { force: true });
    return new UnixListener(path);
  } catch (error) {
    throw new Failure(`${FAILED}: ${(error as Error).message}`, { cause: error });
  }
}

function closeQuietly(listener: UnixListener): void {
  try {
    listener.close();
  } catch {
    // /run has become read-only. The next upgrade removes the file.
  }
}

/**
 * Another process than the expected one has connected, for instance because a script has started
 * Litz and waits for it, or the expected process of another user.
 */
class WrongProcess extends Failure {
  constructor({ pid, uid }: PeerProcess, expected: number) {
    const advice = 'a script in LITZ_UPGRADE_EXEC must start litz with exec';
    super(
      pid === expected
        ? `process ${pid} asked for the device as user ${uid}, but the daemon is user ${process.geteuid!()}`
        : `process ${pid} asked for the device, but the daemon has started process ${expected}: ${advice}`,
    );
  }
}

const FAILED = 'the upgrade failed, and the old process goes on';
const POLL_MS = 5;
/** A start of Node.js takes less than a second, and longer on a busy machine. */
const LONGEST_START_MS = 30_000;
