/**
 * Makes test-vectors/wireguard/*.json with the reference implementation of the testkit, which uses
 * node:crypto and no code of the core. All inputs are in this file. Keys, nonces and cookie secrets
 * are hashes of names, because the vectors need no secrets.
 *
 *     npx tsc -b && node test-vectors/generate-transcripts.mjs
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { referenceTranscript } from '../packages/testkit/dist/reference-transcript.js';

/** Returns the first `length` bytes of the SHA-256 of a name. Anybody can make them again. */
const bytes = (name, length = 32) =>
  createHash('sha256').update(`litz test vector: ${name}`).digest().subarray(0, length);
const privateKey = (name) => {
  const key = bytes(name);
  key[0] &= 248;
  key[31] = (key[31] & 127) | 64;
  return key.toString('hex');
};
const hex = (name, length) => bytes(name, length).toString('hex');

const NO_PRESHARED_KEY = '00'.repeat(32);
/** 10.0.0.1 -> 10.0.0.2, UDP, 9 bytes of payload: 37 bytes, so that there is padding. */
const IPV4_PACKET = '4500002500010000401166c50a0000010a0000021f901f91001100006c69747a2074657374';
/** fd00::2 -> fd00::1, no next header: 40 bytes. */
const IPV6_PACKET = `6000000000003b40fd${'00'.repeat(14)}02fd${'00'.repeat(14)}01`;

const base = {
  presharedKey: NO_PRESHARED_KEY,
  initiator: {
    staticPrivate: privateKey('initiator static'),
    source: { address: 'c0000201', port: 51820 },
  },
  responder: {
    staticPrivate: privateKey('responder static'),
    source: { address: 'c6336402', port: 41194 },
  },
  initiations: [
    {
      senderIndex: 0x1f2e3d4c,
      ephemeralPrivate: privateKey('initiator ephemeral'),
      timestamp: '400000006553f10a07000000',
    },
  ],
  response: { senderIndex: 0xfedcba98, ephemeralPrivate: privateKey('responder ephemeral') },
  transportData: [
    { from: 'initiator', counter: 0, packet: '' },
    { from: 'initiator', counter: 1, packet: IPV4_PACKET },
    { from: 'responder', counter: 0, packet: IPV6_PACKET },
    { from: 'initiator', counter: 2 ** 32 + 1, packet: IPV4_PACKET },
    { from: 'responder', counter: 2 ** 40, packet: '' },
  ],
};

const withCookie = {
  initiations: [
    ...base.initiations,
    {
      senderIndex: 7,
      ephemeralPrivate: privateKey('initiator second ephemeral'),
      timestamp: '400000006553f10f0a000000',
    },
  ],
  cookieReply: { cookieSecret: hex('cookie secret'), nonce: hex('cookie nonce', 24) },
};

const transcripts = [
  {
    ...base,
    name: 'without-psk',
    description: 'A handshake without a preshared key, then transport data both ways',
  },
  {
    ...base,
    name: 'with-psk',
    description: 'A handshake with a preshared key, then transport data both ways',
    presharedKey: hex('preshared key'),
  },
  {
    ...base,
    ...withCookie,
    name: 'with-cookie-ipv4',
    description:
      'The responder is under load: it answers with a cookie, and the second initiation has a mac2',
  },
  {
    ...base,
    ...withCookie,
    name: 'with-cookie-ipv6-and-psk',
    description: 'The same from an IPv6 address and with a preshared key',
    presharedKey: hex('preshared key'),
    initiator: {
      ...base.initiator,
      source: { address: '20010db8000000000000000000000001', port: 258 },
    },
  },
];

for (const inputs of transcripts) {
  const file = new URL(`wireguard/${inputs.name}.json`, import.meta.url);
  writeFileSync(file, `${JSON.stringify(referenceTranscript(inputs), null, 1)}\n`);
}
