/**
 * `LinuxWarmUp`: runs a warm-up in the thread of a Linux device while the device has nothing else
 * to do.
 *
 * @module
 */
import type * as Sys from '@litz/sys';
import type * as TunPackage from '@litz/tun';
import type { LinuxPackages } from '../linux/linux-packages.ts';
import type { LinuxSockets } from '../linux/linux-sockets.ts';
import type { ThreadControl } from '../linux/thread-control.ts';
import type { DatagramSocket, Tun } from '../plane/io-interfaces.ts';
import { WarmUp, type WarmUpOptions } from './warm-up.ts';

export interface LinuxWarmUpOptions extends Pick<WarmUpOptions, 'memory' | 'bytes' | 'crypto'> {
  readonly packages: LinuxPackages;
  /** Records the TUNs of the warm-up while they are open. */
  readonly control: ThreadControl;
  readonly sockets: LinuxSockets;
  /** The offloads that the device's TUN has, or is expected to have. */
  readonly offloads: TunPackage.TunOffloads;
}

export class LinuxWarmUp {
  readonly #sys: typeof Sys;
  readonly #control: ThreadControl;
  readonly #warmUp: WarmUp;
  readonly #opened: DatagramSocket[] = [];
  /** How many packets the device had carried at the last call of `run`. */
  #packets = 0;
  #pauseEnd = Infinity;

  /** Opens nothing yet. */
  constructor({ packages, control, sockets, offloads, ...options }: LinuxWarmUpOptions) {
    const closeTun = (tun: Tun): void => {
      control.forgetDescriptor(tun.fd);
      tun.close();
    };
    this.#sys = packages.sys;
    this.#control = control;
    this.#warmUp = new WarmUp({
      ...options,
      openTuns() {
        const tuns = packages.tun.openTunPair(offloads);
        try {
          for (const { fd } of tuns) control.recordDescriptor(fd);
        } catch (error) {
          tuns.forEach(closeTun);
          throw error;
        }
        return tuns;
      },
      closeTun,
      openSockets: () => {
        const opened = sockets.open({ port: 0, loopbackOnly: true });
        this.#opened.push(opened);
        return opened;
      },
      closeSockets: (opened) => sockets.close(opened),
    });
  }

  /** Whether the warm-up is over and everything that it opened is closed. */
  get isDone(): boolean {
    return this.#warmUp.isDone;
  }

  /** When a pause ends and `run` is due, in ms of `boottimeMs`; Infinity: there is no pause. */
  get due(): number {
    return this.#pauseEnd;
  }

  /** Whether sockets of the warm-up use this port. */
  hasPort(port: number): boolean {
    return this.#opened.some((sockets) => sockets.fds.length > 0 && sockets.port === port);
  }

  /**
   * Runs the warm-up until its single packets were sent, for `LONGEST_BEGIN_MS` at most. So the
   * first packets of the device find compiled code. The device must have no interface yet, so that
   * neither packets nor requests wait.
   */
  begin(): void {
    this.#runAlone(LONGEST_BEGIN_MS, () => this.#warmUp.hasSentSingles);
  }

  /** Runs the whole warm-up, for `LONGEST_MS` at most, before the device has an interface. */
  finish(): void {
    this.#runAlone(LONGEST_MS, () => this.isDone);
    this.close();
  }

  /**
   * Continues the warm-up until it is over, a descriptor of `polled` is ready, or `due` has passed.
   * It runs in slices: a slice is one call of `WarmUp.step`. After each packet of the device, the
   * warm-up pauses for some milliseconds: without the pause, the answer to that packet would wait
   * for the end of a slice. After several packets at once, it pauses for longer. They are part of a
   * stream, and slices between them would make the stream much slower.
   *
   * @param due in ms of `boottimeMs`
   * @param packets how many packets the device itself has carried
   */
  run(polled: Sys.PollSet, due: number, packets: number): void {
    if (packets > ENOUGH_PACKETS) this.close();
    if (!this.#isPaused(packets)) this.#runUntil(polled, due, () => this.isDone);
  }

  /**
   * Pauses because the device is being configured: the link goes up next, and the peer's first
   * message may follow at once. On a busy machine, the kernel prefers a thread that has slept to a
   * thread that has just used much processor time. So after a pause, this thread handles the
   * message sooner.
   */
  pauseForConfiguration(): void {
    this.#pauseUntil(this.#sys.boottimeMs() + QUIET_MS);
  }

  /** Ends the warm-up and closes everything that it opened. May be called again. */
  close(): void {
    this.#warmUp.close();
  }

  /**
   * Runs the warm-up until `isOver` returns true, `mostMs` have passed, or the thread is stopped.
   */
  #runAlone(mostMs: number, isOver: () => boolean): void {
    const { PollSet, boottimeMs } = this.#sys;
    // Nothing is in this set, so no request interrupts the warm-up.
    const nothing = new PollSet();
    this.#runUntil(nothing, boottimeMs() + mostMs, () => isOver() || this.#control.isStopped);
  }

  /** This is a separate loop, so that V8 does not optimize the device's loop for the warm-up. */
  #runUntil(polled: Sys.PollSet, due: number, isOver: () => boolean): void {
    for (let slice = 1; !isOver(); slice++) {
      // The pauses give V8's threads time to compile. Fewer compilations at once take less memory.
      if (polled.wait(slice % SLICES_PER_PAUSE === 0 ? PAUSE_MS : 0) !== 0) return;
      const now = this.#sys.boottimeMs();
      if (now >= due) return;
      this.#warmUp.step(now);
    }
  }

  #isPaused(packets: number): boolean {
    const now = this.#sys.boottimeMs();
    const carried = packets - this.#packets;
    this.#packets = packets;
    if (carried > 0) this.#pauseUntil(now + (carried < STREAM_PACKETS ? ANSWER_MS : QUIET_MS));
    else if (now >= this.#pauseEnd) this.#pauseEnd = Infinity;
    return this.#pauseEnd !== Infinity;
  }

  /** A short pause does not end a longer one. */
  #pauseUntil(end: number): void {
    if (this.#pauseEnd === Infinity || end > this.#pauseEnd) this.#pauseEnd = end;
  }
}

/**
 * In ms. The time is short, because a program that makes a device waits for `begin`, for instance
 * while it restores a mesh.
 */
const LONGEST_BEGIN_MS = 250;
/** In ms. With one busy core, a warm-up takes about a second. */
const LONGEST_MS = 5000;
/** A pause follows after this many slices. */
const SLICES_PER_PAUSE = 16;
/**
 * In ms; poll rounds this up to 1. The number is a fraction, so that V8 sees the same kind of
 * number here as in the device's own waits.
 */
const PAUSE_MS = 0.5;
/** The warm-up continues when a single packet was followed by no other for this long, in ms. */
const ANSWER_MS = 5;
/**
 * This many packets in one turn, or more, are part of a stream. A ping and its answer are fewer.
 */
const STREAM_PACKETS = 4;
/** The warm-up continues when no stream was seen for this long, in ms. */
const QUIET_MS = 100;
/**
 * After this many packets of its own, a device has compiled its packet path without the warm-up.
 */
const ENOUGH_PACKETS = 20_000;
