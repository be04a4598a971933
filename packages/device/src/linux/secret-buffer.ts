/**
 * Secrets on their way to another thread: all of a message in one buffer, which changes hands. Without
 * it a structured clone would leave copies of them in the message's own memory, where nobody wipes them.
 *
 * @module
 */
import { PresharedKey, PrivateKey } from '@litz/core';
import { KEY_LENGTH, wipe } from '@litz/core/internals';

/** A configuration or a snapshot. */
export interface SecretHolder {
  readonly privateKey?: PrivateKey | null;
  readonly nextPrivateKey?: PrivateKey | null;
  readonly peers?: readonly { readonly presharedKey?: PresharedKey | null }[];
}

export interface PackedSecrets<Holder> {
  /** As it was given, but for the secrets: views of `buffer`. */
  readonly holder: Holder;
  /** To be transferred with it. */
  readonly buffer: ArrayBuffer;
}

/** The secrets are copied; those that were given stay the caller's to wipe. */
export function packSecrets<Holder extends SecretHolder>(holder: Holder): PackedSecrets<Holder> {
  const { privateKey, nextPrivateKey, peers } = holder;
  const count = peers?.filter(({ presharedKey }) => presharedKey).length ?? 0;
  const buffer = new ArrayBuffer((count + 2) * KEY_LENGTH);
  let end = 0;
  const place = <Key extends PrivateKey | PresharedKey>(
    Kind: new (buffer: ArrayBuffer, offset: number, length: number) => Key,
    key: Key,
  ): Key => {
    const view = new Kind(buffer, end, KEY_LENGTH);
    end += KEY_LENGTH;
    view.set(key);
    return view;
  };
  return {
    buffer,
    holder: {
      ...holder,
      ...(privateKey && { privateKey: place(PrivateKey, privateKey) }),
      ...(nextPrivateKey && { nextPrivateKey: place(PrivateKey, nextPrivateKey) }),
      ...(peers && {
        peers: peers.map((peer) =>
          peer.presharedKey
            ? { ...peer, presharedKey: place(PresharedKey, peer.presharedKey) }
            : peer,
        ),
      }),
    },
  };
}

/** When what came with it is where it is used. */
export function wipeBuffer(buffer: ArrayBuffer | undefined): void {
  if (buffer) wipe(new Uint8Array(buffer));
}
