/**
 * `FollowedNames`: the names of endpoints from `litz INTERFACE --resolve KEY=HOST:PORT`. A peer
 * gets its name when it is added.
 *
 * A daemon gets only addresses from `wg`, which looks a name up once. So a peer that moves to
 * another address would be lost. If the peer has a name, the device looks that name up again while
 * the peer does not answer.
 *
 * @module
 */
import type { DeviceConfiguration } from '@litz/config';
import type { PeerConfiguration, PublicKey } from '@litz/core';
import { formatKey, parseEndpoint, parsePublicKey } from '@litz/core/text';
import { InvalidArgumentError } from 'commander';

/**
 * Checks one `--resolve KEY=HOST:PORT`, and returns `earlier` with this text at its end.
 *
 * @throws {InvalidArgumentError} the text has another form; the message shows the right one
 */
export function readName(text: string, earlier: readonly string[] = []): string[] {
  parseName(text);
  return [...earlier, text];
}

/** The names of all options `--resolve` of a command line. */
export class FollowedNames {
  /** By key, in base64. */
  readonly #names: ReadonlyMap<string, string>;

  /** @param texts what `readName` has accepted */
  constructor(texts: readonly string[] = []) {
    this.#names = new Map(texts.map((text) => parseName(text)));
  }

  /**
   * Returns the change with the names of its new peers. A new peer gets the name that the command
   * line has for its key, unless the change itself gives it a name. A peer that the device already
   * has keeps its name, or stays without a name, because a client may have changed or removed the
   * name since the peer was added.
   *
   * @param has whether the device has a peer with this key
   */
  async addTo(
    change: DeviceConfiguration,
    has: (publicKey: PublicKey) => Promise<boolean>,
  ): Promise<DeviceConfiguration> {
    const { peers = [], replacePeers } = change;
    if (this.#names.size === 0) return change;
    const present = new Map<string, boolean>();
    const changed: PeerConfiguration[] = [];
    for (const peer of peers) {
      const key = formatKey(peer.publicKey);
      const name = this.#names.get(key);
      if (name === undefined) {
        changed.push(peer);
        continue;
      }
      const isPresent = present.get(key) ?? (replacePeers !== true && (await has(peer.publicKey)));
      const isAdded = !isPresent && !peer.remove && !peer.updateOnly && !peer.promotePublicKey;
      changed.push(isAdded ? { endpointName: name, ...peer } : peer);
      present.set(key, peer.remove === true ? false : isPresent || isAdded);
    }
    return { ...change, peers: changed };
  }
}

function parseName(text: string): [key: string, name: string] {
  try {
    const key = formatKey(parsePublicKey(text.slice(0, KEY_LENGTH)));
    const named = parseEndpoint(text.slice(KEY_LENGTH + 1));
    if (text[KEY_LENGTH] === '=' && 'host' in named) return [key, `${named.host}:${named.port}`];
  } catch {
    // The message below says what is right.
  }
  throw new InvalidArgumentError('Expected the public key of a peer and a name: KEY=HOST:PORT.');
}

/** Characters of a key in base64. */
const KEY_LENGTH = 44;
