/**
 * The WireGuard protocol, sans-I/O: no sockets, no clock, no randomness of its own.
 *
 * @module
 */
export * from './constants.ts';
export { DROP_REASONS, DropCounters, type DropReason, type DropSubject } from './drop-reason.ts';
export { Endpoint } from './endpoint.ts';
export { WireGuardError, type WireGuardErrorCode } from './errors.ts';
export { quote, redactKeys } from './quote.ts';
export { formatAddress, parseAddress, tryParseAddress } from './text/address.ts';
export { formatCidr, parseCidr, tryParseCidr, type Cidr } from './text/cidr.ts';
export {
  formatEndpoint,
  parseEndpoint,
  tryParseEndpoint,
  type HostEndpoint,
} from './text/endpoint.ts';
export {
  isInterfaceName,
  tryParseScopedAddress,
  type ScopedAddress,
} from './text/scoped-address.ts';
export { MAX_UINT16, MAX_UINT32, parseUnsigned, parseUnsignedOrHex } from './text/unsigned.ts';
export { AllowedIps } from './routing/allowed-ips.ts';
export { ecn, ipTotalLength, setEcn } from './wire/ip-packet.ts';
export { unreachable } from './wire/icmp.ts';
export { ReplayWindow } from './peer/replay-window.ts';
export type { Cipher, CryptoProvider, DhKey, OneTimeKeys } from './crypto/provider.ts';
export type { AllowedIp, EngineConfiguration, PeerConfiguration } from './configuration.ts';
export { Engine, type EngineOptions } from './engine.ts';
export type { PacketRun } from './wire/packet-run.ts';
export type { MessageLimits } from './peer/keypairs.ts';
export { PacketView, Transmit, type EngineEvent, type TraceStep } from './outputs.ts';
export { EngineStats, type PeerStatus } from './stats.ts';
export { checkLength } from './crypto/check-length.ts';
export { checkText } from './crypto/check-text.ts';
export { dhKeyOf } from './crypto/dh-key.ts';
export { equalBytes } from './crypto/equal-bytes.ts';
export { kdf } from './crypto/kdf.ts';
export { nobleProvider } from './crypto/noble.ts';
export { nonceOf } from './crypto/nonce.ts';
export { sealRun } from './crypto/seal-run.ts';
export { wipe } from './crypto/wipe.ts';
export {
  messageType,
  readCookieReply,
  readInitiation,
  readResponse,
  type CookieReply,
  type HandshakeInitiation,
  type HandshakeResponse,
  type MessageType,
} from './wire/messages.ts';
export {
  formatKey,
  generatePrivateKey,
  keyId,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  publicKeyOf,
  type PresharedKey,
  type PrivateKey,
  type PublicKey,
} from './keys.ts';
