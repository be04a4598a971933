/**
 * `runUp`: runs `litz up FILE.conf`, a tunnel in the foreground.
 *
 * It does what wg-quick does: interface, keys, addresses, MTU, routes, and a default route by mark
 * and rules. The whole file is checked and its host names are resolved before anything is changed.
 * The tunnel ends at a signal, or when the interface or its UAPI socket is removed. Then everything
 * is undone.
 *
 * @module
 */
import { WireGuardError } from '@litz/core';
import { toDeviceConfiguration, wipeSecrets } from '@litz/config';
import { selectProvider } from '@litz/device';
import {
  LinuxHost,
  parseTunnelFile,
  originOfStep,
  resolveEndpoints,
  retriesFromEnvironment,
  StepError,
  toTunnelRequest,
  Tunnel,
  type Host,
  type TunnelFile,
} from '@litz/device/quick';
import { aborted } from '../end-signals.ts';
import { Failure } from '../failure.ts';
import { logLevel } from '../log.ts';
import { ServedDevice } from '../served-device.ts';
import { locateTunnelFile, readTunnelFile } from '../tunnel-path.ts';

export interface UpOptions {
  /** The environment: LOG_LEVEL and WG_ENDPOINT_RESOLUTION_RETRIES. */
  readonly env: NodeJS.ProcessEnv;
  /** Ends the tunnel. */
  readonly signal: AbortSignal;
  /** Called with lines for the user, without a line feed. */
  readonly print: (line: string) => void;
}

/**
 * Brings the tunnel up. Resolves after the tunnel was asked to end, when everything is undone.
 *
 * @param target FILE.conf, or the name of an interface: /etc/wireguard/NAME.conf
 * @throws {Failure | WireGuardError} the tunnel could not be brought up; everything is undone
 * @throws {WireGuardError} `ERR_LITZ_WORKER`: the packet loop crashed; everything is undone
 * @throws the reason of `signal`, if the tunnel was asked to end before it was up
 */
export async function runUp(target: string, options: UpOptions): Promise<void> {
  const { env, signal, print } = options;
  const retries = retriesOf(env);
  const located = locateTunnelFile(target);
  const text = readTunnelFile(located.file, print);
  const tunnelFile = parseTunnelFile(text, located);
  const log = (line: string): void => print(`${located.name}: ${line}`);
  const endpoints = await resolveEndpoints(tunnelFile, { retries, log, signal });
  const host = await LinuxHost.open();
  try {
    await runTunnel({ tunnelFile, endpoints, host }, options);
  } finally {
    host.close();
  }
}

interface Prepared {
  readonly tunnelFile: TunnelFile;
  readonly endpoints: Awaited<ReturnType<typeof resolveEndpoints>>;
  readonly host: Host;
}

async function runTunnel(prepared: Prepared, options: UpOptions): Promise<void> {
  const { tunnelFile, endpoints, host } = prepared;
  const { env, signal } = options;
  const level = logLevel(env['LOG_LEVEL']);
  const print = (text: string): void => options.print(`${tunnelFile.name}: ${text}`);
  let served: ServedDevice | undefined;
  const { config } = tunnelFile;
  const request = await requestOf(tunnelFile, endpoints);
  const configuration = toDeviceConfiguration(config, endpoints);
  try {
    const tunnel = await Tunnel.up(request, configuration, {
      host,
      signal,
      onStep: isQuiet(env) ? () => {} : print,
      async openDevice(name) {
        served = await ServedDevice.open(name, {
          level,
          socket: 'if-allowed',
          onUnserved: (reason) => print(`there is no socket for wg: ${reason}`),
        });
        return served.device;
      },
    })
      .catch((error: unknown) => {
        throw withOrigin(error, tunnelFile);
      })
      .finally(() => {
        // From now on only the device has the keys.
        wipeSecrets(configuration);
        wipeSecrets({ ...config.interface, peers: config.peers });
      });
    await runUntilEnd(tunnel, served!, { ...options, print });
  } finally {
    await served?.close();
  }
}

/**
 * Returns the request for the tunnel. Uses the same provider as the device, because noble would
 * leave copies of the private key.
 */
async function requestOf(
  tunnelFile: TunnelFile,
  endpoints: Prepared['endpoints'],
): Promise<ReturnType<typeof toTunnelRequest>> {
  const { provider } = await selectProvider();
  try {
    return toTunnelRequest(tunnelFile, endpoints, provider);
  } finally {
    provider.destroy?.();
  }
}

async function runUntilEnd(
  tunnel: Tunnel,
  served: ServedDevice,
  { env, signal, print }: UpOptions,
): Promise<void> {
  try {
    const status = await served.device.status();
    wipeSecrets(status);
    if (!isQuiet(env)) print(`up, listens on port ${status.listenPort}; Ctrl-C takes it down`);
    await Promise.race([aborted(signal), served.ended]);
  } finally {
    await tunnel.down();
  }
  // Throws the error of a crash.
  await served.ended;
  if (!isQuiet(env)) print('down');
}

/** Adds the line of the file that caused the failed step, in front of the message. */
function withOrigin(error: unknown, file: TunnelFile): unknown {
  if (!(error instanceof StepError)) return error;
  const { step, code, message } = error;
  const origin = originOfStep(file, step);
  const advice = step.type === 'loosen-filter' ? FILTER_ADVICE : '';
  const text = `${origin ?? file.file}: ${message}${advice}`;
  return new WireGuardError(code, text, { cause: error });
}

/** The steps are printed unless LOG_LEVEL is 'silent' or 'error'. */
function isQuiet(env: NodeJS.ProcessEnv): boolean {
  const level = env['LOG_LEVEL'];
  return level === 'silent' || level === 'error';
}

function retriesOf(env: NodeJS.ProcessEnv): number {
  try {
    return retriesFromEnvironment(env);
  } catch (error) {
    throw new Failure((error as Error).message, { cause: error });
  }
}

/**
 * The advice names the setting for all interfaces. Docker and Podman apply settings before the
 * interface exists, so the setting of that interface cannot be given. The kernel uses the larger of
 * the two values.
 */
const FILTER_ADVICE =
  '\n  a strict filter would drop the answers of the peer; for a container, set a loose one from outside:' +
  '\n  --sysctl net.ipv4.conf.all.rp_filter=2';
