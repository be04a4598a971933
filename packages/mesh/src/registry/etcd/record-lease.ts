/**
 * `RecordLease`: the lease of this node's record. The lease is renewed, so that the record stays
 * while its agent runs. If the lease is lost, `onLost` is called, and the next `hold` requests a
 * new lease.
 *
 * @module
 */
import { DecorrelatedJitter } from '../decorrelated-jitter.ts';
import { systemClock, type Clock } from '../clock.ts';
import type { EtcdApi } from './etcd-client.ts';

export interface RecordLeaseOptions {
  /** In seconds. How long a record stays after its agent has ended. */
  readonly seconds: number;
  /** Called when the lease has run out, because it was not renewed in time. */
  readonly onLost: () => void;
  /**
   * Called with the reason why the lease cannot be renewed, or with undefined when etcd has
   * answered a renewal.
   */
  readonly onTrouble: (trouble: string | undefined) => void;
  readonly clock?: Clock;
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random?: () => number;
}

export class RecordLease {
  readonly #api: EtcdApi;
  readonly #options: RecordLeaseOptions;
  readonly #clock: Clock;
  readonly #jitter: DecorrelatedJitter;
  #id = 0n;
  /** In seconds. The time to live that etcd granted. */
  #ttl = 0n;
  #cancel: () => void = () => {};
  #isClosed = false;

  constructor(api: EtcdApi, options: RecordLeaseOptions) {
    const { clock = systemClock, random = Math.random } = options;
    this.#api = api;
    this.#options = options;
    this.#clock = clock;
    this.#jitter = new DecorrelatedJitter({ base: 1000, cap: 30_000, random });
  }

  /** The id of the current lease; 0 if there is none. */
  get id(): bigint {
    return this.#id;
  }

  /** Returns the id of the current lease. If there is none, requests a new lease. */
  async hold(): Promise<bigint> {
    if (this.#id !== 0n) return this.#id;
    const { id, ttl } = await this.#api.grantLease(this.#options.seconds);
    this.#keep(id, ttl);
    return id;
  }

  /**
   * Takes over an existing lease, such as the lease of the previous agent.
   *
   * @returns true if the lease still lives
   */
  async adopt(id: bigint): Promise<boolean> {
    if (id === this.#id) return id !== 0n;
    if (id === 0n) return false;
    const { ttl } = await this.#api.keepLeaseAlive(id);
    if (ttl <= 0n) return false;
    this.#keep(id, ttl);
    return true;
  }

  /** Stops renewing the lease. The lease then runs out, and etcd deletes its keys. */
  drop(): void {
    this.#id = 0n;
    this.#cancel();
  }

  close(): void {
    this.#isClosed = true;
    this.drop();
  }

  #keep(id: bigint, ttl: bigint): void {
    if (this.#isClosed) return;
    this.#id = id;
    this.#jitter.reset();
    this.#ttl = ttl;
    this.#after(this.#thirdMs);
  }

  /**
   * The time until the next renewal, in milliseconds: a third of the lease's time to live, so that
   * two renewals in a row may fail. It is at most a third of the requested time, because a server
   * could grant a lease of years.
   */
  get #thirdMs(): number {
    const ttl = Math.min(Number(this.#ttl), Math.max(this.#options.seconds, 1));
    return (ttl * 1000) / 3;
  }

  #after(ms: number): void {
    this.#cancel();
    this.#cancel = this.#clock.after(ms, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const id = this.#id;
    let ttl: bigint;
    try {
      ({ ttl } = await this.#api.keepLeaseAlive(id));
    } catch (error) {
      if (this.#id !== id) return;
      this.#options.onTrouble(`the lease cannot be renewed: ${(error as Error).message}`);
      this.#after(Math.min(this.#jitter.next(), this.#thirdMs));
      return;
    }
    if (this.#id !== id) return;
    this.#options.onTrouble(undefined);
    if (ttl > 0n) return this.#keep(id, ttl);
    this.drop();
    this.#options.onLost();
  }
}
