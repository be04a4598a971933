/**
 * `runDaemon`: `litz IFNAME`, an interface that `wg` configures.
 *
 * As wireguard-go: the interface is made down, with MTU 1420 and no address, and whoever wants it
 * configures it. It ends with a signal, with the interface, or with its UAPI socket.
 *
 * @module
 */
import { Device, UapiServer } from '@litz/device';
import { aborted } from '../end-signals.ts';
import { Failure } from '../failure.ts';
import { checkInterfaceName } from '../interface-name.ts';
import { createLog, logLevel, type Log } from '../log.ts';

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
  const device = await Device.create({ tun: name, up: false });
  const log = createLog(logLevel(options.env['LOG_LEVEL']), device.name);
  const ended = endOf(device, log);
  try {
    log.verbose('interface made');
    log.verbose(`cryptography by ${device.crypto.provider}: ${device.crypto.reason}`);
    await Promise.race([ended, serve(device, log, options)]);
  } finally {
    await device.close();
  }
  // What it crashed with; a device that was closed has nothing more to say.
  await ended;
  log.verbose('ended');
}

/** Serves the UAPI socket until the signal, or until somebody removes it. */
async function serve(device: Device, log: Log, { signal, onReady }: DaemonOptions): Promise<void> {
  let onRemoved!: () => void;
  const removed = new Promise<void>((resolve) => (onRemoved = resolve));
  const closed = new Promise<void>((resolve) => device.once('close', resolve));
  const path = UapiServer.path(device.name);
  const server = await UapiServer.listen(device, { path, onRemoved });
  // Also when this process ends by a mistake of its own, `wg` must not find a dead socket.
  const removeSocket = (): void => void server.close();
  process.on('exit', removeSocket);
  try {
    log.verbose(`serves ${path}`);
    onReady?.();
    await Promise.race([aborted(signal), removed, closed]);
  } finally {
    process.off('exit', removeSocket);
    await server.close();
  }
}

/** Resolves when the device is closed, rejects when it crashed; logs what happens until then. */
function endOf(device: Device, log: Log): Promise<void> {
  device.on('up', ({ listenPort }) => log.verbose(`link up, listens on port ${listenPort}`));
  device.on('down', () => log.verbose('link down'));
  device.on('mtu', ({ mtu }) => log.verbose(`MTU ${mtu}`));
  return new Promise((resolve, reject) => {
    device.on('error', (error) => {
      if ((error as { code?: unknown }).code === 'ERR_LITZ_WORKER') reject(error);
      else log.error(error.message);
    });
    device.on('close', resolve);
  });
}

/** An open TUN of a parent's cannot be taken over: better no daemon than one on another interface. */
function refuseDescriptors(env: NodeJS.ProcessEnv): void {
  for (const variable of ['WG_TUN_FD', 'WG_UAPI_FD']) {
    if (!env[variable]) continue;
    const text = `${variable} is set, but litz takes over no open descriptors: unset ${variable}`;
    throw new Failure(text);
  }
}
