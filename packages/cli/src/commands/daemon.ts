/**
 * `runDaemon`: `litz IFNAME`, an interface that `wg` configures.
 *
 * As wireguard-go: the interface is made down, with MTU 1420 and no address, and whoever wants it
 * configures it. It ends with a signal, with the interface, or with its UAPI socket.
 *
 * @module
 */
import { aborted } from '../end-signals.ts';
import { Failure } from '../failure.ts';
import { checkInterfaceName } from '../interface-name.ts';
import { logLevel } from '../log.ts';
import { ServedDevice } from '../served-device.ts';

export interface DaemonOptions {
  /** LOG_LEVEL and wireguard-go's others. */
  readonly env: NodeJS.ProcessEnv;
  /** Ends the daemon. */
  readonly signal: AbortSignal;
  /** Interface and UAPI socket are there. */
  readonly onReady?: () => void;
}

/**
 * Resolves when it was asked to end and everything is released.
 *
 * @param name of the interface, or with one `%d` for which the kernel chooses the number
 * @throws {Failure | WireGuardError} it could not start
 * @throws {WireGuardError} `ERR_LITZ_WORKER`: the packet loop crashed; everything is released
 */
export async function runDaemon(name: string, options: DaemonOptions): Promise<void> {
  checkInterfaceName(name);
  refuseDescriptors(options.env);
  const level = logLevel(options.env['LOG_LEVEL']);
  const served = await ServedDevice.open(name, { level, socket: 'required' });
  try {
    options.onReady?.();
    await Promise.race([aborted(options.signal), served.ended]);
  } finally {
    await served.close();
  }
  // What it crashed with; a device that was closed has nothing more to say.
  await served.ended;
  served.log.verbose('ended');
}

/** An open TUN of a parent's cannot be taken over: better no daemon than one on another interface. */
function refuseDescriptors(env: NodeJS.ProcessEnv): void {
  for (const variable of ['WG_TUN_FD', 'WG_UAPI_FD']) {
    if (!env[variable]) continue;
    const text = `${variable} is set, but litz takes over no open descriptors: unset ${variable}`;
    throw new Failure(text);
  }
}
