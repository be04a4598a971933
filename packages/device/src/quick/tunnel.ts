/**
 * `Tunnel`: carries out the steps of a plan, and undoes them.
 *
 * ```
 *   up    run-hook PreUp, create-link, configure, add-address, set-up, set-dns,
 *         restore-filter (left loose by a killed tunnel), add-route, set-sysctl, loosen-filter,
 *         delete-rule (left by a killed tunnel), add-rule, run-hook PostUp
 *   down  run-hook PreDown; the rules, filters and DNS servers, from the last to the first; then
 *         the device: its addresses and routes disappear with its link; run-hook PostDown
 * ```
 *
 * If a step fails or `up` is aborted, everything is undone before `up` rejects. As with wg-quick,
 * only a tunnel that was up runs the hooks of `down`. If one of these hooks fails, the rest is done
 * all the same, because the process is about to end, and the interface disappears with it.
 *
 * @module
 */
import { once, type EventEmitter } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { WireGuardError, type WireGuardErrorCode } from '@litz/core';
import type { DeviceConfiguration } from '@litz/config';
import type { Device } from '../device.ts';
import type { DeviceEvents } from '../device-events.ts';
import type { Host } from './host.ts';
import { hookSteps, planTunnel, type TunnelRequest } from './plan.ts';
import type { HookOptions } from './run-hook.ts';
import { describeStep, type HookTime, type Step } from './step.ts';

/** The part of a `Device` that a tunnel uses. */
export type TunnelDevice = EventEmitter<DeviceEvents> & Pick<Device, 'configure' | 'close'>;

/** Options of `Tunnel.up`. */
export interface TunnelOptions {
  /** Belongs to the caller. It is used until `down` has resolved, and is not closed. */
  readonly host: Host;
  /** Makes the interface, down and without addresses. The tunnel closes the device. */
  readonly openDevice: (name: string) => Promise<TunnelDevice>;
  /** Called with a description of each step before it is carried out. */
  readonly onStep?: (text: string) => void;
  /** Called with a line for the user if `down` could not restore the DNS servers. */
  readonly onNotice?: (text: string) => void;
  /** How the hooks are run. */
  readonly hooks?: HookOptions;
  /**
   * Called by `down`, after the hooks `PreDown` and before anything is removed. If it rejects, the
   * tunnel is taken down all the same.
   */
  readonly onDown?: () => Promise<void>;
  /** Aborts `up`, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Waits. Default: a timer. */
  readonly sleep?: (ms: number) => Promise<void>;
}

/**
 * A tunnel that is up: interface, addresses, routes and rules. `Tunnel.up` makes it, `down` removes
 * all of it.
 *
 * @example
 *
 * ```ts
 * // As root, on Linux.
 * import { toDeviceConfiguration } from '@litz/config';
 * import { formatKey, generateKeyPair } from '@litz/core';
 * import { Device } from '@litz/device';
 * import { LinuxHost, parseTunnelFile, toTunnelRequest, Tunnel } from '@litz/device/quick';
 *
 * const key = formatKey(generateKeyPair().privateKey);
 * const text = `[Interface]\nPrivateKey = ${key}\nAddress = 10.9.0.1/24`;
 * const file = parseTunnelFile(text, { file: 'wg9.conf', name: 'wg9' });
 * const openDevice = (tun: string): Promise<Device> => Device.create({ tun, up: false });
 * const configuration = toDeviceConfiguration(file.config);
 * const host = await LinuxHost.open();
 * const tunnel = await Tunnel.up(toTunnelRequest(file), configuration, { host, openDevice });
 * await tunnel.down();
 * host.close();
 * ```
 */
export class Tunnel {
  /** The name of the interface. */
  readonly name: string;
  readonly #options: TunnelOptions;
  /** Functions that undo steps, in the order in which the steps were done. */
  readonly #undoFunctions: (() => void)[] = [];
  readonly #undoAtExit = (): void => void this.#undoSteps();
  #request: TunnelRequest;
  /** The steps whose effects the tunnel has at present. */
  #steps: readonly Step[] = [];
  #isUp = false;
  #device: TunnelDevice | undefined = undefined;
  #down: Promise<void> | undefined = undefined;

  /**
   * Brings a tunnel up. Resolves when packets flow.
   *
   * @param configuration for the device; the plan adds the mark
   * @throws {StepError} (rejects) a step failed; all earlier steps were undone
   */
  static async up(
    request: TunnelRequest,
    configuration: DeviceConfiguration,
    options: TunnelOptions,
  ): Promise<Tunnel> {
    const tunnel = new Tunnel(request, options);
    try {
      tunnel.#steps = planTunnel(request, options.host.facts(request.endpoints));
      for (const step of tunnel.#steps) await tunnel.#perform(step, configuration);
      tunnel.#isUp = true;
      return tunnel;
    } catch (error) {
      // An error while undoing is ignored, because it is not the reason why `up` failed.
      await tunnel.down().catch(() => {});
      throw error;
    }
  }

  private constructor(request: TunnelRequest, options: TunnelOptions) {
    this.#request = request;
    this.name = request.name;
    this.#options = options;
    // If the process exits unexpectedly, this undoes rules, filters and DNS servers. The device's
    // interface disappears by itself.
    process.on('exit', this.#undoAtExit);
  }

  /**
   * Changes addresses, routes and the hooks of `down` to those of another request. The device keeps
   * its configuration: the caller changes it. Table, MTU and DNS servers stay. The mark stays too,
   * unless there is none and the new routes need one.
   *
   * @throws {StepError} (rejects) a step failed; the changes before it stay
   */
  async update(request: TunnelRequest): Promise<void> {
    const { host } = this.#options;
    const { table, mtu, name } = this.#request;
    const mark = this.mark;
    const { hooks, dns: _, ...rest } = request;
    const wanted = planTunnel({ ...rest, name, table, mtu, mark }, host.facts(request.endpoints));
    const ofWanted = new Set(wanted.map((step) => JSON.stringify(step)));
    const ofNow = new Set(this.#steps.map((step) => JSON.stringify(step)));
    const gone = this.#steps.filter((step) => !ofWanted.has(JSON.stringify(step)));
    // Addresses are deleted before others are added. When the first address of a network is
    // deleted, the kernel also deletes the other addresses of that network, and these could be new
    // ones.
    for (const step of gone) {
      if (step.type === 'add-address') host.deleteAddress(name, step.address);
    }
    const newMark = markOf(wanted);
    // The mark is set before rules are added that send packets without this mark into the tunnel.
    if (newMark !== this.mark) await this.#device?.configure({ fwmark: newMark });
    const hasRules = (family: 4 | 6): boolean =>
      this.#steps.some((step) => step.type === 'add-rule' && step.rule.family === family);
    for (const step of wanted) {
      const isNew = step.type === 'add-rule' ? !hasRules(step.rule.family) : UPDATED.has(step.type);
      if (!isNew || ofNow.has(JSON.stringify(step))) continue;
      await this.#perform(step, {});
      if (!REPLACED.has(step.type)) this.#steps = [...this.#steps, step];
    }
    for (const step of gone) {
      if (step.type === 'add-route') host.deleteRoute(name, step.destination, step.table);
    }
    const kept = this.#steps.filter(({ type }) => !REPLACED.has(type));
    this.#steps = [...kept, ...wanted.filter(({ type }) => REPLACED.has(type))];
    this.#request = { ...this.#request, ...(hooks && { hooks }) };
  }

  /** The mark of the outer datagrams: that of the request, or that of the plan; 0: none. */
  get mark(): number {
    return markOf(this.#steps);
  }

  /**
   * Undoes all steps. Later calls return the same promise.
   *
   * @throws {AggregateError} (rejects) the errors of steps that could not be undone, of hooks and
   *   of `onDown`; all else was done
   */
  down(): Promise<void> {
    return (this.#down ??= this.#bringDown());
  }

  async #bringDown(): Promise<void> {
    const errors = await this.#runHooks('PreDown', this.#request.hooks?.preDown);
    const attempt = async (run: () => Promise<void> | undefined): Promise<void> => {
      await run()?.catch((error: unknown) => void errors.push(error));
    };
    if (this.#isUp) await attempt(() => this.#options.onDown?.());
    process.off('exit', this.#undoAtExit);
    errors.push(...this.#undoSteps());
    await attempt(() => this.#device?.close());
    errors.push(...(await this.#runHooks('PostDown', this.#request.hooks?.postDown)));
    if (errors.length === 0) return;
    const texts = errors.map((error) => (error as Error).message);
    throw new AggregateError(
      errors,
      `${this.name} was not taken down completely: ${texts.join('; ')}`,
    );
  }

  /**
   * Undoes the steps. Synchronous, so that it also works while the process exits.
   *
   * @returns the errors
   */
  #undoSteps(): unknown[] {
    const errors: unknown[] = [];
    let undo: (() => void) | undefined;
    while ((undo = this.#undoFunctions.pop())) {
      try {
        undo();
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }

  /** Runs hooks of `down`. A hook that fails does not stop the others. @returns their errors */
  async #runHooks(when: HookTime, commands: readonly string[] | undefined): Promise<unknown[]> {
    const errors: unknown[] = [];
    if (!this.#isUp) return errors;
    const { host, hooks = {}, onStep } = this.#options;
    for (const step of hookSteps(when, commands)) {
      if (step.type !== 'run-hook') continue;
      onStep?.(describeStep(step, this.name));
      try {
        await host.runHook(step.command, hooks);
      } catch (error) {
        errors.push(new StepError(step, this.name, error));
      }
    }
    return errors;
  }

  async #perform(step: Step, configuration: DeviceConfiguration): Promise<void> {
    const { signal, onStep } = this.#options;
    signal?.throwIfAborted();
    onStep?.(describeStep(step, this.name));
    try {
      await this.#carryOut(step, configuration);
    } catch (error) {
      // The signal may have ended a hook. That is not a failure of the hook.
      signal?.throwIfAborted();
      throw new StepError(step, this.name, error);
    }
    signal?.throwIfAborted();
  }

  async #carryOut(step: Step, configuration: DeviceConfiguration): Promise<void> {
    const { name } = this;
    const { host } = this.#options;
    switch (step.type) {
      case 'create-link':
        return this.#createLink();
      case 'configure':
        return this.#device?.configure({ ...configuration, fwmark: step.mark });
      case 'add-address':
        return host.addAddress(name, step.address);
      case 'set-up':
        return this.#setUp(step.mtu);
      case 'add-route':
        return host.addRoute(name, step.destination, step.table);
      case 'add-rule':
        host.addRule(step.rule);
        this.#undoFunctions.push(() => host.deleteRule(step.rule));
        return;
      case 'delete-rule':
        return host.deleteRule(step.rule);
      case 'loosen-filter':
        // `loosenFilter` may record the filter and then fail, so the undo function is added first.
        this.#undoFunctions.push(() => host.restoreFilter(step.link, name));
        return host.loosenFilter(step.link, name);
      case 'restore-filter':
        return this.#restoreFilter(step.link);
      case 'set-dns':
        host.setDns(name, step.dns);
        this.#undoFunctions.push(() => this.#restoreDns());
        return;
      case 'run-hook':
        return this.#runHook(step.command);
      case 'set-sysctl':
      default:
        return this.#setSysctl(step.name, step.value);
    }
  }

  /**
   * Sets a kernel setting. The only such setting is src_valid_mark, for rules of the user. So if it
   * cannot be written, the tunnel continues without it.
   */
  #setSysctl(name: string, value: string): void {
    try {
      this.#options.host.setSysctl(name, value);
    } catch (error) {
      const { errno, message } = error as { errno?: unknown; message: string };
      if (!UNWRITABLE.has(errno)) throw error;
      this.#options.onStep?.(
        `continue without ${name}, which the tunnel does not need: ${message}`,
      );
    }
  }

  /**
   * Restores a filter that a killed tunnel left loose. A failure is ignored: this tunnel does not
   * need a strict filter.
   */
  #restoreFilter(link: string): void {
    try {
      this.#options.host.restoreFilter(link, this.name);
    } catch {
      // The filter was loose before and stays so.
    }
  }

  #restoreDns(): void {
    const line = this.#options.host.restoreDns(this.name);
    if (line !== undefined) this.#options.onNotice?.(line);
  }

  async #runHook(command: string): Promise<void> {
    const { host, hooks, signal } = this.#options;
    await host.runHook(command, signal ? { ...hooks, signal } : { ...hooks });
  }

  async #createLink(): Promise<void> {
    // If the name exists, the kernel could open a persistent TUN device of another program.
    if (this.#options.host.hasLink(this.name)) {
      throw new WireGuardError(
        'ERR_LITZ_SYSTEM',
        'an interface with this name exists already: EEXIST',
      );
    }
    this.#device = await this.#options.openDevice(this.name);
  }

  /**
   * Waits until packets pass, for `LONGEST_WAIT_MS` at most. A slower link comes up later by
   * itself.
   */
  async #waitUntilUsable(closed: AbortSignal): Promise<void> {
    const { host, signal, sleep = setTimeout } = this.#options;
    for (let waitedMs = 0; waitedMs < LONGEST_WAIT_MS; waitedMs += CHECK_INTERVAL_MS) {
      closed.throwIfAborted();
      if (signal?.aborted || host.isUsable(this.name)) return;
      await sleep(CHECK_INTERVAL_MS);
    }
  }

  /**
   * Sets the link up, and waits until the device has opened its sockets. Throws, for instance, if
   * the port is taken.
   */
  async #setUp(mtu: number): Promise<void> {
    const device = this.#device;
    if (!device) return;
    const settled = new AbortController();
    const closed = (): void => settled.abort();
    // Rejects if an 'error' event comes first.
    const up = once(device, 'up', { signal: settled.signal });
    device.once('close', closed);
    try {
      this.#options.host.setUp(this.name, mtu);
      await up;
      await this.#waitUntilUsable(settled.signal);
    } catch (error) {
      if (!settled.signal.aborted) throw error;
      throw new WireGuardError('ERR_LITZ_CLOSED', `${this.name} was deleted`);
    } finally {
      device.off('close', closed);
      settled.abort();
      await up.catch(() => {});
    }
  }
}

/**
 * A step failed. `code` and the end of `message` come from the error of the step, which is the
 * `cause`.
 */
export class StepError extends WireGuardError {
  /** The step that failed. */
  readonly step: Step;

  constructor(step: Step, link: string, cause: unknown) {
    const { message } = cause as Error;
    super(codeOf(cause), `cannot ${describeStep(step, link)}: ${message}`, { cause });
    this.name = 'StepError';
    this.step = step;
  }
}

function markOf(steps: readonly Step[]): number {
  return steps.find((step) => step.type === 'configure')?.mark ?? 0;
}

function codeOf(cause: unknown): WireGuardErrorCode {
  return cause instanceof WireGuardError ? cause.code : 'ERR_LITZ_SYSTEM';
}

/**
 * Errors that mean that a setting cannot be written, for instance because /proc/sys is read-only in
 * a container.
 */
const UNWRITABLE: ReadonlySet<unknown> = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOENT']);
/**
 * The steps that `update` carries out. It also adds a rule if the tunnel has none for that version
 * of IP.
 */
const UPDATED: ReadonlySet<Step['type']> = new Set([
  'add-address',
  'add-route',
  'set-sysctl',
  'loosen-filter',
]);
/** The steps that `update` replaces by those of the new plan. */
const REPLACED: ReadonlySet<Step['type']> = new Set([
  'configure',
  'add-address',
  'add-route',
  'add-rule',
]);
// How often `isUsable` is checked, in ms.
const CHECK_INTERVAL_MS = 5;
// How long to wait for `isUsable`, in ms.
const LONGEST_WAIT_MS = 2000;
