/**
 * `liveColumns`: what the table shows of each peer.
 *
 * @module
 */
/** @import { LivePeer, LiveStatus } from '../src/live/live-status.ts' */
/** @import { PeerColumns } from '../../mesh/page/peers-table.js' */
import { ageText, bytesText, printable, rateText } from '../../mesh/page/words.js';
import { dropCount, perSecondText, roundTripText, shortKey } from './live-words.js';

/** @type {PeerColumns<LivePeer, LiveStatus>} */
export const liveColumns = {
  // The titles that index.html has after `Peer`.
  titles: [
    'State',
    'Interface',
    'Endpoint',
    'Handshake',
    'Round trip',
    'Received now',
    'Sent now',
    'Packets now',
    'Dropped',
    'Received',
    'Sent',
    'Allowed IPs',
  ],
  id: ({ id }) => id,
  name: ({ publicKey }) => shortKey(publicKey),
  state: ({ state }) => state,
  texts: (peer, { time }) => textsOf(peer, time),
  words: ({ id, state, endpoint = '', endpointName = '', allowedIps }) => [
    id,
    state,
    endpoint,
    endpointName,
    ...allowedIps,
  ],
  weight: weightOf,
};

/**
 * @param {LivePeer} peer
 * @param {number} time
 * @returns {string[]}
 */
function textsOf(peer, time) {
  const { state, problem, lastHandshakeAt, rates, drops } = peer;
  const [first = 'none', ...others] = peer.allowedIps;
  const hasPackets = peer.receivedMessages !== undefined;
  return [
    problem === undefined ? state : `${state}: ${printable(problem)}`,
    printable(peer.interface),
    peer.endpoint ?? 'none',
    lastHandshakeAt === undefined ? 'never' : ageText(time - lastHandshakeAt),
    roundTripText(peer.roundTripMs),
    rateText(rates.receivedBytes),
    rateText(rates.sentBytes),
    hasPackets ? perSecondText(rates.receivedMessages + rates.sentMessages) : 'unknown',
    drops ? dropCount(drops).toLocaleString('en') : 'unknown',
    bytesText(peer.receivedBytes),
    bytesText(peer.sentBytes),
    others.length === 0 ? first : `${first} and ${others.length} more`,
  ];
}

/**
 * @param {string} order
 * @returns {(peer: LivePeer) => number}
 */
function weightOf(order) {
  switch (order) {
    case 'throughput':
      return ({ rates }) => -rates.receivedBytes - rates.sentBytes;
    case 'packets':
      return ({ rates }) => -rates.receivedMessages - rates.sentMessages;
    case 'drops':
      return ({ drops }) => -dropCount(drops);
    case 'handshake':
      return ({ lastHandshakeAt = 0 }) => -lastHandshakeAt;
    case 'roundtrip':
      return ({ roundTripMs = -1 }) => -roundTripMs;
    case 'state':
      return ({ state }) => STATES.indexOf(state);
    default:
      return () => 0;
  }
}

/** The states in the order of the table: problems come first. */
const STATES = ['failing', 'waiting', 'idle', 'connected'];
