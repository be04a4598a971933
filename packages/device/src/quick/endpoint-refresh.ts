/**
 * `EndpointRefresh`: looks the name of an endpoint up again while its peer is silent.
 *
 * A device sends to addresses. If the address behind a name changes, or the network no longer
 * carries one version of IP, handshakes get no answer. Then the name (`endpointName` of the peer)
 * is looked up with the resolver of the system, and the peer gets the next address of the name as
 * its endpoint. All addresses of the name, IPv4 and IPv6, are tried one after the other until the
 * peer answers. A peer that answers keeps its endpoint, even after it has roamed. A peer that has a
 * name and no endpoint gets the first address at once.
 *
 * @module
 */
import { lookup } from 'node:dns/promises';
import type { EventEmitter } from 'node:events';
import { formatKey, parseEndpoint, type Endpoint, type PublicKey } from '@litz/core';
import { checkObject, keyId, redactKeys } from '@litz/core/internals';
import { wipeSecrets } from '@litz/config';
import type { Device } from '../device.ts';
import type { DeviceEvents } from '../device-events.ts';
import { resolveEndpoint, type HostPort } from './resolve-endpoint.ts';

/** The part of a `Device` that the refresh uses. */
export type RefreshedDevice = EventEmitter<DeviceEvents> & Pick<Device, 'configure' | 'peer'>;

/** Options of `EndpointRefresh`. */
export interface EndpointRefreshOptions {
  /** Belongs to the caller. */
  readonly device: RefreshedDevice;
  /** Resolves a name to all its addresses, in order. Default: the resolver of the system. */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
  /**
   * Called with a line for each new address, and for each failure. The same failure of a peer is
   * reported only once, until another look-up for the peer has a different result.
   */
  readonly log?: (line: string) => void;
}

/**
 * Looks names of endpoints up again, until `close`.
 *
 * @example
 *
 * ```ts
 * import { generateKeyPair } from '@litz/core';
 * import { Device, MemoryTun } from '@litz/device';
 * import { EndpointRefresh } from '@litz/device/quick';
 *
 * const device = await Device.create({
 *   tun: new MemoryTun(),
 *   privateKey: generateKeyPair().privateKey,
 * });
 * const refresh = new EndpointRefresh({ device });
 * const { publicKey } = generateKeyPair();
 * await device.configure({ peers: [{ publicKey, endpointName: 'localhost:51820' }] });
 * refresh.close();
 * await device.close();
 * ```
 */
export class EndpointRefresh {
  readonly #options: EndpointRefreshOptions;
  readonly #attempts: Map<string, Attempt> = new Map();
  readonly #onUnanswered = (event: Unanswered): void => void this.#lookUp(event);

  constructor(options: EndpointRefreshOptions) {
    checkObject(options, 'options', ['device', 'lookup', 'log']);
    this.#options = options;
    options.device.on('unanswered', this.#onUnanswered);
  }

  /** Ends all look-ups. */
  close(): void {
    this.#options.device.off('unanswered', this.#onUnanswered);
    for (const { timer } of this.#attempts.values()) clearTimeout(timer);
    this.#attempts.clear();
  }

  /**
   * Looks the name up, unless it was looked up less than `LEAST_INTERVAL_MS` ago. Never rejects.
   */
  async #lookUp(event: Unanswered): Promise<void> {
    const { peer, endpointName: name } = event;
    const id = keyId(peer);
    const earlier = this.#attempts.get(id);
    const isSame = earlier?.name === name;
    if (isSame && earlier.isRecent) return;
    clearTimeout(earlier?.timer);
    const attempt = new Attempt(peer, name);
    this.#attempts.set(id, attempt);
    const problem = await this.#refresh(event, () => this.#attempts.get(id) === attempt);
    if (this.#attempts.get(id) !== attempt) return;
    if (problem !== undefined && !(isSame && earlier.problem === problem)) {
      this.#options.log?.(problem);
    }
    attempt.problem = problem;
    this.#waitFor(attempt);
  }

  /**
   * Gives the peer the next address of its name.
   *
   * @param isWanted whether there is no newer attempt
   * @returns what went wrong, for the log
   */
  async #refresh(event: Unanswered, isWanted: () => boolean): Promise<string | undefined> {
    const { device, log } = this.#options;
    const { peer, endpointName, endpoint: present } = event;
    const { host, port } = parseEndpoint(endpointName) as HostPort;
    const state = `${nameOf(peer)} ${present ? 'does not answer' : 'has no endpoint'}`;
    let found: Endpoint | undefined;
    try {
      found = nextOf(await this.#addressesOf({ host, port }), present);
      const isSame = String(found) === String(present);
      if (!found || isSame || !isWanted() || !(await this.#isUnchanged(event))) return undefined;
      await device.configure({ peers: [{ publicKey: peer, updateOnly: true, endpoint: found }] });
      log?.(`${state}: ${host} is ${found.toString()}`);
      return undefined;
    } catch (error) {
      const problem = found
        ? `its endpoint could not be changed to ${found.toString()}`
        : `${host} was not found`;
      return `${state}, and ${problem}: ${redactKeys((error as Error).message)}`;
    }
  }

  async #addressesOf({ host, port }: HostPort): Promise<Endpoint[]> {
    const { lookup = systemLookup } = this.#options;
    const endpoints: Endpoint[] = [];
    for (const address of await lookup(host)) {
      endpoints.push(await resolveEndpoint({ host, port }, { lookup: async () => address }));
    }
    return endpoints;
  }

  /** Returns whether the peer still has the name and the endpoint of the event. */
  async #isUnchanged({ peer, endpointName, endpoint }: Unanswered): Promise<boolean> {
    const status = await this.#statusOf(peer);
    return status?.endpointName === endpointName && String(status.endpoint) === String(endpoint);
  }

  async #statusOf(peer: PublicKey): Promise<Awaited<ReturnType<Device['peer']>>> {
    const status = await this.#options.device.peer(peer);
    if (status) wipeSecrets({ peers: [status] });
    return status;
  }

  /**
   * Forgets the attempt after `LEAST_INTERVAL_MS`. But an attempt that failed is kept until the
   * peer or its name is removed, so that the failure is reported only once. A peer without an
   * endpoint sends no initiation that would begin the next attempt, so its name is looked up again
   * here.
   */
  #waitFor(attempt: Attempt): void {
    attempt.timer = setTimeout(() => {
      attempt.isRecent = false;
      if (attempt.problem === undefined) this.#attempts.delete(keyId(attempt.peer));
      else void this.#continue(attempt);
    }, LEAST_INTERVAL_MS).unref();
  }

  async #continue(attempt: Attempt): Promise<void> {
    const { peer, name } = attempt;
    const status = await this.#statusOf(peer).catch(() => undefined);
    if (this.#attempts.get(keyId(peer)) !== attempt) return;
    if (status?.endpointName !== name) this.#attempts.delete(keyId(peer));
    else if (status.endpoint) this.#waitFor(attempt);
    else await this.#lookUp({ peer, endpointName: name, endpoint: undefined });
  }
}

type Unanswered = DeviceEvents['unanswered'][0];

/** The last look-up for a peer. */
class Attempt {
  readonly peer: PublicKey;
  readonly name: string;
  /** Whether the look-up is in progress, or was less than `LEAST_INTERVAL_MS` ago. */
  isRecent = true;
  problem: string | undefined = undefined;
  timer: NodeJS.Timeout | undefined = undefined;

  constructor(peer: PublicKey, name: string) {
    this.peer = peer;
    this.name = name;
  }
}

/**
 * Returns the endpoint after the present one; the first endpoint if the present one is not among
 * `endpoints`; undefined if there are no endpoints.
 */
function nextOf(
  endpoints: readonly Endpoint[],
  present: Endpoint | undefined,
): Endpoint | undefined {
  const texts = endpoints.map((endpoint) => endpoint.toString());
  const index = present === undefined ? -1 : texts.indexOf(present.toString());
  return endpoints[(index + 1) % endpoints.length];
}

async function systemLookup(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}

function nameOf(publicKey: PublicKey): string {
  const key = formatKey(publicKey);
  return `the peer ${key.slice(0, 4)}…${key.slice(-5)}`;
}

/**
 * The least time between two look-ups of one peer. A retry of the handshake comes every five
 * seconds, so every second retry starts a look-up.
 */
const LEAST_INTERVAL_MS = 9000;
