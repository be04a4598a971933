/**
 * `runDaemon`: runs `litz IFNAME`, an interface that `wg` configures.
 *
 * It works like wireguard-go: the new interface is down, with MTU 1420 and no address, and other
 * programs configure it. The daemon ends at a signal, or when the interface or its UAPI socket is
 * removed.
 *
 * @module
 */
import { aborted } from '../end-signals.ts';
import { Failure } from '../failure.ts';
import { checkInterfaceName } from '../interface-name.ts';
import { logLevel } from '../log.ts';
import { ServedDevice } from '../served-device.ts';
import { ServiceManager } from '../service/service-manager.ts';

export interface DaemonOptions {
  /** The environment: LOG_LEVEL and the other variables of wireguard-go. */
  readonly env: NodeJS.ProcessEnv;
  /** Ends the daemon. */
  readonly signal: AbortSignal;
  /** Called when the interface and the UAPI socket exist. */
  readonly onReady?: () => void;
}

/**
 * Resolves when the daemon was asked to end and everything is released.
 *
 * @param name the name of the interface; the kernel replaces a `%d` in the name by a number
 * @throws {Failure | WireGuardError} the daemon could not start
 * @throws {WireGuardError} `ERR_LITZ_WORKER`: the packet loop crashed; everything is released
 */
export async function runDaemon(name: string, options: DaemonOptions): Promise<void> {
  checkInterfaceName(name);
  refuseDescriptors(options.env);
  const level = logLevel(options.env['LOG_LEVEL']);
  const served = await ServedDevice.open(name, { level, socket: 'required' });
  const manager = new ServiceManager({
    env: options.env,
    onError: (error) => served.log.error((error as Error).message),
  });
  try {
    options.onReady?.();
    manager.ready(`serves ${served.device.name}`);
    // The packet loop, which has a thread of its own, must answer too.
    manager.watch(() => served.device.stats());
    await Promise.race([aborted(options.signal), served.ended]);
    manager.stopping();
  } finally {
    await served.close();
    manager.close();
  }
  // Throws the error of a crash. Returns at once if the device was closed.
  await served.ended;
  served.log.verbose('ended');
}

/**
 * Litz cannot use an open TUN of its parent process. This function refuses to start, because the
 * daemon would make another interface than the parent expects.
 */
function refuseDescriptors(env: NodeJS.ProcessEnv): void {
  for (const variable of ['WG_TUN_FD', 'WG_UAPI_FD']) {
    if (!env[variable]) continue;
    const text = `${variable} is set, but litz cannot use an open descriptor of its parent: unset ${variable}`;
    throw new Failure(text);
  }
}
