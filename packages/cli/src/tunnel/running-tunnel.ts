/**
 * `RunningTunnel`: the tunnel of a wg-quick file with its device, while it is up. It can be
 * reloaded, saved and taken down.
 *
 * @module
 */
import { WireGuardError, type Endpoint } from '@litz/core';
import {
  toDeviceConfiguration,
  wipeSecrets,
  type DeviceConfiguration,
  type HostEndpoint,
} from '@litz/config';
import { selectProvider } from '@litz/device';
import {
  originOfStep,
  parseTunnelFile,
  resolveEndpoints,
  StepError,
  toTunnelRequest,
  Tunnel,
  type HookOptions,
  type LinuxHost,
  type TunnelFile,
  type TunnelRequest,
} from '@litz/device/quick';
import { Failure } from '../failure.ts';
import type { LogLevel } from '../log.ts';
import type { MeasuredDevice } from '../metrics/metrics-server.ts';
import { ServedDevice } from '../served-device.ts';
import { readTunnelFile } from '../read-tunnel-file.ts';
import { replaceFile } from './replace-file.ts';
import { savedText } from './save-config.ts';
import { endpointsOf, syncChange, type EarlierFile } from './sync-change.ts';
import { unappliedFields } from './unapplied-fields.ts';

/** A part of wg-quick that a user can leave out. */
export type IgnoredPart = 'dns' | 'hooks';

export interface RunningTunnelOptions {
  /** Belongs to the caller. */
  readonly host: LinuxHost;
  readonly ignored: ReadonlySet<IgnoredPart>;
  readonly hooks: HookOptions;
  readonly level: LogLevel;
  /** How many times a failed look-up of a name is repeated. */
  readonly retries: number;
  /** Aborts `up`. */
  readonly signal: AbortSignal;
  /** Called with each step. */
  readonly onStep: (line: string) => void;
  /** Called with lines that the user must see. */
  readonly print: (line: string) => void;
}

/** The names in endpoints, with their addresses. */
type Endpoints = ReadonlyMap<HostEndpoint, Endpoint>;

/** The tunnel of one file, from `up` to `down`. */
export class RunningTunnel {
  readonly #options: RunningTunnelOptions;
  #file: TunnelFile;
  #served: ServedDevice | undefined = undefined;
  #tunnel: Tunnel | undefined = undefined;
  #earlier: EarlierFile = { endpoints: new Map() };
  #lastChange: Promise<void> = Promise.resolve();

  /**
   * Brings the tunnel up.
   *
   * @throws {WireGuardError} (rejects) the tunnel could not be brought up; everything is undone
   * @throws (rejects) the reason of the signal, if it was aborted
   */
  static async up(file: TunnelFile, options: RunningTunnelOptions): Promise<RunningTunnel> {
    const running = new RunningTunnel(file, options);
    try {
      await running.#up();
      return running;
    } catch (error) {
      await running.#served?.close();
      throw withOrigin(error, file);
    }
  }

  private constructor(file: TunnelFile, options: RunningTunnelOptions) {
    this.#file = file;
    this.#options = options;
  }

  /**
   * Resolves when the device is closed, or when another program removed its UAPI socket. Rejects
   * when the packet loop crashed.
   */
  get ended(): Promise<void> {
    return this.#served!.ended;
  }

  /** The device, for its metrics. */
  get measured(): MeasuredDevice {
    return this.#served!;
  }

  /** The path of the file that is in effect. */
  get file(): string {
    return this.#file.file;
  }

  /** Returns the port that the device listens on, and whether it has a private key. */
  async state(): Promise<{ listenPort: number; hasKey: boolean }> {
    const status = await this.#served!.device.status();
    wipeSecrets(status);
    return { listenPort: status.listenPort, hasKey: status.privateKey !== undefined };
  }

  /**
   * Reads the file again, and changes what differs. Sessions of peers that stay are kept.
   *
   * @param path another file; undefined: the file that is in effect
   * @param say called with what was not applied
   * @throws {Failure | WireGuardError} (rejects) the file is wrong, and nothing was changed; or a
   *   step failed
   */
  reload(path: string | undefined, say: (line: string) => void): Promise<void> {
    return this.#inTurn(() => this.#reload(path ?? this.#file.file, say));
  }

  /**
   * Writes the present state into the file.
   *
   * @throws {Failure | ConfigError} (rejects) the state could not be saved; the file is unchanged
   */
  save(): Promise<void> {
    return this.#inTurn(() => this.#save());
  }

  /**
   * Takes the tunnel down.
   *
   * @throws {Failure} (rejects) a step failed; everything else is taken down
   */
  async down(): Promise<void> {
    await this.#lastChange;
    try {
      await this.#tunnel?.down();
    } catch (error) {
      const errors = error instanceof AggregateError ? error.errors : [error];
      const texts = errors.map((one) => (withOrigin(one, this.#file) as Error).message);
      throw new Failure(`all that could be taken down is down, but: ${texts.join('; ')}`, {
        cause: error,
      });
    } finally {
      await this.#served?.close();
    }
  }

  async #up(): Promise<void> {
    const { host, hooks, level, signal, print, onStep } = this.#options;
    const file = this.#file;
    const endpoints = await this.#resolve(file);
    const request = await this.#requestOf(file, endpoints);
    const configuration = toDeviceConfiguration(file.config, endpoints);
    this.#earlier = endpointsOf(configuration);
    try {
      this.#tunnel = await Tunnel.up(request, configuration, {
        host,
        hooks: this.#hooksOf(hooks),
        signal,
        onStep,
        onNotice: print,
        onDown: () => this.#saveIfAsked(),
        openDevice: async (name) => {
          this.#served = await ServedDevice.open(name, {
            level,
            socket: 'if-allowed',
            onUnserved: (reason) => print(`there is no socket for wg: ${reason}`),
          });
          return this.#served.device;
        },
      });
    } finally {
      // From here on, only the device has the keys.
      wipeSecrets(configuration);
      wipeConfig(file);
    }
  }

  async #reload(path: string, say: (line: string) => void): Promise<void> {
    const { device } = this.#served!;
    const text = readTunnelFile(path, say, NO_PIPE);
    const next = parseTunnelFile(text, { file: path, name: this.#file.name });
    let change: DeviceConfiguration | undefined;
    const secrets: DeviceConfiguration[] = [];
    try {
      const endpoints = await this.#resolve(next);
      const request = await this.#requestOf(next, endpoints);
      const wanted = toDeviceConfiguration(next.config, endpoints);
      secrets.push(wanted);
      const status = await device.status();
      secrets.push(status);
      change = syncChange(status, wanted, this.#earlier);
      // The mark is not changed here. The table of a default route has the number of the mark, and
      // a reload does not move routes to another table.
      delete change.fwmark;
      await device.configure(change);
      this.#earlier = endpointsOf(wanted);
      for (const field of unappliedFields(this.#file, next)) {
        say(`${field} has changed: that takes effect when the tunnel is brought up again`);
      }
      this.#file = next;
      await this.#tunnel!.update(request);
    } catch (error) {
      throw withOrigin(error, next);
    } finally {
      for (const secret of secrets) wipeSecrets(secret);
      wipeConfig(next);
    }
  }

  /** Saves if the present text of the file asks for it (`SaveConfig = true`). */
  async #saveIfAsked(): Promise<void> {
    const { file, name } = this.#file;
    // If the device is gone, there is no state to save.
    if (!(await this.#isAlive())) return;
    const now = parseTunnelFile(readAgain(file), { file, name });
    wipeConfig(now);
    if (now.config.interface.saveConfig === true) await this.#save();
  }

  async #isAlive(): Promise<boolean> {
    try {
      wipeSecrets(await this.#served!.device.status());
      return true;
    } catch {
      return false;
    }
  }

  async #save(): Promise<void> {
    const { file, name, config } = this.#file;
    const { host } = this.#options;
    const status = await this.#served!.device.status();
    try {
      const text = savedText(readAgain(file), file, {
        status,
        addresses: host.addresses(name),
        mtu: host.mtu(name),
        ownMark: config.interface.fwmark === undefined ? this.#tunnel!.mark : 0,
      });
      replaceFile(file, text);
    } finally {
      wipeSecrets(status);
    }
  }

  #resolve(file: TunnelFile): Promise<Endpoints> {
    const { retries, signal, print } = this.#options;
    return resolveEndpoints(file, { retries, signal, log: print });
  }

  /**
   * Returns what the file asks for, without the ignored parts. Uses the same provider as the
   * device, because noble would leave copies of the private key in memory.
   */
  async #requestOf(file: TunnelFile, endpoints: Endpoints): Promise<TunnelRequest> {
    const { ignored } = this.#options;
    const { provider } = await selectProvider();
    try {
      const { dns, hooks, ...request } = toTunnelRequest(file, endpoints, provider);
      return {
        ...request,
        ...(dns && !ignored.has('dns') && { dns }),
        hooks: hooks && !ignored.has('hooks') ? hooks : NO_HOOKS,
      };
    } finally {
      provider.destroy?.();
    }
  }

  /**
   * Adds the two variables that wg-quick gives to hooks: the name of the interface and the file.
   */
  #hooksOf(hooks: HookOptions): HookOptions {
    const { name, file } = this.#file;
    const env = { ...(hooks.env ?? process.env), INTERFACE: name, CONFIG_FILE: file };
    return { ...hooks, env };
  }

  /** Makes a change after all changes before it have ended. */
  #inTurn(change: () => Promise<void>): Promise<void> {
    const result = this.#lastChange.then(change);
    this.#lastChange = result.catch(() => {});
    return result;
  }
}

/** Wipes the secrets; the public keys are still needed. */
function wipeConfig({ config }: TunnelFile): void {
  wipeSecrets({ ...config.interface, peers: config.peers });
}

/**
 * Reads a file without the warning about its mode, which was given at the start.
 *
 * @throws {Failure} the file cannot be read
 */
function readAgain(file: string): string {
  return readTunnelFile(file, () => {}, NO_PIPE);
}

/**
 * If a step of the tunnel failed, puts the file, the line and the field that asked for this step in
 * front of the message. Returns any other error unchanged.
 */
function withOrigin(error: unknown, file: TunnelFile): unknown {
  if (!(error instanceof StepError)) return error;
  const { step, code, message } = error;
  const origin = originOfStep(file, step);
  const advice = step.type === 'loosen-filter' ? FILTER_ADVICE : '';
  const text = `${origin ?? file.file}: ${message}${advice}`;
  return new WireGuardError(code, text, { cause: error });
}

/**
 * The process of a tunnel must not wait for a pipe. It also has no access to a pipe that the user
 * has opened for `litz reload`.
 */
const NO_PIPE = { refusesPipes: true };
const NO_HOOKS = { preUp: [], postUp: [], preDown: [], postDown: [] };
/**
 * A strict filter looks up the route to the peer without the mark of the tunnel, and finds the
 * tunnel itself. So it drops the answers, which come from another interface. The advice names the
 * setting for all interfaces. Docker and Podman apply settings before the interface exists, so
 * they cannot change the setting of one interface. The kernel uses the larger of two values: the
 * value for all interfaces, and the value for the one interface. So a loose filter (2) for all
 * interfaces replaces a strict one (1).
 */
const FILTER_ADVICE =
  '\n  a strict filter would drop the answers of the peer; for a container, set a loose one from outside:' +
  '\n  --sysctl net.ipv4.conf.all.rp_filter=2';
