/**
 * `ServiceNotifier`: tells systemd, or another service manager with its protocol (sd_notify(3)),
 * that a daemon is ready, reloads, ends, and is alive.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { NotifySocket } from '@litz/sys';

export interface ServiceNotifierOptions {
  /** `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` of the service manager. */
  readonly env: NodeJS.ProcessEnv;
  /** Called if a message cannot be sent to the manager. The daemon continues. */
  readonly onError: (error: unknown) => void;
  /** Default: the socket that `env` names. */
  readonly open?: (env: NodeJS.ProcessEnv) => Pick<NotifySocket, 'send' | 'close'> | undefined;
}

export class ServiceNotifier {
  readonly #options: ServiceNotifierOptions;
  readonly #socket: Pick<NotifySocket, 'send' | 'close'> | undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #parentTimer: NodeJS.Timeout | undefined = undefined;

  constructor(options: ServiceNotifierOptions) {
    this.#options = options;
    const { env, open = NotifySocket.of.bind(NotifySocket) } = options;
    // If there is no service manager, there is no socket, and the FFI is not needed.
    this.#socket = env['NOTIFY_SOCKET'] ? this.#try(() => open(env)) : undefined;
  }

  /** Tells the manager that the daemon works. @param status one line for `systemctl status` */
  ready(status: string): void {
    this.#send(`READY=1\nSTATUS=${status}`);
  }

  /**
   * Tells the manager that this process is the daemon. Called when this process has taken the place
   * of another process, or when the process that should have replaced this process has ended.
   */
  claimPlace(): void {
    this.#send(`MAINPID=${process.pid}\nREADY=1`);
  }

  /**
   * Claims the place again when `parent`, the process that has started this one, has ended. Then
   * the manager is the parent of this process.
   *
   * While systemd believes that it is not the parent of the main process, `systemctl stop` does not
   * wait for the main process: SIGKILL follows SIGTERM at once (`unit_kill_context` in systemd's
   * src/core/unit.c). systemd checks the parent only when MAINPID changes. So MAINPID names some
   * other process for a moment.
   *
   * @param parentNow returns the parent of this process
   */
  claimPlaceAfter(parent: number, parentNow: () => number = () => process.ppid): void {
    if (!this.#socket) return;
    this.#parentTimer = setInterval(() => {
      if (parentNow() === parent) return;
      clearInterval(this.#parentTimer);
      const other = spawn('sleep', [OTHER_SECONDS], { stdio: 'ignore' });
      other.once('error', this.#options.onError).once('spawn', () => {
        this.#send(`MAINPID=${other.pid}`);
        this.#send(`MAINPID=${process.pid}`);
      });
      other.unref();
    }, PARENT_POLL_MS);
    this.#parentTimer.unref();
  }

  /** Tells the manager that a reload begins. `ready` must follow when the reload has ended. */
  reloading(): void {
    const microseconds = process.hrtime.bigint() / 1000n;
    this.#send(`RELOADING=1\nMONOTONIC_USEC=${microseconds}`);
  }

  /** Tells the manager that the daemon begins to end. */
  stopping(): void {
    this.#stopWatchdog();
    this.#send('STOPPING=1');
  }

  /**
   * If the manager has a watchdog, tells it twice in each interval that the daemon is alive.
   *
   * @param isAlive resolves if the daemon works. While its promise is pending, or if the promise
   *   rejects, the manager is told nothing. If the manager is told nothing for a whole interval, it
   *   restarts the daemon
   */
  watch(isAlive: () => Promise<unknown>): void {
    const interval = watchdogInterval(this.#options.env);
    if (!this.#socket || interval === undefined) return;
    let isAsking = false;
    const ask = async (): Promise<void> => {
      if (isAsking) return;
      isAsking = true;
      try {
        await isAlive();
        if (this.#timer) this.#send('WATCHDOG=1');
      } catch {
        // The manager is told nothing. The next tick asks again.
      } finally {
        isAsking = false;
      }
    };
    this.#timer = setInterval(() => void ask(), interval / 2);
    this.#timer.unref();
  }

  /** May be called several times. */
  close(): void {
    this.#stopWatchdog();
    clearInterval(this.#parentTimer);
    this.#socket?.close();
  }

  #stopWatchdog(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #send(message: string): void {
    this.#try(() => this.#socket?.send(message));
  }

  #try<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      this.#options.onError(error);
      return undefined;
    }
  }
}

/**
 * Returns the interval of the watchdog in ms; undefined: this process has none (see
 * sd_watchdog_enabled(3)).
 */
export function watchdogInterval(
  env: NodeJS.ProcessEnv,
  pid: number = process.pid,
): number | undefined {
  const { WATCHDOG_USEC: usec = '', WATCHDOG_PID: owner } = env;
  if (owner !== undefined && owner !== String(pid)) return undefined;
  if (!/^\d{1,15}$/.test(usec) || Number(usec) === 0) return undefined;
  return Number(usec) / 1000;
}

const PARENT_POLL_MS = 50;
/**
 * How many seconds the other process of `claimPlaceAfter` lives: until the manager has surely read
 * its process ID.
 */
const OTHER_SECONDS = '5';
