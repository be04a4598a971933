/**
 * Replays a transcript with both roles of core: takes the inputs from the transcript, and computes
 * all other values.
 *
 * @module
 */
import {
  fromHex,
  toHex,
  type Transcript,
  type TranscriptCookieReply,
  type TranscriptInitiation,
  type TranscriptMessage,
  type TranscriptResponse,
  type TranscriptTransportData,
} from '@litz/testkit';
import { MacChecker, MacSender } from '../../src/cookie/macs.ts';
import { openCookieReply } from '../../src/cookie/cookie-reply.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { Endpoint } from '../../src/endpoint.ts';
import { Handshake } from '../../src/handshake/handshake.ts';
import {
  consumeInitiation,
  createInitiation,
  openInitiationStatic,
} from '../../src/handshake/initiation.ts';
import { consumeResponse, createResponse } from '../../src/handshake/response.ts';
import {
  cookieKeyOf,
  createStaticIdentity,
  type StaticIdentity,
} from '../../src/handshake/static-identity.ts';
import { deriveTransportKeys } from '../../src/handshake/transport-keys.ts';
import { Keypair } from '../../src/peer/keypairs.ts';
import { parsePresharedKey, parsePrivateKey, parsePublicKey } from '../../src/keys.ts';
import {
  mac1Offset,
  mac2Offset,
  readCookieReply,
  readInitiation,
  readResponse,
} from '../../src/wire/messages.ts';
import type { Peer } from '../../src/peer/peer.ts';
import { SenderIndexTable } from '../../src/peer/sender-index.ts';
import { openTransportData, sealTransportData } from '../../src/wire/transport-data.ts';

/** One side. Its random bytes come from the transcript. */
interface Side {
  crypto: CryptoProvider;
  identity: StaticIdentity;
  handshake: Handshake;
  macSender: MacSender;
  macChecker: MacChecker;
  /** The endpoint of the other side. */
  other: Endpoint;
  /** The next results of the random source, in hexadecimal. */
  randoms: string[];
  randomBytes: (out: Uint8Array) => void;
  keypair: Keypair<Peer> | undefined;
  indices: SenderIndexTable<Peer, Keypair<Peer>>;
}

/**
 * Returns the same transcript, with all computed values computed again.
 *
 * @throws {Error} a side refuses a message of the other side
 */
export function replayTranscript(transcript: Transcript, crypto: CryptoProvider): Transcript {
  const initiator = createSide(transcript, 'initiator', crypto);
  const responder = createSide(transcript, 'responder', crypto);
  let initiation: TranscriptInitiation | undefined;
  let transportKeys = { initiatorSend: '', initiatorReceive: '' };
  const messages = transcript.messages.map((message): TranscriptMessage => {
    if (message.type === 'handshake-initiation') {
      initiation = replayInitiation(message, initiator, responder);
      return initiation;
    }
    if (message.type === 'cookie-reply') {
      return replayCookieReply(message, initiation, responder, initiator);
    }
    if (message.type === 'handshake-response') {
      const response = replayResponse(message, responder, initiator);
      transportKeys = deriveKeys(initiator, responder);
      return response;
    }
    return message.from === 'initiator'
      ? replayTransportData(message, initiator, responder)
      : replayTransportData(message, responder, initiator);
  });
  const ofInitiator = { staticPublic: toHex(initiator.identity.publicKey) };
  const ofResponder = { staticPublic: toHex(responder.identity.publicKey) };
  return {
    ...transcript,
    initiator: { ...transcript.initiator, ...ofInitiator },
    responder: { ...transcript.responder, ...ofResponder },
    messages,
    transportKeys,
  };
}

function createSide(
  transcript: Transcript,
  role: 'initiator' | 'responder',
  crypto: CryptoProvider,
): Side {
  const other = transcript[role === 'initiator' ? 'responder' : 'initiator'];
  const theirKey = parsePublicKey(fromHex(other.staticPublic));
  const privateKey = parsePrivateKey(fromHex(transcript[role].staticPrivate));
  const identity = createStaticIdentity(crypto, privateKey);
  const handshake = new Handshake(theirKey);
  handshake.presharedKey = parsePresharedKey(fromHex(transcript.presharedKey));
  const randoms: string[] = [];
  const randomBytes = (out: Uint8Array): void => {
    const next = randoms.shift() ?? '';
    check(next.length === 2 * out.length, `${out.length} random bytes are in the transcript`);
    out.set(fromHex(next));
  };
  return {
    crypto,
    identity,
    handshake,
    macSender: new MacSender(crypto, theirKey),
    macChecker: new MacChecker(crypto, identity, randomBytes),
    other: new Endpoint(fromHex(other.source.address), other.source.port),
    randoms,
    randomBytes,
    keypair: undefined,
    indices: new SenderIndexTable(randomBytes),
  };
}

function replayInitiation(
  chosen: TranscriptInitiation,
  from: Side,
  to: Side,
): TranscriptInitiation {
  const out = new Uint8Array(148);
  const { crypto, identity, handshake, randomBytes } = from;
  const { senderIndex } = chosen;
  const values = { senderIndex, timestamp: fromHex(chosen.timestamp), randomBytes };
  from.randoms.push(chosen.ephemeralPrivate);
  check(createInitiation(crypto, identity, handshake, values, out), 'createInitiation');
  from.macSender.addMacs(out, 0);

  check(to.macChecker.checkMac1(out), 'mac1');
  if (chosen.cookie !== null) check(to.macChecker.checkMac2(out, to.other, 0), 'mac2');
  const opened = openInitiationStatic(to.crypto, to.identity, out);
  if (!opened) throw new Error('openInitiationStatic');
  check(toHex(opened.peerPublicKey) === toHex(identity.publicKey), 'who it is');
  // The initiations are a second apart, so that the flood limit does not refuse them.
  const now = Math.max(0, to.handshake.lastInitiation.consumedAt + 1000);
  const reason = consumeInitiation(to.crypto, to.identity, opened, to.handshake, now);
  check(reason === undefined, 'consumeInitiation');
  return {
    ...chosen,
    ephemeralPublic: toHex(readInitiation(out)?.ephemeral ?? NOTHING),
    timestamp: toHex(to.handshake.lastInitiation.timestamp),
    ...stateOf(from, to),
    ...macsOf(out),
  };
}

function replayResponse(chosen: TranscriptResponse, from: Side, to: Side): TranscriptResponse {
  const out = new Uint8Array(92);
  const { crypto, handshake, randomBytes } = from;
  from.randoms.push(chosen.ephemeralPrivate);
  check(createResponse(crypto, handshake, chosen.senderIndex, randomBytes, out), 'createResponse');
  from.macSender.addMacs(out, 0);

  check(to.macChecker.checkMac1(out), 'mac1');
  const reason = consumeResponse(to.crypto, to.identity, to.handshake, out);
  check(reason === undefined, 'consumeResponse');
  return {
    ...chosen,
    receiverIndex: readResponse(out)?.receiverIndex ?? -1,
    ephemeralPublic: toHex(readResponse(out)?.ephemeral ?? NOTHING),
    ...stateOf(from, to),
    ...macsOf(out),
  };
}

function replayCookieReply(
  chosen: TranscriptCookieReply,
  answered: TranscriptInitiation | undefined,
  from: Side,
  to: Side,
): TranscriptCookieReply {
  const out = new Uint8Array(64);
  from.randoms.push(chosen.cookieSecret, chosen.nonce);
  from.macChecker.createCookieReply(fromHex(answered?.message ?? ''), from.other, 0, out);

  const key = cookieKeyOf(to.crypto, from.identity.publicKey);
  const cookie = openCookieReply(to.crypto, key, fromHex(answered?.mac1 ?? ''), out);
  const reason = to.macSender.consumeCookieReply(to.crypto, out, 0);
  check(reason === undefined, 'consumeCookieReply');
  return {
    ...chosen,
    receiverIndex: readCookieReply(out)?.receiverIndex ?? -1,
    cookie: toHex(cookie ?? NOTHING),
    message: toHex(out),
  };
}

function replayTransportData(
  chosen: TranscriptTransportData,
  from: Side,
  to: Side,
): TranscriptTransportData {
  const { keypair } = from;
  if (!keypair) throw new Error('no keys');
  const packet = fromHex(chosen.packet);
  const buffer = new Uint8Array(16 + packet.length + 31);
  buffer.set(packet, 16);
  keypair.sendCounter = chosen.counter;
  const length = sealTransportData(keypair, buffer, 16, packet.length, 1420);
  const message = toHex(buffer.subarray(0, length));
  check(openTransportData(to.indices, buffer, 0, length, 0) === to.keypair, 'openTransportData');
  return {
    ...chosen,
    receiverIndex: keypair.remoteIndex,
    padded: toHex(buffer.subarray(16, length - 16)),
    message,
  };
}

/** Ends the handshake on both sides, and checks that they have the same keys. */
function deriveKeys(initiator: Side, responder: Side): Transcript['transportKeys'] {
  const ofInitiator = takeKeys(initiator);
  const ofResponder = takeKeys(responder);
  check(ofInitiator.sendKey === ofResponder.receiveKey, 'one direction');
  check(ofInitiator.receiveKey === ofResponder.sendKey, 'the other direction');
  return { initiatorSend: ofInitiator.sendKey, initiatorReceive: ofInitiator.receiveKey };
}

function takeKeys(side: Side): { sendKey: string; receiveKey: string } {
  const { localIndex, remoteIndex, state } = side.handshake;
  const { sendKey, receiveKey } = deriveTransportKeys(side.crypto, side.handshake);
  side.keypair = new Keypair({
    peer: {} as Peer,
    staticKeys: { own: side.identity.publicKey, peer: side.handshake.remoteStaticPublic },
    isInitiator: state === 'response-consumed',
    localIndex,
    remoteIndex,
    sendCipher: side.crypto.createCipher(sendKey),
    receiveCipher: side.crypto.createCipher(receiveKey),
    limits: { rekeyAfterMessages: 2 ** 52, rejectAfterMessages: 2 ** 53 },
    createdAt: 0,
  });
  side.indices.assign(localIndex, side.keypair);
  return { sendKey: toHex(sendKey), receiveKey: toHex(receiveKey) };
}

/** Returns the chaining key (C) and the hash (H), which must be the same on both sides. */
function stateOf(from: Side, to: Side): { chainingKey: string; hash: string } {
  const [chainingKey, hash] = [toHex(from.handshake.chainingKey), toHex(from.handshake.hash)];
  check(chainingKey === toHex(to.handshake.chainingKey), 'C');
  check(hash === toHex(to.handshake.hash), 'H');
  return { chainingKey, hash };
}

function macsOf(message: Uint8Array): { mac1: string; mac2: string; message: string } {
  return {
    mac1: toHex(message.subarray(mac1Offset(message), mac2Offset(message))),
    mac2: toHex(message.subarray(mac2Offset(message))),
    message: toHex(message),
  };
}

function check(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(`not accepted: ${what}`);
}

const NOTHING = new Uint8Array(0);
