/**
 * `PortableDriver`: runs a data plane on the event loop of Node.js, with one timer.
 *
 * A step runs when the TUN or the sockets have data, or when a deadline has passed. Events are
 * emitted after the step, so that listeners may call the device again.
 *
 * @module
 */
import { runSteps } from '@litz/core/internals';
import type { DeviceConfiguration } from '@litz/config';
import type { ByteOperations } from '@litz/tun/offload';
import { isHandOverRequest } from '../hand-over/saved-device.ts';
import { chooseClock } from '../linux/clock.ts';
import { DataPlane, OPTIONAL_EVENTS } from '../plane/data-plane.ts';
import type { PlaneEvent } from '../plane/plane-event.ts';
import {
  answerRequest,
  closedError,
  crashError,
  type CryptoStatus,
  type DeviceAnswers,
  type DeviceRequest,
  type Driver,
  type DriverListener,
} from '../driver.ts';
import { loadProvider, openArena, type LoadedProvider } from '../provider/load-provider.ts';
import { isCryptoModule, type CommonSettings } from '../options.ts';
import { EventLoopSockets } from './event-loop-sockets.ts';
import { PacketMemory } from '../plane/packet-memory.ts';
import { isRefused, markRefused, markRefusals } from '../refusal.ts';
import { resolveZones } from '../resolve-zones.ts';
import type { Binding, DatagramSocket, Tun, TunLinkChange } from '../plane/io-interfaces.ts';

interface PortableOptions extends Pick<CommonSettings, 'engine'> {
  readonly now: () => number;
  readonly sockets: EventLoopSockets;
  readonly choice: LoadedProvider;
  readonly bytes: ByteOperations | undefined;
}

export class PortableDriver implements Driver {
  readonly name: string;
  readonly crypto: CryptoStatus;
  readonly #tun: Tun;
  readonly #sockets: EventLoopSockets;
  readonly #now: () => number;
  readonly #listener: DriverListener;
  readonly #releaseProvider: () => void;
  readonly #plane: DataPlane;
  /** Keeps the process alive. Sockets and timer do not. */
  readonly #keepAlive: NodeJS.Timeout = setInterval(() => {}, LONGEST_TIMEOUT_MS);
  #events: PlaneEvent[] = [];
  #timer: NodeJS.Timeout | undefined = undefined;
  #timerDue = Infinity;
  #stepIsScheduled = false;
  #isOpen = false;
  #closing: Promise<void> | undefined = undefined;
  #failure: Error | undefined = undefined;
  /**
   * The last change in progress. Sockets open asynchronously, so changes are made one after the
   * other.
   */
  #changes: Promise<void> = Promise.resolve();

  /**
   * Opens a device on this TUN. If that fails, the TUN is closed.
   *
   * @throws {SystemError} (rejects) the port is taken
   * @throws {RangeError} (rejects) another device uses the TUN, which stays open
   */
  static async open(
    tun: Tun,
    settings: CommonSettings,
    listener: DriverListener,
  ): Promise<PortableDriver> {
    // If two devices used the same TUN, each would get only some of the packets.
    if (usedTuns.has(tun)) {
      throw new RangeError('"tun" expected a TUN of its own, got one that another device uses');
    }
    usedTuns.add(tun);
    let driver: PortableDriver | undefined;
    let sockets: EventLoopSockets | undefined;
    let provided: LoadedProvider | undefined;
    try {
      const { crypto, engine, udp, offload } = settings;
      if (crypto && isCryptoModule(crypto)) {
        throw new TypeError('"crypto" expected a provider for a TUN of your own, got a module');
      }
      const onReadable = (): void => {
        if (driver) driver.#schedule();
      };
      sockets = await EventLoopSockets.load({ udp, offload, onReadable });
      const memory = await openArena(PacketMemory.length(sockets.receiveBytes));
      const [now, choice] = await Promise.all([chooseClock(), loadProvider(crypto, memory?.arena)]);
      provided = choice;
      const options = { now, choice, engine, sockets, bytes: memory?.bytes };
      driver = new PortableDriver(tun, options, listener);
      await driver.#configure(settings.configuration);
      if (settings.up) await driver.#linkUp();
      driver.#start();
      return driver;
    } catch (error) {
      if (driver) {
        await driver.close();
      } else {
        provided?.release();
        sockets?.close();
        usedTuns.delete(tun);
        tun.close();
      }
      throw error;
    }
  }

  private constructor(
    tun: Tun,
    { now, choice, engine, sockets, bytes }: PortableOptions,
    listener: DriverListener,
  ) {
    this.name = tun.name;
    const { provider, reason, warnings } = choice;
    this.#releaseProvider = choice.release;
    this.crypto = { provider: provider.name, reason };
    for (const warning of warnings) process.emitWarning(warning, { code: 'LITZ_CRYPTO' });
    this.#tun = tun;
    this.#sockets = sockets;
    this.#now = now;
    this.#listener = listener;
    const memory = new PacketMemory(sockets.receiveBytes, bytes?.buffer);
    this.#plane = new DataPlane({
      tun,
      memory,
      bytes,
      onEvent: (event) => this.#events.push(event),
      // The caller cannot have added listeners yet, so all events are emitted.
      listened: OPTIONAL_EVENTS,
      crypto: provider,
      engine,
      capture: sockets.captureSystem((id) => this.#listener.captured(id)),
    });
    sockets.begin(this.#plane, memory);
    tun.onReadable = (): void => this.#schedule();
    tun.onLinkChange = (change): void => this.#handleLinkChange(change);
  }

  async request<Type extends DeviceRequest['type']>(
    request: Extract<DeviceRequest, { type: Type }>,
  ): Promise<DeviceAnswers[Type]> {
    if (this.#closing) throw closedError(this.name);
    try {
      return (await this.#answer(request)) as DeviceAnswers[Type];
    } catch (error) {
      if (!isRefused(error)) this.#crash(error as Error);
      throw error;
    } finally {
      // The step emits the events that the request caused, and sets the timer.
      this.#schedule();
    }
  }

  ref(): void {
    this.#keepAlive.ref();
  }

  unref(): void {
    this.#keepAlive.unref();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #answer(request: DeviceRequest): Promise<unknown> {
    if (request.type === 'link') {
      const type = request.up ? 'up' : 'down';
      return this.#inOrder(() => this.#apply({ type }));
    }
    if (isHandOverRequest(request)) {
      throw new RangeError('only a device with an interface can be handed over');
    }
    if (request.type !== 'configure') {
      const answer = runSteps(answerRequest(this.#plane, request, this.#now()));
      // Packets and timers get their turn between two slices.
      if (request.type === 'snapshot') await new Promise((resolve) => setImmediate(resolve));
      return answer;
    }
    await this.#inOrder(() => this.#configure(request.change));
    return undefined;
  }

  #start(): void {
    this.#isOpen = true;
    this.#schedule();
  }

  async #close(): Promise<void> {
    clearInterval(this.#keepAlive);
    clearTimeout(this.#timer);
    this.#tun.onReadable = undefined;
    this.#tun.onLinkChange = undefined;
    // A change in progress must end first, or its sockets would be opened after this close.
    await this.#changes;
    try {
      this.#plane.close(this.#now());
    } catch (error) {
      // After a crash any part may fail. The rest is released all the same.
      this.#failure ??= crashError(this.name, error as Error);
    }
    this.#sockets.close();
    this.#releaseProvider();
    usedTuns.delete(this.#tun);
    this.#tun.close();
    this.#emitEvents();
    if (this.#isOpen) this.#listener.closed(this.#failure);
  }

  #schedule(): void {
    if (this.#stepIsScheduled || this.#closing || !this.#isOpen) return;
    this.#stepIsScheduled = true;
    // The step runs later, because more data may come in the same turn, and because a step must not
    // run inside a listener.
    setImmediate(() => this.#step());
  }

  #step(): void {
    this.#stepIsScheduled = false;
    if (this.#closing) return;
    let more = false;
    const now = this.#now();
    try {
      more = this.#plane.path.step(now);
      this.#sockets.markSuspects(now);
      this.#plane.finish(now);
      this.#sockets.endTurn();
    } catch (error) {
      this.#crash(error as Error);
    }
    this.#plane.loop.add(now, this.#now());
    this.#emitEvents();
    if (this.#plane.path.isTunGone) void this.close();
    else if (more) this.#schedule();
    this.#setTimer();
  }

  #crash(error: Error): void {
    this.#failure = crashError(this.name, error);
    void this.close();
  }

  #emitEvents(): void {
    const events = this.#events;
    this.#events = [];
    for (const event of events) this.#listener.event(event);
  }

  #setTimer(): void {
    const due = Math.min(this.#plane.due, this.#sockets.due);
    if (this.#closing || due === this.#timerDue) return;
    clearTimeout(this.#timer);
    this.#timerDue = due;
    if (due === Infinity) return;
    // Rounded up: a step before the deadline would have nothing to do.
    const ms = Math.min(Math.max(Math.ceil(due - this.#now()), 0), LONGEST_TIMEOUT_MS);
    this.#timer = setTimeout(() => {
      this.#timerDue = Infinity;
      this.#step();
    }, ms).unref();
  }

  #handleLinkChange(change: TunLinkChange): void {
    const changed = this.#inOrder(() => this.#apply(change));
    // No caller waits for this change, so its error is an event.
    changed.catch((error: unknown) => {
      if (isRefused(error)) this.#listener.error(error as Error);
      else this.#crash(error as Error);
    });
  }

  async #apply(change: TunLinkChange): Promise<void> {
    if (change.type === 'up') await this.#linkUp();
    else if (change.type === 'down') this.#plane.linkDown(this.#now());
    else this.#plane.setMtu(change.mtu);
    this.#schedule();
  }

  /** Runs `change` after the earlier changes have ended, whether they failed or not. */
  #inOrder(change: () => Promise<void>): Promise<void> {
    const changed = this.#changes.then(change);
    this.#changes = changed.catch(() => {});
    return changed;
  }

  async #configure(unresolved: DeviceConfiguration): Promise<void> {
    const change = markRefusals(() => resolveZones(unresolved, this.#sockets.interfaceIndex));
    const sockets = await this.#openSockets(this.#plane.bindingFor(change));
    this.#plane.configure(change, sockets, this.#now());
  }

  async #linkUp(): Promise<void> {
    const sockets = await this.#openSockets(this.#plane.bindingForLinkUp());
    if (sockets) this.#plane.linkUp(sockets, this.#now());
  }

  async #openSockets(binding: Binding | undefined): Promise<DatagramSocket | undefined> {
    if (!binding) return undefined;
    try {
      return await this.#sockets.open(binding);
    } catch (error) {
      throw markRefused(error);
    }
  }
}

/** The longest time that setTimeout accepts, in ms. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** The TUNs that devices use at present. */
const usedTuns = new WeakSet<Tun>();
