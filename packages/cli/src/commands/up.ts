/**
 * `runUp`: `litz up FILE.conf`, a tunnel in the foreground.
 *
 * As wg-quick: interface, keys, addresses, MTU, routes, and a default route by mark and rules. The
 * file is checked whole and its names are looked up before anything is changed. It ends with a signal,
 * with the interface, or with its UAPI socket, and then nothing of it is left.
 *
 * @module
 */
import { WireGuardError } from '@litz/core';
import { toDeviceConfiguration } from '@litz/config';
import {
  LinuxHost,
  parseTunnelFile,
  placeOf,
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
  /** LOG_LEVEL, WG_ENDPOINT_RESOLUTION_RETRIES. */
  readonly env: NodeJS.ProcessEnv;
  /** Ends the tunnel. */
  readonly signal: AbortSignal;
  /** Gets lines for a person, without line feed. */
  readonly print: (line: string) => void;
}

/**
 * Resolves when the tunnel was up, was asked to end, and everything is taken back.
 *
 * @param target FILE.conf, or the name of an interface: /etc/wireguard/NAME.conf
 * @throws {Failure | WireGuardError} it could not be brought up; nothing of it is left
 * @throws {WireGuardError} `ERR_LITZ_WORKER`: the packet loop crashed; nothing of it is left
 * @throws the reason of `signal`, if it was asked to end before it was up
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
  try {
    const tunnel = await Tunnel.up(
      toTunnelRequest(tunnelFile, endpoints),
      toDeviceConfiguration(tunnelFile.config, endpoints),
      {
        host,
        signal,
        onStep: isQuiet(env) ? () => {} : print,
        async openDevice(name) {
          served = await ServedDevice.open(name, {
            level,
            socket: 'if-allowed',
            onUnserved: (reason) => print(`wg does not see it: ${reason}`),
          });
          return served.device;
        },
      },
    ).catch((error: unknown) => {
      throw withPlace(error, tunnelFile);
    });
    await runUntilEnd(tunnel, served!, { ...options, print });
  } finally {
    await served?.close();
  }
}

async function runUntilEnd(
  tunnel: Tunnel,
  served: ServedDevice,
  { env, signal, print }: UpOptions,
): Promise<void> {
  try {
    const { listenPort } = await served.device.status();
    if (!isQuiet(env)) print(`up, listens on port ${listenPort}; Ctrl-C takes it down`);
    await Promise.race([aborted(signal), served.ended]);
  } finally {
    await tunnel.down();
  }
  // What it crashed with.
  await served.ended;
  if (!isQuiet(env)) print('down');
}

/** The line of the file that asked for what failed, in front. */
function withPlace(error: unknown, file: TunnelFile): unknown {
  if (!(error instanceof StepError)) return error;
  const { step, code, message } = error;
  const place = placeOf(file, step);
  const advice = step.type === 'loosen-filter' ? FILTER_ADVICE : '';
  const text = `${place ?? file.file}: ${message}${advice}`;
  return new WireGuardError(code, text, { cause: error });
}

/**
 * Not the interface's own setting: Docker and Podman set what they are told before there is one. Of the
 * two the larger holds.
 */
const FILTER_ADVICE =
  '\n  a strict filter would drop what the peer answers; a container takes a loose one from outside:' +
  '\n  --sysctl net.ipv4.conf.all.rp_filter=2';

/** The steps are shown unless less was asked for. */
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
