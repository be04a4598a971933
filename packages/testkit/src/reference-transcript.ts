/**
 * Computes transcripts with a separate implementation: section 5.4 of the WireGuard paper from top
 * to bottom, on node:crypto, without code of the core. `test-vectors/generate-transcripts.mjs`
 * stores the result, and the core is tested against it.
 *
 * @module
 */
import { aead, concat, dh, dhPublic, hash, kdf, mac, xaead } from './reference-primitives.ts';
import type {
  Transcript,
  TranscriptCookieReply,
  TranscriptInitiation,
  TranscriptParty,
  TranscriptResponse,
  TranscriptTransportData,
} from './transcript.ts';
import { fromHex, toHex } from './vectors.ts';

/** All values that are chosen and not computed. Bytes are hexadecimal. */
export interface TranscriptInputs {
  name: string;
  description: string;
  presharedKey: string;
  initiator: Omit<TranscriptParty, 'staticPublic'>;
  responder: Omit<TranscriptParty, 'staticPublic'>;
  /** One or two initiations. The second one uses the cookie that answered the first one. */
  initiations: { senderIndex: number; ephemeralPrivate: string; timestamp: string }[];
  cookieReply?: { cookieSecret: string; nonce: string };
  response: { senderIndex: number; ephemeralPrivate: string };
  transportData: { from: 'initiator' | 'responder'; counter: number; packet: string }[];
}

/** Computes the whole transcript. */
export function referenceTranscript(inputs: TranscriptInputs): Transcript {
  const initiator = party(inputs.initiator);
  const responder = party(inputs.responder);
  const parties = { ...inputs, initiator, responder };
  const [first, second] = inputs.initiations;
  if (!first) throw new TypeError('"initiations" expected one or two');

  const messages: Transcript['messages'] = [];
  let initiation = referenceInitiation(parties, first, null);
  messages.push(initiation);
  if (second && inputs.cookieReply) {
    const reply = referenceCookieReply(parties, initiation, inputs.cookieReply);
    initiation = referenceInitiation(parties, second, reply.cookie);
    messages.push(reply, initiation);
  }
  const response = referenceResponse(parties, initiation, inputs.response);
  messages.push(response);

  // (T_i_send = T_r_recv, T_i_recv = T_r_send) := Kdf2(C_i = C_r, nothing)
  const [send = EMPTY, receive = EMPTY] = kdf(2, fromHex(response.chainingKey), EMPTY);
  for (const data of inputs.transportData) {
    const isInitiator = data.from === 'initiator';
    const receiverIndex = isInitiator ? response.senderIndex : initiation.senderIndex;
    messages.push(referenceTransportData(isInitiator ? send : receive, receiverIndex, data));
  }
  return {
    name: inputs.name,
    description: inputs.description,
    encoding: ENCODING,
    presharedKey: inputs.presharedKey,
    initiator,
    responder,
    messages,
    transportKeys: { initiatorSend: toHex(send), initiatorReceive: toHex(receive) },
  };
}

interface Parties {
  presharedKey: string;
  initiator: TranscriptParty;
  responder: TranscriptParty;
}

/** Section 5.4.2. */
function referenceInitiation(
  { initiator, responder }: Parties,
  chosen: { senderIndex: number; ephemeralPrivate: string; timestamp: string },
  cookie: string | null,
): TranscriptInitiation {
  const staticPrivate = fromHex(initiator.staticPrivate);
  const staticPublic = fromHex(initiator.staticPublic);
  const responderPublic = fromHex(responder.staticPublic);
  const ephemeralPrivate = fromHex(chosen.ephemeralPrivate);
  let key: Uint8Array = EMPTY;

  let C = hash(ascii('Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s'));
  let H = hash(concat(C, ascii('WireGuard v1 zx2c4 Jason@zx2c4.com')));
  H = hash(concat(H, responderPublic));
  const ephemeral = dhPublic(ephemeralPrivate);
  [C = EMPTY] = kdf(1, C, ephemeral);
  H = hash(concat(H, ephemeral));
  [C = EMPTY, key = EMPTY] = kdf(2, C, dh(ephemeralPrivate, responderPublic));
  const sealedStatic = aead(key, 0, staticPublic, H);
  H = hash(concat(H, sealedStatic));
  [C = EMPTY, key = EMPTY] = kdf(2, C, dh(staticPrivate, responderPublic));
  const sealedTimestamp = aead(key, 0, fromHex(chosen.timestamp), H);
  H = hash(concat(H, sealedTimestamp));

  const index = uint32(chosen.senderIndex);
  const front = concat(type(1), index, ephemeral, sealedStatic, sealedTimestamp);
  return {
    type: 'handshake-initiation',
    from: 'initiator',
    senderIndex: chosen.senderIndex,
    ephemeralPrivate: chosen.ephemeralPrivate,
    ephemeralPublic: toHex(ephemeral),
    timestamp: chosen.timestamp,
    cookie,
    chainingKey: toHex(C),
    hash: toHex(H),
    ...withMacs(front, responderPublic, cookie),
  };
}

/** Section 5.4.3. */
function referenceResponse(
  { presharedKey, initiator }: Parties,
  initiation: TranscriptInitiation,
  chosen: { senderIndex: number; ephemeralPrivate: string },
): TranscriptResponse {
  const initiatorPublic = fromHex(initiator.staticPublic);
  const ephemeralPrivate = fromHex(chosen.ephemeralPrivate);
  let C = fromHex(initiation.chainingKey);
  let H = fromHex(initiation.hash);
  let tau: Uint8Array = EMPTY;
  let key: Uint8Array = EMPTY;

  const ephemeral = dhPublic(ephemeralPrivate);
  [C = EMPTY] = kdf(1, C, ephemeral);
  H = hash(concat(H, ephemeral));
  [C = EMPTY] = kdf(1, C, dh(ephemeralPrivate, fromHex(initiation.ephemeralPublic)));
  [C = EMPTY] = kdf(1, C, dh(ephemeralPrivate, initiatorPublic));
  [C = EMPTY, tau = EMPTY, key = EMPTY] = kdf(3, C, fromHex(presharedKey));
  H = hash(concat(H, tau));
  const sealedNothing = aead(key, 0, EMPTY, H);
  H = hash(concat(H, sealedNothing));

  const indices = concat(uint32(chosen.senderIndex), uint32(initiation.senderIndex));
  const front = concat(type(2), indices, ephemeral, sealedNothing);
  return {
    type: 'handshake-response',
    from: 'responder',
    senderIndex: chosen.senderIndex,
    receiverIndex: initiation.senderIndex,
    ephemeralPrivate: chosen.ephemeralPrivate,
    ephemeralPublic: toHex(ephemeral),
    chainingKey: toHex(C),
    hash: toHex(H),
    ...withMacs(front, initiatorPublic, null),
  };
}

/** Section 5.4.4. */
function withMacs(
  front: Uint8Array,
  receiver: Uint8Array,
  cookie: string | null,
): { mac1: string; mac2: string; message: string } {
  const mac1 = mac(hash(concat(ascii('mac1----'), receiver)), front);
  const beta = concat(front, mac1);
  const mac2 = cookie === null ? new Uint8Array(16) : mac(fromHex(cookie), beta);
  return { mac1: toHex(mac1), mac2: toHex(mac2), message: toHex(concat(beta, mac2)) };
}

/** Section 5.4.7. */
function referenceCookieReply(
  { initiator, responder }: Parties,
  initiation: TranscriptInitiation,
  chosen: { cookieSecret: string; nonce: string },
): TranscriptCookieReply {
  const { address, port } = initiator.source;
  const source = concat(fromHex(address), Uint8Array.of(port >> 8, port & 0xff));
  const cookie = mac(fromHex(chosen.cookieSecret), source);
  const key = hash(concat(ascii('cookie--'), fromHex(responder.staticPublic)));
  const nonce = fromHex(chosen.nonce);
  const sealed = xaead(key, nonce, cookie, fromHex(initiation.mac1));
  return {
    type: 'cookie-reply',
    from: 'responder',
    receiverIndex: initiation.senderIndex,
    cookieSecret: chosen.cookieSecret,
    nonce: chosen.nonce,
    cookie: toHex(cookie),
    message: toHex(concat(type(3), uint32(initiation.senderIndex), nonce, sealed)),
  };
}

/** Section 5.4.6. */
function referenceTransportData(
  key: Uint8Array,
  receiverIndex: number,
  data: TranscriptInputs['transportData'][number],
): TranscriptTransportData {
  const packet = fromHex(data.packet);
  const padded = concat(packet, new Uint8Array((16 - (packet.length % 16)) % 16));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64LE(BigInt(data.counter));
  const sealed = aead(key, data.counter, padded, EMPTY);
  return {
    type: 'transport-data',
    from: data.from,
    receiverIndex,
    counter: data.counter,
    packet: data.packet,
    padded: toHex(padded),
    message: toHex(concat(type(4), uint32(receiverIndex), counter, sealed)),
  };
}

function party(chosen: Omit<TranscriptParty, 'staticPublic'>): TranscriptParty {
  const { staticPrivate, source } = chosen;
  return { staticPrivate, staticPublic: toHex(dhPublic(fromHex(staticPrivate))), source };
}

function type(number: number): Uint8Array {
  return Uint8Array.of(number, 0, 0, 0);
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function ascii(text: string): Uint8Array {
  return Buffer.from(text, 'ascii');
}

const EMPTY = new Uint8Array(0);
const ENCODING =
  'Byte strings are lower-case hexadecimal in the order of the wire. Indices, ports and counters are ' +
  'plain numbers. Private keys are clamped. An address has 4 bytes (IPv4) or 16 (IPv6). chainingKey ' +
  'and hash are C and H of the paper after the message; transportKeys are T of section 5.4.5.';
