/**
 * `RecordLease`: the lease of the own record. Kept alive, so that the record stays as long as its agent
 * is there; when it is lost, that is told, and another one is granted with the next `hold`.
 *
 * @module
 */
import { DecorrelatedJitter } from '../decorrelated-jitter.ts';
import { systemClock, type Clock } from '../kubernetes/clock.ts';
import type { EtcdApi } from './etcd-client.ts';

export interface RecordLeaseOptions {
  /** How long a record outlives its agent. */
  readonly seconds: number;
  /** It ran out: nobody kept it alive in time. */
  readonly onLost: () => void;
  /** Undefined when it is kept alive again. */
  readonly onTrouble: (trouble: string | undefined) => void;
  readonly clock?: Clock;
  /** From 0 up to, not including, 1. */
  readonly random?: () => number;
}

export class RecordLease {
  readonly #api: EtcdApi;
  readonly #options: RecordLeaseOptions;
  readonly #clock: Clock;
  readonly #jitter: DecorrelatedJitter;
  #id = 0n;
  /** Seconds, as it was granted. */
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

  /** 0: none is held. */
  get id(): bigint {
    return this.#id;
  }

  /** The one that is held, else a new one. */
  async hold(): Promise<bigint> {
    if (this.#id !== 0n) return this.#id;
    const { id, ttl } = await this.#api.grantLease(this.#options.seconds);
    this.#keep(id, ttl);
    return id;
  }

  /** Goes on with one of before: that of an agent which was here before this one. @returns whether it lives */
  async adopt(id: bigint): Promise<boolean> {
    if (id === this.#id) return id !== 0n;
    if (id === 0n) return false;
    const { ttl } = await this.#api.keepLeaseAlive(id);
    if (ttl <= 0n) return false;
    this.#keep(id, ttl);
    return true;
  }

  /** Holds none any more; what has it runs out. */
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

  /** Two renewals may fail. */
  get #thirdMs(): number {
    return (Number(this.#ttl) * 1000) / 3;
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
      this.#options.onTrouble(`the lease can't be kept alive: ${(error as Error).message}`);
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
