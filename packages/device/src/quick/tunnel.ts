/**
 * `Tunnel`: carries the steps of a plan out, and takes them back.
 *
 * ```
 *   up    create-link, configure, add-address, set-up, restore-filter (what was left), add-route,
 *         set-sysctl, loosen-filter, delete-rule (what was left), add-rule
 *   down  the rules and filters, from the last to the first; then the device, and with its link
 *         go addresses and routes
 * ```
 *
 * What fails half way, or is aborted, is taken back before the caller hears of it.
 *
 * @module
 */
import { once, type EventEmitter } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { WireGuardError, type WireGuardErrorCode } from '@litz/core';
import type { DeviceConfiguration } from '@litz/config';
import type { Device, DeviceEvents } from '../device.ts';
import type { Host } from './host.ts';
import { planTunnel, type TunnelRequest } from './plan.ts';
import { describeStep, type Step } from './step.ts';

/** What of a `Device` is used. */
export type TunnelDevice = EventEmitter<DeviceEvents> & Pick<Device, 'configure' | 'close'>;

export interface TunnelOptions {
  /** The caller's; used until `down` has resolved, and not closed. */
  readonly host: Host;
  /** Makes the interface, down and without address. The device is the tunnel's to close. */
  readonly openDevice: (name: string) => Promise<TunnelDevice>;
  /** Hears of each step before it is done. */
  readonly onStep?: (text: string) => void;
  /** Ends the bringing up; `up` rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Default: a timer. */
  readonly sleep?: (ms: number) => Promise<void>;
}

export class Tunnel {
  readonly name: string;
  readonly #options: TunnelOptions;
  /** What is to be taken back, in the order in which it was done. */
  readonly #undo: (() => void)[] = [];
  readonly #takeBackAtExit = (): void => void this.#takeBack();
  #device: TunnelDevice | undefined = undefined;
  #down: Promise<void> | undefined = undefined;

  /**
   * Resolves when packets flow.
   *
   * @param configuration of the device; the plan adds the mark
   * @throws {StepError} (rejects) a step failed; everything before it is taken back
   */
  static async up(
    request: TunnelRequest,
    configuration: DeviceConfiguration,
    options: TunnelOptions,
  ): Promise<Tunnel> {
    const tunnel = new Tunnel(request.name, options);
    try {
      const steps = planTunnel(request, options.host.facts(request.endpoints));
      for (const step of steps) await tunnel.#take(step, configuration);
      return tunnel;
    } catch (error) {
      // What could not be taken back is not why it failed.
      await tunnel.down().catch(() => {});
      throw error;
    }
  }

  private constructor(name: string, options: TunnelOptions) {
    this.name = name;
    this.#options = options;
    // A process that ends by a mistake leaves no rules behind. The device sees to itself.
    process.on('exit', this.#takeBackAtExit);
  }

  /**
   * Takes everything back. Further calls do nothing.
   *
   * @throws {AggregateError} (rejects) what could not be taken back; everything else is
   */
  down(): Promise<void> {
    return (this.#down ??= this.#takeDown());
  }

  async #takeDown(): Promise<void> {
    process.off('exit', this.#takeBackAtExit);
    const errors = this.#takeBack();
    try {
      await this.#device?.close();
    } catch (error) {
      errors.push(error);
    }
    if (errors.length === 0) return;
    const texts = errors.map((error) => (error as Error).message);
    throw new AggregateError(errors, `${this.name} is not taken down whole: ${texts.join('; ')}`);
  }

  /** Synchronous, so that it can be done while the process exits. @returns what failed */
  #takeBack(): unknown[] {
    const errors: unknown[] = [];
    let undo: (() => void) | undefined;
    while ((undo = this.#undo.pop())) {
      try {
        undo();
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }

  async #take(step: Step, configuration: DeviceConfiguration): Promise<void> {
    const { signal, onStep } = this.#options;
    signal?.throwIfAborted();
    onStep?.(describeStep(step, this.name));
    try {
      await this.#carryOut(step, configuration);
    } catch (error) {
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
        this.#undo.push(() => host.deleteRule(step.rule));
        return;
      case 'delete-rule':
        return host.deleteRule(step.rule);
      case 'loosen-filter':
        // It may be written down, and then fail.
        this.#undo.push(() => host.restoreFilter(step.link, name));
        return host.loosenFilter(step.link, name);
      case 'restore-filter':
        return this.#restoreLeftOver(step.link);
      case 'set-sysctl':
      default:
        return this.#setSysctl(step.name, step.value);
    }
  }

  /** The only one there is, src_valid_mark, is for rules of the user's own: no reason to give up. */
  #setSysctl(name: string, value: string): void {
    try {
      this.#options.host.setSysctl(name, value);
    } catch (error) {
      const { errno, message } = error as { errno?: unknown; message: string };
      if (!UNWRITABLE.has(errno)) throw error;
      this.#options.onStep?.(`goes on without ${name}, which the tunnel does not need: ${message}`);
    }
  }

  /** This tunnel does as well without, where settings cannot be written. */
  #restoreLeftOver(link: string): void {
    try {
      this.#options.host.restoreFilter(link, this.name);
    } catch {
      // Loose it was, and is.
    }
  }

  async #createLink(): Promise<void> {
    // The kernel would open a persistent TUN device of somebody else's.
    if (this.#options.host.hasLink(this.name)) {
      throw new WireGuardError('ERR_LITZ_SYSTEM', 'there is an interface of this name: EEXIST');
    }
    this.#device = await this.#options.openDevice(this.name);
  }

  /** For a while: a link that takes longer comes up without us. */
  async #untilUsable(closed: AbortSignal): Promise<void> {
    const { host, signal, sleep = setTimeout } = this.#options;
    for (let waitedMs = 0; waitedMs < LONGEST_WAIT_MS; waitedMs += LOOK_INTERVAL_MS) {
      closed.throwIfAborted();
      if (signal?.aborted || host.isUsable(this.name)) return;
      await sleep(LOOK_INTERVAL_MS);
    }
  }

  /** A port that is taken shows when the device opens its sockets. */
  async #setUp(mtu: number): Promise<void> {
    const device = this.#device;
    if (!device) return;
    const settled = new AbortController();
    const closed = (): void => settled.abort();
    // Rejects with an error that is emitted before.
    const up = once(device, 'up', { signal: settled.signal });
    device.once('close', closed);
    try {
      this.#options.host.setUp(this.name, mtu);
      await up;
      await this.#untilUsable(settled.signal);
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

/** `code` and `message` are of the error that it failed with, which is the `cause`. */
export class StepError extends WireGuardError {
  readonly step: Step;

  constructor(step: Step, link: string, cause: unknown) {
    const { message } = cause as Error;
    super(codeOf(cause), `cannot ${describeStep(step, link)}: ${message}`, { cause });
    this.name = 'StepError';
    this.step = step;
  }
}

function codeOf(cause: unknown): WireGuardErrorCode {
  return cause instanceof WireGuardError ? cause.code : 'ERR_LITZ_SYSTEM';
}

/** As in a container, where /proc/sys is read-only. */
const UNWRITABLE: ReadonlySet<unknown> = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOENT']);
const LOOK_INTERVAL_MS = 5;
const LONGEST_WAIT_MS = 2000;
