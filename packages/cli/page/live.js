/**
 * The page of `litz serve`: interfaces and their peers, live.
 *
 * @module
 */
/** @import { LiveInterface, LivePeer, LiveStatus } from '../src/live/live-status.ts' */
/** @import { Kind } from './live-rates.js' */
import { Chart } from '../../mesh/page/chart.js';
import { Announcer, Connection, showTroubles } from '../../mesh/page/connection.js';
import { byId, setEntries, setText } from '../../mesh/page/element.js';
import { PeersTable } from '../../mesh/page/peers-table.js';
import { ageText, bytesText, countText, printable, rateText } from '../../mesh/page/words.js';
import { liveColumns } from './live-columns.js';
import { LiveRates, WINDOW_MS } from './live-rates.js';
import { chartText, dropsText, perSecondText, roundTripText, shortKey } from './live-words.js';

const rates = new LiveRates();
const canvas = document.querySelector('svg#chart');
if (!(canvas instanceof SVGSVGElement)) throw new Error('the page has no chart');
const chart = new Chart(canvas, byId('legend'), {
  windowMs: WINDOW_MS,
  text: chartText,
  unit: (kind) => (kind === 'packets' || kind === 'drops' ? 1 : 8),
  name: nameOf,
});
const table = new PeersTable(
  { body: byId('rows'), caption: byId('peers-count'), more: byId('more'), choose },
  liveColumns,
);
/** @type {Connection<LiveStatus>} */
const connection = new Connection({
  who: 'litz',
  take,
  draw,
  takeHistory: (data) => rates.load(data),
});
const announcer = new Announcer();

/** @type {LiveStatus | undefined} */
let status;
/** @type {string | undefined} */
let chosen;

connection.open();
for (const id of ['filter', 'order']) byId(id).addEventListener('input', drawPeers);
for (const input of document.querySelectorAll('input[name="kind"]')) {
  input.addEventListener('change', draw);
}
byId('close-detail').addEventListener('click', () => choose(undefined));
document.addEventListener('keydown', ({ key }) => {
  if (key === 'Escape' && chosen !== undefined) choose(undefined);
});
addEventListener('resize', draw);

/** @param {LiveStatus} next */
function take(next) {
  status = next;
  rates.add(next);
  announcer.take(
    next.peers.map(({ id, publicKey, state }) => ({ id, name: shortKey(publicKey), state })),
  );
  if (chosen !== undefined && !next.peers.some(({ id }) => id === chosen)) chosen = undefined;
  draw();
}

function draw() {
  connection.show();
  const { trouble } = connection;
  const texts = trouble === undefined ? [] : [trouble];
  if (!status) return showTroubles(texts);
  const { interfaces, peers } = status;
  const names = interfaces.map(({ name }) => printable(name)).join(', ');
  document.title = `${names || 'no interface'} · Litz`;
  setText(byId('names'), names || 'No interface');
  setText(
    byId('counts'),
    `${countText(interfaces.length, 'interface')}, ${countText(peers.length, 'peer')}`,
  );
  showTroubles([
    ...texts,
    ...interfaces.flatMap((one) =>
      one.trouble === undefined ? [] : [`${one.name}: ${one.trouble}`],
    ),
  ]);
  setEntries(byId('summary'), summaryOf(status));
  drawDetail(status);
  chart.draw(status, rates, kind(), chosen);
  drawPeers();
}

function drawPeers() {
  if (!status) return;
  const filter = /** @type {HTMLInputElement} */ (byId('filter')).value;
  const order = /** @type {HTMLSelectElement} */ (byId('order')).value;
  table.draw(status, { filter, order, chosen });
}

/** @param {LiveStatus} status */
function drawDetail({ peers, interfaces, time }) {
  const peer = peers.find(({ id }) => id === chosen);
  setText(byId('detail-title'), peer ? `Peer ${shortKey(peer.publicKey)}` : 'Interfaces');
  byId('close-detail').hidden = !peer;
  const isOne = interfaces.length === 1;
  setEntries(
    byId('detail'),
    peer
      ? peerEntries(peer, time)
      : interfaces.flatMap((one) => interfaceEntries(one, isOne ? '' : `${one.name}: `)),
  );
}

/**
 * @param {LivePeer} peer
 * @param {number} time
 * @returns {[term: string, text: string][]}
 */
function peerEntries(peer, time) {
  const { state, problem, lastHandshakeAt } = peer;
  const age = lastHandshakeAt === undefined ? 'never' : `${ageText(time - lastHandshakeAt)} ago`;
  return [
    ['Public key', peer.publicKey],
    ['Interface', printable(peer.interface)],
    ['State', problem === undefined ? state : `${state}: ${printable(problem)}`],
    ['Endpoint', peer.endpoint ?? 'none'],
    ...(peer.endpointName === undefined
      ? []
      : [/** @type {[string, string]} */ (['Host name', printable(peer.endpointName)])]),
    ['Allowed IPs', peer.allowedIps.join(', ') || 'none'],
    ['Last handshake', age],
    ['Round trip of that handshake', roundTripText(peer.roundTripMs)],
    ['Received', `${bytesText(peer.receivedBytes)}${packetsText(peer.receivedMessages)}`],
    ['Receiving', rateText(peer.rates.receivedBytes)],
    ['Sent', `${bytesText(peer.sentBytes)}${packetsText(peer.sentMessages)}`],
    ['Sending', rateText(peer.rates.sentBytes)],
    ['Dropped', dropsText(peer.drops)],
  ];
}

/**
 * @param {number | undefined} count
 * @returns {string}
 */
function packetsText(count) {
  return count === undefined ? '' : `, ${count.toLocaleString('en')} packets`;
}

/**
 * @param {LiveInterface} one
 * @param {string} prefix
 * @returns {[term: string, text: string][]}
 */
function interfaceEntries(one, prefix) {
  if (one.trouble !== undefined) return [[`${prefix}state`, 'no answer']];
  const { publicKey = 'none', listenPort, provider = 'unknown', offloads, drops } = one;
  return [
    [`${prefix}public key`, publicKey],
    [`${prefix}UDP port`, listenPort === 0 ? 'none yet' : `${listenPort}`],
    [`${prefix}cryptography`, provider],
    [`${prefix}offloads`, offloads ? offloads.join(', ') || 'none' : 'unknown'],
    [`${prefix}dropped`, dropsText(drops)],
  ];
}

/**
 * @param {LiveStatus} status
 * @returns {[term: string, text: string][]}
 */
function summaryOf({ interfaces, peers }) {
  const connected = peers.filter(({ state }) => state === 'connected').length;
  const failing = peers.filter(({ state }) => state === 'failing').length;
  /** @param {(one: LiveInterface) => number} value */
  const total = (value) => interfaces.reduce((sum, one) => sum + value(one), 0);
  const packets = total((one) => one.rates.receivedMessages + one.rates.sentMessages);
  return [
    ['Connected', `${connected} of ${peers.length}`],
    ['Failing', `${failing}`],
    ['Receiving', rateText(total((one) => one.rates.receivedBytes))],
    ['Sending', rateText(total((one) => one.rates.sentBytes))],
    ['Packets', perSecondText(packets)],
    ['Dropping', perSecondText(total((one) => one.rates.drops))],
  ];
}

/**
 * Returns the name of a peer in the legend.
 *
 * @param {string} id
 * @returns {string}
 */
function nameOf(id) {
  const slash = id.indexOf('/');
  const isOne = status?.interfaces.length === 1;
  const key = shortKey(id.slice(slash + 1));
  return isOne ? key : `${id.slice(0, slash)} ${key}`;
}

/** @param {string | undefined} id */
function choose(id) {
  chosen = id === chosen ? undefined : id;
  draw();
}

/** @returns {Kind} */
function kind() {
  const input = document.querySelector('input[name="kind"]:checked');
  return input instanceof HTMLInputElement ? /** @type {Kind} */ (input.value) : 'both';
}
