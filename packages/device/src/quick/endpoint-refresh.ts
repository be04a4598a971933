/**
 * `EndpointRefresh`: looks the name of an endpoint up again while its peer is silent.
 *
 * A device knows addresses, not names. If the address behind a name changes, or the network no
 * longer carries one version of IP, handshakes get no answer. Then the name is looked up with the
 * resolver of the system, and the peer gets the next address of the name as its endpoint. All
 * addresses of the name, IPv4 and IPv6, are tried one after the other until the peer answers. A
 * peer that answers keeps its endpoint, also after it has roamed.
 *
 * @module
 */
import { lookup } from 'node:dns/promises';
import type { EventEmitter } from 'node:events';
import { formatKey, type Endpoint, type PublicKey } from '@litz/core';
import { checkObject, keyId, redactKeys, requireInteger, requireText } from '@litz/core/internals';
import type { Device } from '../device.ts';
import type { DeviceEvents } from '../device-events.ts';
import { resolveEndpoint, type HostPort } from './resolve-endpoint.ts';

/** A peer whose endpoint is a name. */
export interface NamedPeer extends HostPort {
  readonly publicKey: PublicKey;
  /** The endpoint that the device has now; it is tried last. */
  readonly endpoint?: Endpoint | undefined;
}

type TraceStep = DeviceEvents['trace'][0]['step'];

/** The part of a `Device` that the refresh uses. */
export type RefreshedDevice = EventEmitter<DeviceEvents> & Pick<Device, 'configure'>;

/** Options of `EndpointRefresh`. */
export interface EndpointRefreshOptions {
  /** Belongs to the caller. */
  readonly device: RefreshedDevice;
  /** Monotonic ms. Default: `performance.now`. */
  readonly now?: () => number;
  /** Resolves a name to all its addresses, in order. Default: the resolver of the system. */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
  /** Called with a line for each new address, and for each look-up that failed. */
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
 * import { EndpointRefresh, resolveEndpoint } from '@litz/device/quick';
 *
 * const peer = { host: 'localhost', port: 51820, publicKey: generateKeyPair().publicKey };
 * const endpoint = await resolveEndpoint(peer);
 * const device = await Device.create({
 *   tun: new MemoryTun(),
 *   privateKey: generateKeyPair().privateKey,
 *   peers: [{ publicKey: peer.publicKey, endpoint }],
 * });
 * const refresh = new EndpointRefresh({ device });
 * refresh.follow({ ...peer, endpoint });
 * refresh.close();
 * await device.close();
 * ```
 */
export class EndpointRefresh {
  readonly #options: EndpointRefreshOptions;
  readonly #peers: Map<string, FollowedPeer> = new Map();
  readonly #onTrace: (event: DeviceEvents['trace'][0]) => void;

  constructor(options: EndpointRefreshOptions) {
    checkObject(options, 'options', ['device', 'now', 'lookup', 'log']);
    this.#options = options;
    this.#onTrace = ({ peer, step, sends }) => {
      const followed = this.#peers.get(keyId(peer));
      if (followed?.isSilent(step, sends) === true) void this.#refresh(followed);
    };
  }

  /**
   * Follows a peer. If it is already followed under another name, the new name replaces that one.
   *
   * @throws {TypeError | RangeError} host or port is wrong
   */
  follow(peer: NamedPeer): void {
    const { publicKey, host, port, endpoint } = peer;
    requireText(host, 'host');
    requireInteger(port, 'port', 1, 0xffff);
    if (this.#peers.size === 0) this.#options.device.on('trace', this.#onTrace);
    this.#peers.set(keyId(publicKey), new FollowedPeer({ publicKey, host, port, endpoint }));
  }

  /** Stops following a peer, because it was removed or got an address as its endpoint. */
  forget(publicKey: PublicKey): void {
    this.#peers.delete(keyId(publicKey));
    if (this.#peers.size === 0) this.close();
  }

  /** Stops following all peers. */
  close(): void {
    this.#peers.clear();
    this.#options.device.off('trace', this.#onTrace);
  }

  async #refresh(peer: FollowedPeer): Promise<void> {
    const { device, now = () => performance.now(), lookup = systemLookup, log } = this.#options;
    if (peer.isBusy || now() < peer.notBefore) return;
    const { host, port, publicKey } = peer.named;
    peer.isBusy = true;
    let found: Endpoint | undefined;
    try {
      const endpoints: Endpoint[] = [];
      for (const address of await lookup(host)) {
        endpoints.push(await resolveEndpoint({ host, port }, { lookup: async () => address }));
      }
      found = peer.choose(endpoints);
      // The peer may have been forgotten meanwhile.
      if (!found || this.#peers.get(keyId(publicKey)) !== peer) return;
      await device.configure({ peers: [{ publicKey, updateOnly: true, endpoint: found }] });
      log?.(`${nameOf(publicKey)} does not answer: ${host} is ${found.toString()}`);
    } catch (error) {
      const reason = redactKeys((error as Error).message);
      const problem = found
        ? `its endpoint could not be changed to ${found.toString()}`
        : `${host} was not found`;
      log?.(`${nameOf(publicKey)} does not answer, and ${problem}: ${reason}`);
    } finally {
      peer.isBusy = false;
      peer.notBefore = now() + LEAST_INTERVAL_MS;
    }
  }
}

/** A peer, and which address of its name was tried last. */
class FollowedPeer {
  readonly named: NamedPeer;
  isBusy = false;
  /** The earliest time of the next look-up. */
  notBefore = -Infinity;
  #last: string | undefined;
  /** How often an initiation was sent again since the peer was heard. */
  #retries = 0;

  constructor(named: NamedPeer) {
    this.named = named;
    this.#last = named.endpoint?.toString();
  }

  /**
   * Returns whether the peer is silent after this step. `sends` begins again at 1 when another
   * packet has to be sent. So it stays at 1 while packets come, and retries are counted here too.
   */
  isSilent(step: TraceStep, sends: number): boolean {
    if (step === 'response-received' || step === 'initiation-received') this.#retries = 0;
    if (step === 'retrying') this.#retries++;
    return (
      step === 'gave-up' ||
      (step === 'retrying' && (sends >= LEAST_SENDS || this.#retries >= LEAST_SENDS))
    );
  }

  /**
   * Returns the endpoint after the one that was tried last; the first endpoint if the last one is
   * not among them; undefined if there are none.
   */
  choose(endpoints: readonly Endpoint[]): Endpoint | undefined {
    const texts = endpoints.map((endpoint) => endpoint.toString());
    const index = this.#last === undefined ? -1 : texts.indexOf(this.#last);
    const next = endpoints[(index + 1) % endpoints.length];
    this.#last = next?.toString();
    return next;
  }
}

async function systemLookup(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}

function nameOf(publicKey: PublicKey): string {
  const key = formatKey(publicKey);
  return `the peer ${key.slice(0, 4)}…${key.slice(-5)}`;
}

/** Two initiations without an answer: about ten seconds. */
const LEAST_SENDS = 2;
/**
 * The least time between two look-ups of one peer. A retry of the handshake comes every five
 * seconds.
 */
const LEAST_INTERVAL_MS = 9000;
