/**
 * `packSecrets`: copies the secrets of a message into one buffer, which is transferred to the other
 * thread with the message. A structured clone would leave copies of the secrets in the memory of
 * the message, and that memory cannot be wiped.
 *
 * @module
 */
import { PresharedKey, PrivateKey } from '@litz/core';
import { KEY_LENGTH, wipe } from '@litz/core/internals';

/** A configuration or a snapshot. */
export interface WithSecrets {
  readonly privateKey?: PrivateKey | null;
  readonly nextPrivateKey?: PrivateKey | null;
  readonly peers?: readonly { readonly presharedKey?: PresharedKey | null }[];
}

export interface PackedSecrets<Value> {
  /** A copy of the given object whose secrets are views of `buffer`. */
  readonly value: Value;
  /** Must be in the transfer list of the message. */
  readonly buffer: ArrayBuffer;
}

/** Copies the secrets into one buffer. The caller must still wipe the originals. */
export function packSecrets<Value extends WithSecrets>(value: Value): PackedSecrets<Value> {
  const { privateKey, nextPrivateKey, peers } = value;
  const count = peers?.filter(({ presharedKey }) => presharedKey).length ?? 0;
  const buffer = new ArrayBuffer((count + 2) * KEY_LENGTH);
  let end = 0;
  const copySecret = <Key extends PrivateKey | PresharedKey>(
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
    value: {
      ...value,
      ...(privateKey && { privateKey: copySecret(PrivateKey, privateKey) }),
      ...(nextPrivateKey && { nextPrivateKey: copySecret(PrivateKey, nextPrivateKey) }),
      ...(peers && {
        peers: peers.map((peer) =>
          peer.presharedKey
            ? { ...peer, presharedKey: copySecret(PresharedKey, peer.presharedKey) }
            : peer,
        ),
      }),
    },
  };
}

/** Wipes the secrets of a message. Called after they were copied to where they are used. */
export function wipeBuffer(buffer: ArrayBuffer | undefined): void {
  if (buffer) wipe(new Uint8Array(buffer));
}
