/**
 * `fitColumns`: the columns of `litz top` that fit into a width. `sortPeers`: the order of the
 * rows.
 *
 * @module
 */
import { sumOfDrops, type LivePeer } from '../live/live-status.ts';
import type { Style } from './line.ts';
import type { Order } from './order.ts';
import { ageText, printable, roundTripText, shortKey, shortNumber } from './words.ts';

/** What the texts of all cells depend on. */
export interface CellContext {
  /** Unix time in milliseconds. */
  readonly time: number;
  /** The characters that stand for what was left out of a text. */
  readonly dots: string;
}

export interface Column {
  readonly title: string;
  readonly width: number;
  readonly align: 'left' | 'right';
  /** The order that sorts by this column. */
  readonly order?: Order;
  text(peer: LivePeer, context: CellContext): string;
  style?(peer: LivePeer): Style;
}

/**
 * Returns the columns that fit, in their order on the screen. If there is space left, the columns
 * of the key, the interface and the addresses get it.
 *
 * @param width in characters; Infinity: all columns fit
 */
export function fitColumns(
  peers: readonly LivePeer[],
  width: number,
  options: { readonly hasManyInterfaces: boolean; readonly context: CellContext },
): Column[] {
  const { hasManyInterfaces, context } = options;
  const chosen = new Set<Spec>();
  let left = width + GAP;
  for (const name of BY_IMPORTANCE) {
    const spec = SPECS[name];
    if (name === 'interface' && !hasManyInterfaces) continue;
    if (chosen.size > 0 && left < spec.width + GAP) break;
    chosen.add(spec);
    left -= spec.width + GAP;
  }
  const columns = Object.values(SPECS).filter((spec) => chosen.has(spec));
  return columns.map((spec) => {
    if (spec.most === undefined || left <= 0) return spec;
    const longest = peers.reduce(
      (most, peer) => Math.max(most, spec.text(peer, { ...context, isFull: true }).length),
      spec.width,
    );
    const grown = Math.min(longest, spec.most, spec.width + left);
    // A key is shown whole or in its short form.
    const isTooShort = spec === SPECS.name && grown < FULL_KEY;
    if (isTooShort || grown === spec.width) return spec;
    left -= grown - spec.width;
    return {
      ...spec,
      width: grown,
      text: (peer, one) => spec.text(peer, { ...one, isFull: true }),
    };
  });
}

/** Returns the peers, sorted by `order`. Peers with equal values are sorted by `id`. */
export function sortPeers(
  peers: readonly LivePeer[],
  order: Order,
  isReversed: boolean,
): LivePeer[] {
  const weigh = WEIGHTS[order];
  const sign = isReversed ? -1 : 1;
  const weights = new Map(peers.map((peer) => [peer, weigh(peer)]));
  return peers.toSorted((a, b) => {
    const [first, second] = [weights.get(a) ?? 0, weights.get(b) ?? 0];
    if (first !== second) return (first < second ? -1 : 1) * sign;
    if (a.id === b.id) return 0;
    return (a.id < b.id ? -1 : 1) * (order === 'name' ? sign : 1);
  });
}

/** Space between two columns. */
export const GAP = 1;

interface Spec extends Column {
  /** How wide the column may grow. */
  readonly most?: number;
  text(peer: LivePeer, context: CellContext & { readonly isFull?: boolean }): string;
}

type ColumnName =
  | 'name'
  | 'interface'
  | 'allowedIps'
  | 'endpoint'
  | 'state'
  | 'handshake'
  | 'roundTrip'
  | 'received'
  | 'sent'
  | 'receivedPackets'
  | 'sentPackets'
  | 'drops';

/** The peer with the smallest weight comes first. */
const WEIGHTS: Readonly<Record<Order, (peer: LivePeer) => number>> = {
  received: ({ rates }) => -rates.receivedBytes,
  sent: ({ rates }) => -rates.sentBytes,
  packets: ({ rates }) => -rates.receivedMessages - rates.sentMessages,
  drops: ({ drops }) => -sumOfDrops(drops),
  handshake: ({ lastHandshakeAt = 0 }) => -lastHandshakeAt,
  roundtrip: ({ roundTripMs = -1 }) => -roundTripMs,
  state: ({ state }) => ['failing', 'waiting', 'idle', 'connected'].indexOf(state),
  name: () => 0,
};

const STYLES = { connected: 'good', idle: 'plain', waiting: 'warning', failing: 'bad' } as const;

const FULL_KEY = 44;

/** In the order of the screen. */
const SPECS: Readonly<Record<ColumnName, Spec>> = {
  name: {
    title: 'PEER',
    width: 10,
    most: FULL_KEY,
    align: 'left',
    order: 'name',
    text: ({ publicKey }, { dots, isFull }) =>
      isFull === true ? publicKey : shortKey(publicKey, dots),
  },
  interface: {
    title: 'IFACE',
    width: 8,
    most: 15,
    align: 'left',
    text: (peer) => printable(peer.interface),
  },
  allowedIps: {
    title: 'ALLOWED IPS',
    width: 18,
    // A prefix of IPv6 has up to 43 characters, and ` +99999` may follow.
    most: 50,
    align: 'left',
    text: ({ allowedIps: [first = '-', ...others] }) =>
      others.length === 0 ? first : `${first} +${others.length}`,
  },
  endpoint: {
    title: 'ENDPOINT',
    width: 21,
    most: 47,
    align: 'left',
    text: ({ endpoint }) => endpoint ?? '-',
  },
  state: {
    title: 'STATE',
    width: 9,
    align: 'left',
    order: 'state',
    text: ({ state }) => state,
    style: ({ state }) => STYLES[state],
  },
  handshake: {
    title: 'HANDSHK',
    width: 8,
    align: 'right',
    order: 'handshake',
    text: ({ lastHandshakeAt }, { time }) =>
      lastHandshakeAt === undefined ? 'never' : ageText(time - lastHandshakeAt),
  },
  roundTrip: {
    title: 'RTT',
    width: 7,
    align: 'right',
    order: 'roundtrip',
    text: ({ roundTripMs }) => roundTripText(roundTripMs),
  },
  received: {
    title: 'IN b/s',
    width: 7,
    align: 'right',
    order: 'received',
    text: ({ rates }) => shortNumber(rates.receivedBytes * 8),
  },
  sent: {
    title: 'OUT b/s',
    width: 8,
    align: 'right',
    order: 'sent',
    text: ({ rates }) => shortNumber(rates.sentBytes * 8),
  },
  receivedPackets: {
    title: 'IN p/s',
    width: 7,
    align: 'right',
    order: 'packets',
    text: ({ receivedMessages, rates }) =>
      receivedMessages === undefined ? '-' : shortNumber(rates.receivedMessages),
  },
  sentPackets: {
    title: 'OUT p/s',
    width: 8,
    align: 'right',
    order: 'packets',
    text: ({ sentMessages, rates }) =>
      sentMessages === undefined ? '-' : shortNumber(rates.sentMessages),
  },
  drops: {
    title: 'DROPS',
    width: 6,
    align: 'right',
    order: 'drops',
    text: ({ drops }) => (drops ? shortNumber(sumOfDrops(drops)) : '-'),
    style: ({ rates }) => (rates.drops > 0 ? 'bad' : 'plain'),
  },
};

/** A narrow screen shows only the first of these. */
const BY_IMPORTANCE: readonly ColumnName[] = [
  'name',
  'received',
  'sent',
  'handshake',
  'interface',
  'roundTrip',
  'drops',
  'state',
  'allowedIps',
  'receivedPackets',
  'sentPackets',
  'endpoint',
];
