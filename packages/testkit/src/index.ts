/**
 * `@litz/testkit`: tools for the tests of all packages. It has a simulated network and clock,
 * conformance suites, test vectors, packets, and the requirements of tests.
 *
 * @module
 */
export {
  canRaiseRealtimeLimit,
  describeWith,
  missingRequirements,
  programRequirement,
  realtimePriorities,
  requirement,
  type Requirement,
} from './requirements.ts';
export {
  FLOOD_KINDS,
  floodMessages,
  HandshakeFlood,
  type FloodKind,
  type FloodOptions,
  type FloodSockets,
} from './handshake-flood.ts';
export { etcdFlags, type EtcdFlagsOptions } from './etcd-flags.ts';
export { TcpRelay } from './tcp-relay.ts';
export { DatagramRelay, type DatagramRelayOptions } from './datagram-relay.ts';
export { LossyPath, type Flight, type PathOptions } from './lossy-path.ts';
export { recordFigures, shortOrLong } from './long-tests.ts';
export { copyCipherProvider } from './copy-cipher.ts';
export { describeCryptoProvider, type ConformanceOptions } from './crypto-conformance.ts';
export { referenceBlake2s } from './reference-blake2s.ts';
export { referenceProvider } from './reference-provider.ts';
export { referenceTranscript, type TranscriptInputs } from './reference-transcript.ts';
export type {
  Transcript,
  TranscriptCookieReply,
  TranscriptInitiation,
  TranscriptMessage,
  TranscriptParty,
  TranscriptResponse,
  TranscriptTransportData,
} from './transcript.ts';
export { fromHex, readTranscripts, readVectors, toHex } from './vectors.ts';
export {
  headerChecksumIsRight,
  ipPacket,
  ipv4Packet,
  ipv6Packet,
  type PacketOptions,
} from './packets.ts';
export {
  connect,
  createPair,
  createPerson,
  introduce,
  joinNetwork,
  packetBetween,
  UNIX_EPOCH_OF_TESTS,
  unixTimeOf,
  type Pair,
  type PairOptions,
  type Person,
} from './pair.ts';
export { seededRandom, seededRandomBytes } from './seeded-random.ts';
export { slowChecksum, slowSum } from './slow-checksum.ts';
export {
  Eavesdropper,
  SimulatedNetwork,
  SimulatedNode,
  toPacketRun,
  type ArrivingDatagram,
  type CapturedDatagram,
} from './simulated-network.ts';
