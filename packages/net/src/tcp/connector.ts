/**
 * `Connector`: makes a connection to a name and a port.
 *
 * A name can have several addresses. They are tried as RFC 8305 says: the versions of IP take
 * turns. An attempt begins a quarter of a second after the attempt before it, or as soon as that
 * one has failed. The first connection that is established is kept.
 *
 * @module
 */
import { ADDRCONFIG, type LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import type { TcpSocket } from '@litz/netstack';
import { abortError, aggregateError, codeOf, systemError, type NetworkError } from '../errors.ts';
import { allAddresses, type LookupAll, type SocketHost, type SocketOwner } from '../socket-host.ts';
import type { Destination } from './connect-options.ts';

/** Called while a connection is made. In the end either `connected` or `failed` is called, once. */
export interface ConnectorListener {
  lookup(error: Error | null, address?: string, family?: number): void;
  /** @param isOneOfMany whether there are more addresses than this one */
  attempt(address: string, port: number, family: number, isOneOfMany: boolean): void;
  attemptFailed(address: string, port: number, family: number, error: Error): void;
  connected(socket: TcpSocket): void;
  failed(error: Error): void;
}

export class Connector implements SocketOwner {
  readonly #host: SocketHost;
  readonly #destination: Destination;
  readonly #listener: ConnectorListener;
  /** Ends the look-up of a name; undefined if there is none, because `host` is an IP address. */
  #lookup: AbortController | undefined;
  readonly #attempts: Set<Attempt> = new Set();
  readonly #errors: NetworkError[] = [];
  #addresses: string[] = [];
  #next = 0;
  #nextTimer: NodeJS.Timeout | undefined;
  #patienceTimer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(host: SocketHost, destination: Destination, listener: ConnectorListener) {
    this.#host = host;
    this.#destination = destination;
    this.#listener = listener;
  }

  /**
   * Begins. As with node:net, a `lookup` function may call the listener before `start` returns.
   * Everything else calls the listener later.
   */
  start(): void {
    const { host, connectTimeoutMs } = this.#destination;
    this.#host.waiting.add(this);
    if (connectTimeoutMs > 0) {
      this.#patienceTimer = setTimeout(() => this.#runOutOfPatience(), connectTimeoutMs);
    }
    const { failure } = this.#host;
    if (failure) process.nextTick(() => this.handleFailure(failure));
    else if (isIP(host) !== 0) process.nextTick(() => this.#begin([host]));
    else this.#resolve();
  }

  /** Ends all attempts. The listener is not called any more. */
  abort(): void {
    this.#end();
    for (const attempt of this.#attempts) attempt.abort();
  }

  /** Never called: the sockets of the stack belong to the attempts. */
  handleChange(): void {}

  handleFailure(reason: Error): void {
    if (this.#isOver) return;
    this.abort();
    this.#listener.failed(reason);
  }

  /**
   * Must be called when a peer does not answer. Attempts to its addresses fail with `ETIMEDOUT`.
   *
   * @param isConcerned whether an address belongs to the peer
   * @param describe returns the reason for the message of the error
   */
  handleSilence(
    isConcerned: (address: string) => boolean,
    describe: (address: string) => string,
  ): void {
    for (const attempt of this.#attempts) {
      const { address } = attempt;
      if (isConcerned(address)) attempt.fail('ETIMEDOUT', describe(address));
    }
  }

  /** @internal */
  attemptConnected(attempt: Attempt, socket: TcpSocket): void {
    this.#attempts.delete(attempt);
    this.abort();
    this.#listener.connected(socket);
  }

  /** @internal */
  attemptFailed(attempt: Attempt, error: NetworkError): void {
    if (this.#isOver) return;
    this.#attempts.delete(attempt);
    this.#errors.push(error);
    const { address, family } = attempt;
    this.#listener.attemptFailed(address, this.#destination.port, family, error);
    if (!this.#isOver) this.#tryNext();
  }

  #resolve(): void {
    const { host, family, localAddress, lookup } = this.#destination;
    const version = family || (localAddress === undefined ? undefined : isIP(localAddress));
    this.#lookup = new AbortController();
    const options = {
      family: version,
      hints: ADDRCONFIG,
      all: true as const,
      signal: this.#lookup.signal,
      patienceMs: RESOLUTION_DELAY_MS,
    };
    const find = (lookup ?? this.#host.lookup) as LookupAll;
    try {
      find(host, options, (error, found) => this.#resolved(error, found));
    } catch (error) {
      // As with node:net, `connect` throws what the `lookup` function of the program throws.
      this.#end();
      throw error;
    }
  }

  #resolved(error: NodeJS.ErrnoException | null, found: LookupAddress[]): void {
    if (this.#isOver) return;
    if (error) {
      this.#listener.lookup(error);
      process.nextTick(() => this.#fail(error));
      return;
    }
    const all = allAddresses(found);
    for (const { address, family } of all) this.#listener.lookup(null, address, family);
    const addresses = all.map(({ address }) => address);
    const { autoSelectFamily } = this.#destination;
    this.#begin(autoSelectFamily ? alternate(addresses) : addresses.slice(0, 1));
  }

  #begin(addresses: string[]): void {
    if (this.#isOver) return;
    this.#addresses = addresses;
    this.#tryNext();
  }

  #tryNext(): void {
    clearTimeout(this.#nextTimer);
    const address = this.#addresses[this.#next++];
    if (address === undefined) {
      if (this.#attempts.size === 0) this.#fail(aggregateError(this.#errors));
      return;
    }
    const attempt = new Attempt(this.#host, this.#destination, address, this);
    this.#attempts.add(attempt);
    const isOneOfMany = this.#addresses.length > 1;
    this.#listener.attempt(address, this.#destination.port, attempt.family, isOneOfMany);
    if (this.#isOver) return;
    if (this.#next < this.#addresses.length) {
      const delay = this.#destination.attemptDelayMs;
      this.#nextTimer = setTimeout(() => this.#tryNext(), delay);
    }
    attempt.start();
  }

  #runOutOfPatience(): void {
    if (this.#attempts.size > 0) {
      // Addresses that were not tried yet are left out.
      this.#addresses.length = this.#next;
      for (const attempt of this.#attempts) attempt.expire(this.#destination.connectTimeoutMs);
      return;
    }
    const { host, port, connectTimeoutMs } = this.#destination;
    const reason = `the look-up of the name took longer than ${connectTimeoutMs} ms`;
    this.#fail(systemError('ETIMEDOUT', 'connect', { address: host, port, reason }));
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.abort();
    this.#listener.failed(error);
  }

  #end(): void {
    this.#isOver = true;
    this.#host.waiting.delete(this);
    clearTimeout(this.#nextTimer);
    clearTimeout(this.#patienceTimer);
    this.#lookup?.abort(abortReason());
  }
}

/** The attempt to connect to one address. */
class Attempt implements SocketOwner {
  readonly address: string;
  readonly family: number;
  readonly #host: SocketHost;
  readonly #destination: Destination;
  readonly #connector: Connector;
  #socket: TcpSocket | undefined;

  constructor(host: SocketHost, destination: Destination, address: string, connector: Connector) {
    this.#host = host;
    this.#destination = destination;
    this.address = address;
    this.family = isIP(address);
    this.#connector = connector;
  }

  start(): void {
    const { port, localAddress, localPort } = this.#destination;
    const reason = this.#host.whyUnreachable(this.address);
    if (reason !== undefined) return this.fail('ENETUNREACH', reason);
    // Nobody listens at port 0.
    if (port === 0) return this.fail('ECONNREFUSED');
    try {
      this.#socket = this.#host.stack.connectTcp(this.address, port, {
        localPort,
        ...(localAddress !== undefined && { address: localAddress }),
      });
    } catch (error) {
      return this.fail(codeOf(error));
    }
    this.#host.add(this.#socket, this);
    return this.#host.wake();
  }

  handleChange(): void {
    const socket = this.#socket;
    if (!socket) return;
    if (socket.isConnected) {
      this.#socket = undefined;
      this.#host.remove(socket);
      this.#connector.attemptConnected(this, socket);
    } else if (socket.state === 'closed') {
      this.fail(codeOf(socket.error));
    }
  }

  handleFailure(reason: Error): void {
    this.#socket = undefined;
    this.#connector.handleFailure(reason);
  }

  abort(): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = undefined;
    this.#host.remove(socket);
    socket.abort();
    this.#host.wake();
  }

  fail(code: string, reason?: string): void {
    this.abort();
    const { port, localAddress, localPort } = this.#destination;
    const error = systemError(code, 'connect', { address: this.address, port, reason });
    if (localAddress !== undefined && localPort !== 0) {
      Object.assign(error, { localAddress, localPort });
    }
    this.#connector.attemptFailed(this, error);
  }

  /** Fails, because the time limit of the caller is over. The error names the peer. */
  expire(ms: number): void {
    void this.#host.describePeer(this.address).then((peer) => {
      if (!this.#socket) return;
      const silent = peer === undefined ? 'no answer' : `no answer through the peer ${peer}`;
      this.fail('ETIMEDOUT', `${silent} within ${ms} ms`);
    });
  }
}

/** RFC 8305 4: the versions of IP take turns, and the first address stays the first. */
function alternate(addresses: readonly string[]): string[] {
  const unique = [...new Set(addresses)];
  const version = isIP(unique[0] ?? '');
  const first = unique.filter((address) => isIP(address) === version);
  const second = unique.filter((address) => isIP(address) !== version);
  const result: string[] = [];
  for (let i = 0; i < Math.max(first.length, second.length); i++) {
    if (first[i] !== undefined) result.push(first[i]!);
    if (second[i] !== undefined) result.push(second[i]!);
  }
  return result;
}

function abortReason(): Error {
  return abortError(AbortSignal.abort('the connection attempt was ended'));
}

/** RFC 8305 3: how long to wait for the addresses of the other version. */
const RESOLUTION_DELAY_MS = 50;
