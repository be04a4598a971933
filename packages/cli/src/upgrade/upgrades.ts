/**
 * `Upgrades`: replaces a running daemon by a new process without losing a packet.
 *
 * The new process connects to a socket in the daemon's folder. There are two ways:
 *
 * - `run`: the daemon starts the new process, and accepts only this process.
 * - `offer`: another program has started the new process, for instance in another container, and
 *   that process has asked to take over. The daemon accepts one process of its own user.
 *
 * `giveDevice` says what happens then.
 *
 * @module
 */
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { giveDevice, UapiServer } from '@litz/device';
import { UnixListener, type PeerProcess, type UnixChannel } from '@litz/sys';
import { describeFailure, Failure } from '../failure.ts';
import type { ServedDevice } from '../served-device.ts';
import { handOverSocket } from './daemon-folder.ts';
import { SuccessorProcess } from './successor-process.ts';

export interface UpgradesOptions {
  readonly env: NodeJS.ProcessEnv;
  /**
   * Called when an upgrade has failed. The new process may have told the service manager that it is
   * the daemon, so this process must claim its place again.
   */
  readonly onFailed: () => void;
  /**
   * Whether a process that this one has not started may take over. Such a process gets the keys of
   * the present sessions, which no other process of this user can read.
   */
  readonly takeOver: boolean;
}

export class Upgrades {
  readonly #served: ServedDevice;
  readonly #options: UpgradesOptions;
  #successor: SuccessorProcess | undefined = undefined;
  #inProgress: Promise<string> | undefined = undefined;
  #cancelled = new AbortController();
  #replacedBy: 'child' | 'other' | undefined = undefined;
  #onReplaced!: () => void;
  /** Resolves when another process has the device, and this one should end. */
  readonly replaced: Promise<void> = new Promise((resolve) => (this.#onReplaced = resolve));

  constructor(served: ServedDevice, options: UpgradesOptions) {
    this.#served = served;
    this.#options = options;
  }

  /** Whether another process has the device. */
  get isReplaced(): boolean {
    return this.#replacedBy !== undefined;
  }

  /** Whether a process that this one has not started has the device. */
  get isTakenOver(): boolean {
    return this.#replacedBy === 'other';
  }

  /**
   * Starts a new process and hands the device over.
   *
   * @returns a line for the user
   * @throws {Failure} (rejects) this process goes on, and the message says why
   */
  async run(): Promise<string> {
    this.#refuseSecond();
    return this.#watch(this.#run());
  }

  /**
   * Waits for a process that takes the device. When this method returns, the process can connect.
   *
   * @throws {Failure} this process goes on, and the message says why
   */
  offer(): void {
    if (!this.#options.takeOver) throw new Failure('it was started without --take-over');
    this.#refuseSecond();
    const { device, log } = this.#served;
    const listener = listenAt(handOverSocket(device.name));
    this.#watch(this.#give(listener)).catch((error: unknown) => log.error(describeFailure(error)));
  }

  /** Ends an upgrade that is in progress, because the daemon is to end. */
  async cancel(): Promise<void> {
    const successor = this.#successor;
    this.#cancelled.abort(new Failure('the daemon is to end'));
    await successor?.kill();
    await this.#inProgress?.catch(() => {});
    if (!this.isReplaced || successor?.isKilled !== true) return;
    // The new process was killed when it had just got the device. So this process removes the UAPI
    // socket, which the new process would have removed at its end.
    this.#replacedBy = undefined;
    rmSync(UapiServer.path(this.#served.device.name), { force: true });
  }

  #refuseSecond(): void {
    if (this.#inProgress || this.isReplaced) throw new Failure('an upgrade is in progress');
  }

  async #watch(handOver: Promise<string>): Promise<string> {
    this.#inProgress = handOver;
    try {
      return await handOver;
    } finally {
      this.#inProgress = undefined;
    }
  }

  /** Hands the device over to the process that connects. */
  async #give(listener: UnixListener): Promise<string> {
    const { device, server } = this.#served;
    const { signal } = this.#cancelled;
    try {
      const channel = await this.#acceptOther(listener);
      const restedMs = await giveDevice(device, { channel, server, signal });
      return this.#leave('other', 'another process', restedMs);
    } catch (error) {
      const why = (error as Error).message;
      throw new Failure(`no process took ${device.name} over, and this one goes on: ${why}`, {
        cause: error,
      });
    } finally {
      closeQuietly(listener);
    }
  }

  /** Notes that another process has the device. Returns a line for the user. */
  #leave(by: 'child' | 'other', who: string, restedMs: number): string {
    const { device, log } = this.#served;
    this.#replacedBy = by;
    this.#onReplaced();
    const line = `${who} has ${device.name}; nothing was read or sent for ${restedMs.toFixed(1)} ms`;
    log.verbose(line);
    return line;
  }

  async #run(): Promise<string> {
    const { device, server } = this.#served;
    const socket = handOverSocket(device.name);
    const listener = listenAt(socket);
    const successor = new SuccessorProcess({ socket, env: this.#options.env });
    this.#successor = successor;
    try {
      const channel = await this.#accept(listener, successor);
      const restedMs = await giveDevice(device, { channel, successor, server });
      successor.detach();
      return this.#leave('child', `process ${successor.pid}`, restedMs);
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

  /**
   * Resolves when a process of this user has connected. Its process ID says nothing, because that
   * process may be in another PID namespace.
   */
  async #acceptOther(listener: UnixListener): Promise<UnixChannel> {
    const { signal } = this.#cancelled;
    const end = performance.now() + LONGEST_START_MS;
    let stranger: number | undefined;
    while (performance.now() < end && !signal.aborted) {
      const channel = listener.accept();
      if (channel?.peer.uid === process.geteuid!()) return channel;
      stranger = channel?.peer.uid ?? stranger;
      channel?.close();
      await sleep(POLL_MS);
    }
    signal.throwIfAborted();
    const who = stranger === undefined ? '' : `; a process of user ${stranger} was refused`;
    throw new Failure(`none connected within ${LONGEST_START_MS / 1000} s${who}`);
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
 * The process that has connected is not the expected one, for instance because a script has started
 * Litz and waits for it. Or it is the expected process, but runs as another user.
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
