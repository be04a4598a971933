/**
 * Parts of the protocol for the other packages of Litz, and for programs that do not use an engine:
 * constants, messages, tables and parts of the cryptography. This entry may change with every
 * version. `@litz/core` is the stable entry.
 *
 * @module
 */
export * from './constants.ts';
export { AllowedIps } from './routing/allowed-ips.ts';
export { ReplayWindow } from './peer/replay-window.ts';
export type { StateCodec } from './hand-over/state-codec.ts';
export { checkBytes } from './arguments.ts';
export { checkLength } from './crypto/check-length.ts';
export { checkText } from './crypto/check-text.ts';
export { dhKeyOf } from './crypto/dh-key.ts';
export { equalBytes } from './crypto/equal-bytes.ts';
export { kdf } from './crypto/kdf.ts';
export { isLowOrderPoint } from './crypto/low-order-points.ts';
export { nonceOf } from './crypto/nonce.ts';
export { sealRun } from './crypto/seal-run.ts';
export { wipe } from './crypto/wipe.ts';
export { viewOf } from './wire/byte-view.ts';
export { checksum, foldSum, pseudoHeaderSum, sumBytes } from './wire/checksum.ts';
export {
  readCookieReply,
  readResponse,
  type CookieReply,
  type HandshakeResponse,
} from './wire/messages.ts';
export { readTotalLength } from './wire/ip-packet.ts';
export { isZeroKey, keyId } from './keys.ts';
export { printable, quote, redactKeys } from './quote.ts';
export { isMapped, tryParseAddress } from './text/address.ts';
export { fromByteText, toByteText } from './text/byte-text.ts';
export { tryParseCidr } from './text/cidr.ts';
export { tryParseEndpoint } from './text/endpoint.ts';
export {
  isInterfaceName,
  MAX_INTERFACE_NAME_LENGTH,
  newInterfaceNameFault,
} from './text/interface-name.ts';
export { tryParseScopedAddress, type ScopedAddress } from './text/scoped-address.ts';
export { MAX_UINT16, MAX_UINT32, parseUnsigned, parseUnsignedOrHex } from './text/unsigned.ts';
export {
  checkArray,
  checkBoolean,
  checkFunction,
  checkInteger,
  checkObject,
  describe,
  readField,
  requireInteger,
  requireText,
  withinField,
} from './field.ts';
export { protectSecretsWith, secretBytes, secretCopy } from './crypto/secret-bytes.ts';
export {
  checkEndpointName,
  readAllowedIp,
  readAllowedIps,
  readEndpoint,
  readHostEndpoint,
  readPresharedKey,
  readPrivateKey,
  readPublicKey,
} from './values.ts';
export { observe, peerOfMessage, peerOfPacket, renewSessions } from './engine-observation.ts';
export type { EngineObserver, HandshakeSecrets } from './engine-observer.ts';
export { checkChange, peersInSteps, prepareInSteps } from './engine-in-steps.ts';
export {
  checkState,
  restartSessions,
  restoreState,
  saveState,
  STATE_FORMAT,
} from './hand-over/hand-over.ts';
export { COUNTER_MARGIN } from './hand-over/session-codec.ts';
export { TokenBucket } from './rate/token-bucket.ts';
export { runSteps, type Steps } from './steps.ts';
export {
  readPeerChange,
  type CheckedChange,
  type CheckedPeer,
  type PeerToApply,
} from './validation.ts';
export { messageLengthOf, writeTransportHeader } from './wire/transport-data.ts';
