/**
 * `takePlace`: a new process takes the place of a running daemon. The daemon has started it, or
 * another program has (`takeOver`).
 *
 * @module
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { takeDevice, type TakenDevice } from '@litz/device';
import { UnixChannel } from '@litz/sys';
import { Failure } from '../failure.ts';
import { ServedDevice, type ServedDeviceOptions } from '../served-device.ts';
import { ServiceNotifier } from '../service/service-notifier.ts';
import { askTunnel } from '../tunnel/control.ts';
import { versionOfLitz } from '../version.ts';
import { daemonFolder, handOverSocket } from './daemon-folder.ts';
import { inheritStderr } from './successor-process.ts';

interface TakeOptions extends Pick<ServedDeviceOptions, 'level' | 'names'> {
  readonly persist: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** Ends this process. The old process then goes on. */
  readonly signal: AbortSignal;
  /** Whether the running daemon has started this process. */
  readonly isChild: boolean;
}

/**
 * Takes the place of the daemon of an interface, if one runs.
 *
 * @returns the device, which runs in this process; undefined: no daemon runs
 * @throws {Failure} (rejects) a daemon runs and goes on; the message says why and what to do
 */
export async function takeOver(
  name: string,
  options: Omit<TakeOptions, 'isChild'>,
): Promise<ServedDevice | undefined> {
  if (name.includes('%')) {
    throw new Failure('--take-over needs the name of one interface', { exitCode: 2 });
  }
  try {
    const answer = await askTunnel(name, { do: 'take-over' }, () => {}, daemonFolder(name));
    if (answer !== 'done') return undefined;
    return await takePlace(handOverSocket(name), { ...options, isChild: false });
  } catch (error) {
    const why = (error as Error).message;
    throw new Failure(
      `cannot take ${name} over from the running daemon: ${why}. To replace it all the same, end it first`,
      { cause: error },
    );
  }
}

/**
 * Returns the device, which runs in this process.
 *
 * @param socket where the old process waits
 * @throws {Failure | Error} the old process goes on
 */
export async function takePlace(socket: string, options: TakeOptions): Promise<ServedDevice> {
  const channel = UnixChannel.connect(socket);
  if (channel.peer.uid !== process.geteuid!()) {
    channel.close();
    throw new Failure(`${socket} belongs to user ${channel.peer.uid}, not to this process's user`);
  }
  const taken = await takeDevice({
    channel,
    version: versionOfLitz(),
    signal: withReason(options.signal),
    warmUp: true,
    persist: options.persist,
  });
  const served = await serve(taken, options);
  // Removes the control socket of the old process, so that this process can make its own at that
  // path. It is not removed earlier, because the old process needs it if the hand-over fails. When
  // the old process ends, it does not remove the socket of another process.
  rmSync(join(daemonFolder(taken.name), `${taken.name}.sock`), { force: true });
  if (!taken.hasSessions) served.log.error('the old process was killed: sessions are made again');
  served.log.verbose(`took ${taken.name} over`);
  return served;
}

/** Returns a signal whose reason the old process can log. */
function withReason(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Failure(ENDED));
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return controller.signal;
}

/** Serves the device, and tells the service manager and the old process that it is served. */
async function serve(
  taken: TakenDevice,
  { level, names, env, signal, isChild }: TakeOptions,
): Promise<ServedDevice> {
  let served: ServedDevice | undefined;
  try {
    // The packets that have waited are processed first. On a small machine, the work below and the
    // end of the old process would take the processor from the packet loop.
    await sleep(FIRST_PACKETS_MS);
    served = await ServedDevice.take(taken, { level, names });
    if (signal.aborted) throw new Failure(ENDED);
    if (isChild) becomeMainProcess(served, env);
    taken.confirm();
    return served;
  } catch (error) {
    // The old process goes on with the interface, its persistence and the socket.
    await served?.leaveSocket();
    await taken.leave(error);
    throw error;
  }
}

/**
 * Uses the stderr of the old process. Tells the service manager that this process is the main
 * process, before the old process ends.
 */
function becomeMainProcess({ log }: ServedDevice, env: NodeJS.ProcessEnv): void {
  inheritStderr();
  const notifier = new ServiceNotifier({
    env,
    onError: (error) => log.error((error as Error).message),
  });
  notifier.claimPlace();
  notifier.close();
}

const ENDED = 'the new process was told to end';
/** After this time, the packet loop has caught up with a stream of 100 Mbit/s. */
const FIRST_PACKETS_MS = 30;
