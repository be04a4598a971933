/**
 * The WireGuard protocol, sans-I/O: the engine opens no sockets, reads no clock and creates no
 * random numbers. Only `generateKeyPair` takes random bytes from the runtime, if it gets no other
 * source.
 *
 * The parts of the engine, which most users do not need, are in `@litz/core/internals`.
 *
 * @module
 */
export { DROP_REASONS, DropCounters, type DropReason, type DropDetails } from './drop-reason.ts';
export type { StateCodec } from './hand-over/state-codec.ts';
export { Endpoint } from './endpoint.ts';
export { WireGuardError, type WireGuardErrorCode } from './errors.ts';
export { formatAddress, parseAddress } from './text/address.ts';
export { formatCidr, parseCidr, Prefix, type Cidr } from './text/cidr.ts';
export { formatEndpoint, parseEndpoint, type HostEndpoint } from './text/endpoint.ts';
export type { Cipher, CryptoProvider, DhKey, OneTimeKeys } from './crypto/provider.ts';
export type {
  AllowedIp,
  EngineChange,
  EngineConfiguration,
  PeerChange,
  PeerConfiguration,
} from './configuration.ts';
export { Engine } from './engine.ts';
export type { EngineOptions } from './engine-options.ts';
export type { DatagramRun } from './wire/datagram-run.ts';
export type { PacketRun } from './wire/packet-run.ts';
export type { MessageLimits, SessionStaticKeys } from './peer/keypairs.ts';
export {
  PacketView,
  Transmit,
  type EngineEvent,
  type PeerEvent,
  type TraceStep,
} from './outputs.ts';
export { EngineStats, type PeerStatus } from './stats.ts';
export { nobleProvider } from './crypto/noble.ts';
export { generateKeyPair, publicKeyOf, type KeyPair, type KeyPairOptions } from './key-pair.ts';
export {
  formatKey,
  generatePrivateKey,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  PresharedKey,
  PrivateKey,
  PublicKey,
  type KeySource,
  type SecretKey,
} from './keys.ts';
