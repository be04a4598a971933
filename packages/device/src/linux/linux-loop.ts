/**
 * `LinuxLoop`: the packet loop of a device on Linux. It has a thread of its own, which sleeps in
 * poll while there is nothing to do.
 *
 * The loop waits for its eventfd (requests from the main thread), the TUN, the sockets, and changes
 * of the link and the routes, but not longer than until the next deadline. It records in the shared
 * memory which descriptors it opens, so that the main thread can close them if this thread dies. It
 * does not record the sockets inside the link monitor, because they change. The Netlink socket of a
 * warm-up is not recorded either.
 *
 * @module
 */
import { DEFAULT_MTU, runSteps, type Steps } from '@litz/core/internals';
import type { DeviceConfiguration } from '@litz/config';
import type * as Sys from '@litz/sys';
import type * as TunPackage from '@litz/tun';
import type * as Udp from '@litz/udp';
import type { DataPlane } from '../plane/data-plane.ts';
import { answerRequest, type DeviceRequest } from '../driver.ts';
import type { LinuxWarmUp } from '../warm-up/linux-warm-up.ts';
import type { LinuxSockets } from './linux-sockets.ts';
import type { LinuxLoopOptions } from './linux-loop-options.ts';
import {
  addAddresses,
  createPlane,
  createSockets,
  createWarmUp,
  receiveBytes,
} from './loop-parts.ts';
import { LoopResources } from './loop-resources.ts';
import {
  isHandOverRequest,
  type HandOverRequest,
  type SavedDevice,
} from '../hand-over/saved-device.ts';
import type { CommonSettings } from '../options.ts';
import { PacketMemory } from '../plane/packet-memory.ts';
import type { Binding, DatagramSocket } from '../plane/io-interfaces.ts';
import { markRefused, markRefusals } from '../refusal.ts';
import { resolveZones } from '../resolve-zones.ts';
import { PolledSockets } from './polled-sockets.ts';
import { RouteWatch } from './route-watch.ts';
import { adoptSockets, closeInterface, createSavedSettings, rehearse } from './loop-hand-over.ts';
import { reviveChange } from './worker-messages.ts';

export class LinuxLoop {
  readonly #options: LinuxLoopOptions;
  readonly #polled: Sys.PollSet;
  readonly #wake: Sys.EventFd;
  readonly #wakeIndex: number;
  readonly #memory: PacketMemory;
  readonly #sockets: LinuxSockets;
  readonly #resources: LoopResources;
  readonly #polledSockets: PolledSockets;
  #isGone = false;
  /** Whether some requests were left for the next turn, so that packets are not delayed. */
  #requestsWait = false;
  /**
   * When the loop tries again to open sockets that could not be opened. Infinity: the sockets are
   * open, or the link is down.
   */
  #linkUpDue = Infinity;
  /** Whether the loop rests, because of a hand-over: nothing is read and nothing is sent. */
  #isResting = false;
  /**
   * Whether `close` leaves the interface as it is: another process has it or will get it, or the
   * loop has crashed.
   */
  #leavesInterface = false;
  /** Set until the warm-up is over. */
  #warmUp: LinuxWarmUp | undefined = undefined;
  // The fields below are set by `open`, or by `prepare` and a `rehearse` request.
  #tun!: TunPackage.TunDevice;
  #plane!: DataPlane;
  #link!: TunPackage.TunMonitor;
  #routes!: RouteWatch;
  #netlink!: Sys.Netlink;

  /** Length in bytes of the buffer for packets. */
  static memoryLength(udp: typeof Udp, settings: CommonSettings): number {
    return PacketMemory.length(receiveBytes(udp, settings));
  }

  constructor(options: LinuxLoopOptions) {
    const { packages, control, settings, bytes } = options;
    const { EventFd, PollSet, linux } = packages.sys;
    this.#options = options;
    this.#resources = new LoopResources(control);
    this.#polled = new PollSet();
    this.#polledSockets = new PolledSockets(this.#polled, linux.POLLIN);
    this.#wake = new EventFd();
    this.#wakeIndex = this.#polled.add(this.#wake.fd, linux.POLLIN);
    // From here on the main thread can wake this thread. The main thread closes the eventfd at the
    // end.
    control.eventFd = this.#wake.fd;
    this.#memory = new PacketMemory(receiveBytes(packages.udp, settings), bytes?.buffer);
    this.#sockets = createSockets(options, this.#memory);
  }

  /** The name of the interface. The kernel chose the number for `%d`. */
  get name(): string {
    return this.#tun.name;
  }

  /**
   * Begins the warm-up, if it is requested, and then opens everything. If it throws, `close`
   * releases what was opened.
   *
   * @throws {SystemError} a system call failed
   */
  open(): void {
    const { packages, tunName, settings } = this.#options;
    const { tun: tunPackage, sys } = packages;
    const { mtu, addresses, configuration, up, offload, persist, warmUp } = settings;
    this.#netlink = this.#resources.keepDescriptors(new sys.Netlink());
    if (warmUp) {
      // Nobody can use the interface yet, so nothing waits for the warm-up.
      this.#warmUp = this.#createWarmUp({ tcp: offload.tunTcp, udp: offload.tunUdp });
      this.#warmUp.begin();
    }
    const tun = tunPackage.openTun({
      name: tunName,
      mtu: mtu ?? DEFAULT_MTU,
      offload: { tcp: offload.tunTcp, udp: offload.tunUdp },
      persist,
    });
    this.#use(tun);
    runSteps(this.#configure(configuration));
    addAddresses(tun, addresses);
    if (!up) return;
    // Another program may start to use the link when it goes up. So the sockets are opened first:
    // if the port is taken, the error comes while the link is still down.
    const sockets = this.#openSockets(this.#plane.bindingForLinkUp());
    this.#netlink.setLink(tun.interfaceIndex, { up: true });
    if (sockets) this.#plane.linkUp(sockets, sys.boottimeMs());
  }

  /**
   * Prepares a device that takes the place of another one. Does only what needs no interface: a
   * warm-up lets V8 compile the packet path. The loop then rests.
   */
  prepare(): void {
    const { packages, takesOver } = this.#options;
    this.#netlink = this.#resources.keepDescriptors(new packages.sys.Netlink());
    this.#createWarmUp(takesOver?.offloads ?? { tcp: true, udp: true }).finish();
    this.#isResting = true;
  }

  /**
   * Only answers requests, until a `resume` request comes or the loop is stopped. Packets wait in
   * the kernel.
   */
  rest(): void {
    const { packages, control, longestSleepMs } = this.#options;
    const resting = new packages.sys.PollSet();
    resting.add(this.#wake.fd, packages.sys.linux.POLLIN);
    while (this.#isResting && !control.isStopped) {
      resting.wait(this.#requestsWait ? 0 : longestSleepMs);
      this.#takeRequests(true);
    }
  }

  /**
   * Makes `close` leave a persistent interface as it is. After a crash, the routes through the
   * interface stay too, so no packet leaves outside of the tunnel.
   */
  leaveInterface(): void {
    this.#leavesInterface = true;
  }

  /** Runs until `ThreadControl.stop` is called, or the TUN is gone. */
  run(): void {
    const { longestSleepMs, priority } = this.#options;
    const { sys } = this.#options.packages;
    const { POLLIN } = sys.linux;
    const polled = this.#polled;
    const { path } = this.#plane;
    const tun = polled.add(this.#tun.fd, POLLIN);
    let isTunPaused = false;
    // Another program may have set the link up before the monitor was made. The monitor does not
    // report that, because it reports only changes.
    if (this.#tun.isUp) this.#linkUp(sys.boottimeMs());
    else this.#plane.linkDown(sys.boottimeMs());
    const link = polled.add(this.#link.fd, POLLIN);
    const routes = polled.add(this.#routes.fd, POLLIN);
    let now = sys.boottimeMs();
    while (!this.#options.control.isStopped && !path.isTunGone && !this.#isGone) {
      this.#polledSockets.follow(path.sockets);
      if (this.#warmUp) this.#stepWarmUp(this.#warmUp);
      const endedAt = sys.boottimeMs();
      this.#plane.loop.add(now, endedAt);
      this.#options.threads?.observe(now, endedAt, path.carriedBytes);
      if (!this.#warmUp) priority?.observe(now, endedAt);
      this.#plane.loop.isRealtime = priority?.isRealtime ?? false;
      const due = Math.min(this.#due, (this.#warmUp ?? priority)?.due ?? Infinity);
      polled.wait(Math.min(due - endedAt, longestSleepMs));
      now = sys.boottimeMs();
      this.#takeRequests(polled.ready(this.#wakeIndex) !== 0);
      if (this.#isResting) {
        this.rest();
        now = sys.boottimeMs();
        continue;
      }
      if (polled.ready(link) !== 0) this.#followLink(now);
      if (polled.ready(routes) !== 0) this.#routes.recordChange();
      if (isTunPaused ? now >= path.tunPausedUntil : polled.ready(tun) !== 0) path.readTun(now);
      isTunPaused = path.tunPausedUntil !== Infinity;
      polled.setMuted(tun, isTunPaused);
      this.#polledSockets.receive(path, now);
      if (now >= this.#routes.due) this.#routes.markSuspects(now);
      polled.setMuted(routes, this.#routes.isMuted);
      if (now >= this.#linkUpDue) this.#linkUp(now);
      this.#plane.finish(now);
      this.#routes.suspects.endTurn();
    }
  }

  /**
   * Carries out a request, in steps, and returns the answer. Packets may pass between two steps,
   * but there must be no other request.
   *
   * @throws a refusal (see refusal.ts), or the error of a crash
   */
  *answer(request: DeviceRequest): Steps<unknown> {
    const now = this.#options.packages.sys.boottimeMs();
    if (isHandOverRequest(request)) return this.#handOver(request, now);
    if (this.#isResting) throw markRefused(new RangeError('the device is being handed over'));
    if (request.type === 'link') return this.#setLink(request.up, now);
    if (request.type !== 'configure') return yield* answerRequest(this.#plane, request, now);
    this.#warmUp?.pauseForConfiguration();
    yield* this.#configure(request.change);
    if (this.#linkUpDue !== Infinity) this.#linkUp(this.#options.packages.sys.boottimeMs());
    return undefined;
  }

  /**
   * Releases everything except the eventfd. If one resource cannot be released, the others are
   * released all the same.
   *
   * @throws the first error
   */
  close(): void {
    this.#resources.close();
  }

  #createWarmUp(offloads: TunPackage.TunOffloads): LinuxWarmUp {
    return this.#resources.keep(createWarmUp(this.#options, offloads, this.#sockets, this.#memory));
  }

  /** Takes a TUN, and makes everything that works on it. */
  #use(tun: TunPackage.TunDevice): void {
    const { packages, settings } = this.#options;
    this.#tun = this.#resources.keepDescriptors(tun);
    this.#resources.keep({
      close: () => {
        if (settings.persist && !this.#leavesInterface && !tun.isGone()) tun.forgetPersistence();
      },
    });
    // The monitor is made first. It reports every change from here on, and what is read after this
    // line includes all earlier changes. So no change is missed.
    this.#link = this.#resources.keepDescriptors(new packages.tun.TunMonitor(tun));
    this.#plane = createPlane(this.#options, {
      tun,
      memory: this.#memory,
      netlink: this.#netlink,
      sockets: this.#sockets,
    });
    this.#resources.keep({ close: () => this.#plane.close(packages.sys.boottimeMs()) });
    this.#routes = this.#resources.keepDescriptors(
      new RouteWatch(packages, this.#netlink, this.#plane),
    );
  }

  #handOver(request: HandOverRequest, now: number): SavedDevice | undefined {
    // To save or restore many peers takes long.
    this.#options.priority?.rest(now);
    if (request.type === 'save') {
      this.#isResting = request.rest;
      const { state, plane } = this.#plane.save(now);
      return { state, ...createSavedSettings(this.#tun, this.#plane.path.sockets, plane, now) };
    }
    // The interface stays while both processes have it, and when only the other process has it.
    this.#leavesInterface = request.type !== 'resume';
    const { type } = request;
    if (type === 'rehearse') this.#use(markRefusals(() => rehearse(this.#options, request.saved)));
    if (type === 'adopt') markRefusals(() => this.#adopt(request.saved));
    this.#isResting &&= request.type !== 'resume';
    if (request.type !== 'resume') return undefined;
    if (request.restart) this.#plane.restartSessions(now);
    // The engine may have made events when it took the state of another process.
    else this.#plane.path.drain();
    return undefined;
  }

  /**
   * Continues the device of another process. This loop opened the interface of that device in the
   * rehearsal.
   */
  #adopt({ settings, fds, state }: SavedDevice): void {
    const [tunFd = -1, ...socketFds] = fds;
    closeInterface(this.#options.packages.sys, tunFd, settings.offloads, this.#tun.offloads);
    const sockets = adoptSockets(this.#sockets, settings, socketFds, {
      ...this.#plane.reports,
      suspects: this.#routes.suspects,
    });
    this.#plane.restore(state, settings.plane, sockets);
    this.#plane.setMtu(this.#tun.mtu);
  }

  /**
   * Applies a change that was checked in another thread. Zones are resolved here, in the namespace
   * of the sockets.
   */
  *#configure(change: DeviceConfiguration): Steps {
    const { interfaceIndex, boottimeMs } = this.#options.packages.sys;
    const revived = yield* reviveChange(change);
    const resolved = markRefusals(() => resolveZones(revived, interfaceIndex));
    const sockets = markRefusals(() => this.#openSockets(this.#plane.bindingFor(resolved)));
    yield* this.#plane.configureInSteps(resolved, sockets, boottimeMs);
  }

  /** The next deadline, in ms of the clock; Infinity: none. */
  get #due(): number {
    if (this.#requestsWait) return 0;
    return Math.min(this.#plane.due, this.#routes.due, this.#linkUpDue);
  }

  #stepWarmUp(warmUp: LinuxWarmUp): void {
    const { readPackets, writtenPackets } = this.#plane.path;
    warmUp.run(this.#polled, this.#due, readPackets + writtenPackets);
    if (warmUp.isDone) this.#warmUp = undefined;
  }

  #takeRequests(isWoken: boolean): void {
    if (isWoken) this.#wake.clear();
    else if (!this.#requestsWait) return;
    this.#requestsWait = this.#options.onWake();
    // A change that is still in progress may have made output. The output must be taken before
    // packets pass.
    if (this.#requestsWait && !this.#isResting) this.#plane.path.drain();
  }

  #followLink(now: number): void {
    for (const change of this.#link.read()) this.#apply(change, now);
  }

  #apply(change: Sys.LinkChange, now: number): void {
    if (change.type === 'up') this.#linkUp(now);
    else if (change.type === 'mtu') this.#plane.setMtu(change.mtu);
    else if (change.type === 'gone') this.#isGone = true;
    else if (change.type === 'down') {
      this.#linkUpDue = Infinity;
      this.#plane.linkDown(now);
    }
  }

  /**
   * Sets the link up or down for a request. The caller of the request receives the errors. The link
   * monitor then reports a change that has already been handled.
   */
  #setLink(up: boolean, now: number): void {
    this.#linkUpDue = Infinity;
    if (!up) {
      markRefusals(() => this.#tun.down());
      this.#plane.linkDown(now);
      return;
    }
    const sockets = markRefusals(() => this.#openSockets(this.#plane.bindingForLinkUp()));
    try {
      markRefusals(() => this.#tun.up());
    } catch (error) {
      if (sockets) this.#sockets.close(sockets);
      throw error;
    }
    if (sockets) this.#plane.linkUp(sockets, now);
  }

  /**
   * Opens the sockets after another program set the link up. That program cannot receive our error.
   * So a port that is taken is reported once, as an event. Opening is tried again until the port is
   * free or another port is configured.
   */
  #linkUp(now: number): void {
    const isFirst = this.#linkUpDue === Infinity;
    let sockets: DatagramSocket | undefined;
    try {
      sockets = this.#openSockets(this.#plane.bindingForLinkUp());
    } catch (error) {
      this.#linkUpDue = now + LINK_UP_INTERVAL_MS;
      if (isFirst) this.#options.onError(error);
      return;
    }
    if (sockets) this.#plane.linkUp(sockets, now);
    this.#linkUpDue = Infinity;
  }

  #openSockets(binding: Binding | undefined): DatagramSocket | undefined {
    if (!binding) return undefined;
    const { suspects } = this.#routes;
    const options = { ...binding, ...this.#plane.reports, suspects };
    try {
      return this.#sockets.open(options);
    } catch (error) {
      const { SystemError } = this.#options.packages.sys;
      const isTaken = error instanceof SystemError && error.errno === 'EADDRINUSE';
      // The kernel may have given the configured port to the warm-up. Then the warm-up ends.
      if (!isTaken || !this.#warmUp?.hasPort(options.port)) throw error;
      this.#warmUp.close();
      this.#warmUp = undefined;
      return this.#sockets.open(options);
    }
  }
}

// The time between two attempts to open the sockets while the port is taken, in ms.
const LINK_UP_INTERVAL_MS = 1000;
