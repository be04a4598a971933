/**
 * `SocketHost`: the things that all sockets of a network share: the stack, the link under it, and
 * the table of the owners of the stack's sockets. An owner is called when its socket changes.
 *
 * A change is reported in the next tick. So a socket never calls a listener while the program calls
 * the socket, and all data of one turn of the packet loop is read at once.
 *
 * @module
 */
import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP } from 'node:net';

import { IpAddress, type Socket as StackSocket, type Stack, type TcpSocket } from '@litz/netstack';
import { Lingering } from './lingering.ts';

/** What carries the packets of a stack: a `StackTun`, or a link between two stacks. */
export interface StackLink {
  /** Must be called in each callback of the event loop that calls the stack or its sockets. */
  wake(): void;
}

/** The owner of a socket of the stack. It is called when something happens to the socket. */
export interface SocketOwner {
  /** The state of the socket has changed. */
  handleChange(): void;
  /** The network is closed, for this reason. */
  handleFailure(reason: Error): void;
}

/** The callback of a look-up for several addresses, as that of dns.lookup. */
export type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  addresses: LookupAddress[],
) => void;

/** Looks names up. It has the shape of dns.lookup with `all: true`. */
export type LookupAll = (
  hostname: string,
  options: LookupOptions & { all: true; signal?: AbortSignal; patienceMs?: number },
  callback: LookupCallback,
) => void;

/**
 * Returns the result of a look-up as a list. A `lookup` function of the program may ignore `all`
 * and give one address.
 */
export function allAddresses(found: LookupAddress[] | string): LookupAddress[] {
  return Array.isArray(found) ? found : [{ address: found, family: isIP(found) }];
}

/** Finds out which peer an address belongs to, for the text of an error. */
export type PeerNames = (address: string) => Promise<string | undefined>;

/** Options of `SocketHost`. */
export interface SocketHostOptions {
  readonly stack: Stack;
  /** The addresses of the stack. */
  readonly addresses: readonly string[];
  readonly lookup: LookupAll;
  readonly describePeer: PeerNames;
  /**
   * Called with true when a first socket keeps the process alive, and with false when no socket
   * does so any more.
   */
  readonly onHold: (isHeld: boolean) => void;
}

export class SocketHost {
  readonly stack: Stack;
  /** The addresses of the stack. */
  readonly addresses: readonly string[];
  readonly lookup: LookupAll;
  readonly describePeer: PeerNames;
  /** Set before the first socket is made. */
  link: StackLink | undefined = undefined;
  /** The connectors that wait for a connection or a name. */
  readonly waiting: Set<SocketOwner> = new Set();
  /** Connections that the program has closed. */
  readonly lingering: Lingering = new Lingering();
  readonly #onHold: (isHeld: boolean) => void;
  readonly #owners = new Map<StackSocket, SocketOwner>();
  #changed: StackSocket[] = [];
  #isScheduled = false;
  #holds = 0;
  #failure: Error | undefined;
  #isClosedByProgram = false;

  constructor(options: SocketHostOptions) {
    this.stack = options.stack;
    this.addresses = options.addresses;
    this.lookup = options.lookup;
    this.describePeer = options.describePeer;
    this.#onHold = options.onHold;
  }

  /** Why the network is closed; undefined while it is open. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * Returns why no packet can go to an address; undefined: packets can go there. A loopback address
   * is refused, because packets to it would leave the host, and a peer could receive them.
   */
  whyUnreachable(address: string): string | undefined {
    const version = isIP(address);
    if (!this.addresses.some((own) => isIP(own) === version)) {
      return `the network has no address of IPv${version}`;
    }
    if (!IpAddress.from(address).isLoopback) return undefined;
    return 'loopback addresses cannot be reached; "localhost" stands for the addresses of the network itself';
  }

  /** Must be called after each call on the stack or one of its sockets. */
  wake(): void {
    this.link?.wake();
  }

  /** From this call on, reports the changes of a socket to `owner`. */
  add(socket: StackSocket, owner: SocketOwner): void {
    this.#owners.set(socket, owner);
  }

  remove(socket: StackSocket): void {
    this.#owners.delete(socket);
  }

  /** Called by the link: this socket has changed. */
  handleChange(socket: StackSocket): void {
    this.#changed.push(socket);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(() => this.#report());
  }

  /** Whether a socket keeps the process alive. */
  get isHeld(): boolean {
    return this.#holds > 0;
  }

  /** Must be called when a socket that keeps the process alive opens. */
  hold(): void {
    if (this.#holds++ === 0) this.#onHold(true);
  }

  /** Must be called when a socket that keeps the process alive closes or is `unref`'d. */
  release(): void {
    if (--this.#holds === 0) this.#onHold(false);
  }

  /** Whether the program has closed the network. False if an error has closed it. */
  get isClosedByProgram(): boolean {
    return this.#isClosedByProgram;
  }

  /** Ends all sockets as `fail` does, because the program closes the network. */
  close(reason: Error): void {
    this.#isClosedByProgram ||= !this.#failure;
    this.fail(reason);
  }

  /** Ends all sockets with this reason. Sockets that are opened later fail with it, too. */
  fail(reason: Error): void {
    if (this.#failure) return;
    this.#failure = reason;
    const owners = [...this.waiting, ...this.#owners.values()];
    this.waiting.clear();
    this.#owners.clear();
    for (const owner of owners) owner.handleFailure(reason);
  }

  /**
   * Reports all changes. If a listener throws, the remaining changes are reported in the next tick.
   */
  #report(): void {
    const changed = this.#changed;
    this.#changed = [];
    this.#isScheduled = false;
    let next = 0;
    try {
      while (next < changed.length) this.#reportOne(changed[next++]!);
    } finally {
      for (const socket of changed.slice(next)) this.handleChange(socket);
    }
  }

  #reportOne(socket: StackSocket): void {
    const owner = this.#owners.get(socket);
    if (owner) owner.handleChange();
    else this.lingering.handleChange(socket as TcpSocket);
  }
}
