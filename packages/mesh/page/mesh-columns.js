/**
 * `meshColumns`: what the table shows of each peer of a mesh.
 *
 * @module
 */
/** @import { MeshStatus, PeerStatus } from '../src/status/mesh-status.ts' */
/** @import { PeerColumns } from './peers-table.js' */
/** @import { Rates } from './rates.js' */
import { ageText, bytesText, printable, rateText } from './words.js';

/** @typedef {'state' | 'name' | 'throughput' | 'session' | 'key'} Order */

/**
 * @param {Rates} rates
 * @returns {PeerColumns<PeerStatus, MeshStatus>}
 */
export function meshColumns(rates) {
  return {
    titles: TITLES,
    id: ({ name }) => name,
    name: ({ name }) => name,
    state: ({ state }) => state,
    texts: (peer, { time }) => textsOf(peer, time, rates),
    words: ({ name, state, endpoint, prefixes, addresses }) => [
      name,
      state,
      endpoint ?? '',
      ...prefixes,
      ...addresses,
    ],
    weight: (order) => weightOf(order, rates),
  };
}

/**
 * Returns the texts of the columns.
 *
 * @param {PeerStatus} peer
 * @param {number} time
 * @param {Rates} rates
 * @returns {string[]}
 */
function textsOf(peer, time, rates) {
  const { state, reason, endpoint, lastHandshakeAt, prefixes } = peer;
  const key = peer.keys.at(-1);
  const [first = 'none', ...others] = prefixes;
  return [
    reason === undefined ? state : `${state}: ${printable(reason)}`,
    endpoint ?? 'unknown',
    lastHandshakeAt === undefined ? 'no session' : ageText(time - lastHandshakeAt),
    key ? ageText(time - key.createdAt) : 'no key',
    rateText(rates.now(peer.name, 'received')),
    rateText(rates.now(peer.name, 'sent')),
    bytesText(peer.bytesReceived),
    bytesText(peer.bytesSent),
    others.length === 0 ? first : `${first} and ${others.length} more`,
  ];
}

/**
 * @param {Order} order
 * @param {Rates} rates
 * @returns {(peer: PeerStatus) => number}
 */
function weightOf(order, rates) {
  /** @type {Record<Order, (peer: PeerStatus) => number>} */
  const weights = {
    state: ({ state }) => STATES.indexOf(state),
    name: () => 0,
    throughput: ({ name }) => -rates.now(name, 'both'),
    // The oldest handshake first; peers without a handshake are at the end.
    session: ({ lastHandshakeAt }) => lastHandshakeAt ?? Infinity,
    key: ({ keys }) => keys.at(-1)?.createdAt ?? Infinity,
  };
  return weights[order];
}

/** The states in the order of the table: problems come first. */
const STATES = ['refused', 'waiting', 'connected'];

/** The columns besides the name. They are the same as in index.html. */
const TITLES = [
  'State',
  'Endpoint',
  'Session age',
  'Key age',
  'Received now',
  'Sent now',
  'Received',
  'Sent',
  'Prefixes',
];
