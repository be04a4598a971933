/**
 * `runDaemon`: runs `litz IFNAME`, an interface that `wg` configures.
 *
 * It works like wireguard-go: the new interface is down, with MTU 1420 and no address, and other
 * programs configure it. The daemon ends at a signal, when the interface or its UAPI socket is
 * removed, or when a new process has taken its place. If that process is in another container,
 * the daemon waits for a signal before it ends (`waitForEnd`).
 *
 * @module
 */
import { IN_BACKGROUND } from './background.ts';
import { closeAll } from '../close-all.ts';
import { aborted } from '../end-signals.ts';
import { Failure } from '../failure.ts';
import { FollowedNames } from '../followed-names.ts';
import { checkInterfaceName } from '../interface-name.ts';
import { logLevel } from '../log.ts';
import type { MetricsAddress } from '../metrics/metrics-address.ts';
import { openMetrics, type MetricsServer } from '../metrics/metrics-server.ts';
import { ServedDevice } from '../served-device.ts';
import { ReadyFile } from '../service/ready-file.ts';
import { ServiceNotifier } from '../service/service-notifier.ts';
import { DaemonControl } from '../upgrade/daemon-control.ts';
import { HAND_OVER } from '../upgrade/successor-process.ts';
import { takeOver, takePlace } from '../upgrade/take-place.ts';
import { Upgrades } from '../upgrade/upgrades.ts';
import { waitForEnd } from '../upgrade/wait-for-end.ts';

export interface DaemonOptions {
  /** The environment: the variables of wireguard-go, of the service manager and of an upgrade. */
  readonly env: NodeJS.ProcessEnv;
  /** Ends the daemon. */
  readonly signal: AbortSignal;
  /** Whether the interface stays when the daemon is killed. Default false. */
  readonly persist?: boolean;
  /** Where metrics are served. Default: nowhere. */
  readonly metrics?: MetricsAddress | undefined;
  /** The names of endpoints that peers get when they are added, `KEY=HOST:PORT`. Default: none. */
  readonly names?: readonly string[] | undefined;
  /** Whether to take the place of a running daemon, and to give it to others. Default false. */
  readonly takeOver?: boolean;
  /** A file that exists while the daemon serves its interface. Default: none. */
  readonly readyFile?: string | undefined;
  /** Called when the interface and the UAPI socket exist. */
  readonly onReady?: () => void;
}

/**
 * Resolves when the daemon was asked to end and everything is released, or when a new process has
 * taken its place.
 *
 * @param name the name of the interface; the kernel replaces a `%d` in the name by a number
 * @throws {Failure | WireGuardError} the daemon could not start
 * @throws {WireGuardError} `ERR_LITZ_WORKER`: the packet loop crashed; everything is released
 */
export async function runDaemon(name: string, options: DaemonOptions): Promise<void> {
  checkInterfaceName(name);
  refuseDescriptors(options.env);
  const parent = process.ppid;
  const { [HAND_OVER]: socket, ...ownEnv } = options.env;
  const isChild = socket !== undefined;
  const ready = options.readyFile === undefined ? undefined : new ReadyFile(options.readyFile);
  if (!isChild) ready?.forgetEarlier();
  const { served, isSuccessor } = await openServed(name, options, socket, ownEnv);
  let metrics: MetricsServer | undefined;
  const notifier = new ServiceNotifier({
    env: ownEnv,
    onError: (error) => served.log.error((error as Error).message),
  });
  const upgrades = new Upgrades(served, {
    env: ownEnv,
    onFailed: () => notifier.claimPlace(),
    takeOver: options.takeOver === true,
  });
  const control = await DaemonControl.open(served, upgrades);
  try {
    metrics = await openMetricsOf(served, options.metrics, isSuccessor);
    options.onReady?.();
    showReady(served, ready);
    notifier.ready(`serves ${served.device.name}`);
    if (isChild) notifier.claimPlaceAfter(parent);
    // The packet loop, which has a thread of its own, must answer too.
    notifier.watch(() => served.device.stats());
    await Promise.race([aborted(options.signal), served.ended, upgrades.replaced]);
    await upgrades.cancel();
    if (!upgrades.isReplaced) notifier.stopping();
  } finally {
    await closeAll(
      () => ready?.close(),
      () => control.close(),
      () => metrics?.close(),
      () => served.close(),
      () => notifier.close(),
    );
  }
  // Throws the error of a crash. Returns at once if the device was closed.
  await served.ended;
  const { device, log } = served;
  if (upgrades.isTakenOver && ownEnv[IN_BACKGROUND] !== '1') {
    await waitForEnd(device.name, options.signal, (line) => log.error(line));
  }
  log.verbose('ended');
}

/** Opens the device, or takes it over from another process. */
async function openServed(
  name: string,
  { env, signal, names: given, persist = false, takeOver: takesOver = false }: DaemonOptions,
  socket: string | undefined,
  ownEnv: NodeJS.ProcessEnv,
): Promise<{ served: ServedDevice; isSuccessor: boolean }> {
  const level = logLevel(env['LOG_LEVEL']);
  const names = new FollowedNames(given);
  const options = { level, persist, env: ownEnv, names, signal };
  const taken =
    socket === undefined
      ? takesOver && (await takeOver(name, options))
      : await takePlace(socket, { ...options, isChild: true });
  if (taken) return { served: taken, isSuccessor: true };
  const served = await ServedDevice.open(name, { level, socket: 'required', persist, names });
  return { served, isSuccessor: false };
}

/** A failure is only logged, because the tunnel matters more than the file. */
function showReady({ log }: ServedDevice, ready: ReadyFile | undefined): void {
  try {
    ready?.show();
  } catch (error) {
    log.error(`--ready-file: ${(error as Error).message}`);
  }
}

/**
 * Starts the server of metrics. If this process is the successor in an upgrade, a failure is only
 * logged, because the tunnel matters more than its metrics.
 *
 * @throws {Failure} (rejects) this process is not a successor, and cannot listen at the address
 */
async function openMetricsOf(
  served: ServedDevice,
  address: MetricsAddress | undefined,
  isSuccessor: boolean,
): Promise<MetricsServer | undefined> {
  if (address === undefined) return undefined;
  try {
    // The old process has the address until it ends, so this process tries again for some time.
    const metrics = await openMetrics(address, served, isSuccessor ? LONGEST_END_MS : 0);
    served.log.verbose(`serves /metrics on ${metrics.address}`);
    return metrics;
  } catch (error) {
    if (!isSuccessor) throw error;
    served.log.error((error as Error).message);
    return undefined;
  }
}

/**
 * Refuses to start if the parent process passes an open TUN or UAPI socket. Litz cannot use them,
 * and would make an interface that the parent does not expect.
 */
function refuseDescriptors(env: NodeJS.ProcessEnv): void {
  for (const variable of ['WG_TUN_FD', 'WG_UAPI_FD']) {
    if (!env[variable]) continue;
    const text = `${variable} is set, but litz cannot use an open descriptor of its parent: unset ${variable}`;
    throw new Failure(text);
  }
}

/** How long the old process of an upgrade may take until it has closed everything, in ms. */
const LONGEST_END_MS = 5000;
