/**
 * The status page of a mesh: it receives a status each second and draws it.
 *
 * @module
 */
/** @import { MeshStatus, PeerStatus, PeerState } from '../src/status/mesh-status.ts' */
/** @import { Direction } from './rates.js' */
import { Chart } from './chart.js';
import { Announcer, Connection, showTroubles } from './connection.js';
import { byId, html, setEntries, setText } from './element.js';
import { MAX_BESIDE, MAX_NODES } from './layout.js';
import { meshColumns } from './mesh-columns.js';
import { PeersTable } from './peers-table.js';
import { Picture } from './picture.js';
import { Rates, WINDOW_MS } from './rates.js';
import { ageText, bytesText, countText, printable, rateText } from './words.js';

/** @type {readonly PeerState[]} */
const STATES = ['connected', 'waiting', 'refused'];
const ENFORCEMENTS = {
  off: 'nothing is encrypted',
  permissive: 'packets to a peer are encrypted after it has answered, plaintext is accepted',
  enforce: 'packets that cannot go through a tunnel are dropped, plaintext is not accepted',
};
const MAX_EVENTS = 50;

const rates = new Rates();
const picture = new Picture(svgOf('picture'), choose);
const chart = new Chart(svgOf('chart'), byId('legend'), { windowMs: WINDOW_MS });
const table = new PeersTable(
  { body: byId('rows'), caption: byId('peers-count'), more: byId('more'), choose },
  meshColumns(rates),
);
/** @type {Connection<MeshStatus>} */
const connection = new Connection({ who: 'agent', take, draw });
const announcer = new Announcer();

/** @type {MeshStatus | undefined} */
let status;
/** @type {string | undefined} */
let chosen;

connection.open();
for (const id of ['filter', 'order']) byId(id).addEventListener('input', drawPeers);
for (const input of document.querySelectorAll('input[name="direction"]')) {
  input.addEventListener('change', draw);
}
byId('close-detail').addEventListener('click', () => choose(undefined));
document.addEventListener('keydown', ({ key }) => {
  if (key === 'Escape' && chosen !== undefined) choose(undefined);
});
addEventListener('resize', draw);

/** @param {MeshStatus} next */
function take(next) {
  status = next;
  rates.add(next);
  announcer.take(next.peers.map(({ name, state }) => ({ id: name, name, state })));
  if (chosen !== undefined && !next.peers.some(({ name }) => name === chosen)) chosen = undefined;
  draw();
}

function draw() {
  connection.show();
  const { trouble } = connection;
  if (!status) return showTroubles(trouble === undefined ? [] : [trouble]);
  const { node, interface: link, peers, troubles } = status;
  document.title = `${printable(node.name)} · Litz`;
  setText(byId('node-name'), printable(node.name));
  setText(byId('encryption'), encryptionText(status));
  showTroubles([
    ...(trouble === undefined ? [] : [trouble]),
    ...(link.isUp ? [] : [`No daemon answers for ${link.name}`]),
    ...(status.registry.trouble === undefined ? [] : [`Registry: ${status.registry.trouble}`]),
    ...troubles,
  ]);
  setEntries(byId('summary'), summaryOf(status));
  byId('alone').hidden = peers.length > 0;
  byId('columns').classList.toggle('wide', peers.length > MAX_BESIDE && peers.length <= MAX_NODES);
  drawPicture(status);
  drawDetail(status);
  chart.draw(status, rates, direction(), chosen);
  drawPeers();
  drawEvents(status);
}

/** @param {MeshStatus} status */
function drawPicture(status) {
  const isPicture = picture.draw(status, rates, chosen);
  byId('picture').parentElement?.toggleAttribute('hidden', !isPicture);
  byId('picture-key').hidden = !isPicture || status.peers.length === 0;
  byId('aggregates-frame').hidden = isPicture;
  if (isPicture) return;
  const rows = STATES.map((state) => aggregateOf(state, status));
  const body = byId('aggregates').querySelector('tbody');
  body?.replaceChildren(
    ...rows.map(([first = '', ...texts]) =>
      html('tr', {}, [
        html('th', { scope: 'row' }, [first]),
        ...texts.map((text) => html('td', {}, [text])),
      ]),
    ),
  );
}

/**
 * @param {PeerState} state
 * @param {MeshStatus} status
 * @returns {string[]}
 */
function aggregateOf(state, { peers, time }) {
  const those = peers.filter((peer) => peer.state === state);
  /** @param {(peer: PeerStatus) => number | undefined} since */
  const oldest = (since) => {
    const first = those.reduce((least, peer) => Math.min(least, since(peer) ?? Infinity), Infinity);
    return first === Infinity ? 'none' : ageText(time - first);
  };
  /** @param {(peer: PeerStatus) => number} count */
  const total = (count) => bytesText(those.reduce((sum, peer) => sum + count(peer), 0));
  return [
    state,
    those.length.toLocaleString('en'),
    total(({ bytesReceived }) => bytesReceived),
    total(({ bytesSent }) => bytesSent),
    oldest(({ lastHandshakeAt }) => lastHandshakeAt),
    oldest(({ keys }) => keys.at(-1)?.createdAt),
  ];
}

/** @param {MeshStatus} status */
function drawDetail(status) {
  const peer = status.peers.find(({ name }) => name === chosen);
  setText(byId('detail-title'), peer ? `Peer ${printable(peer.name)}` : 'This node');
  byId('close-detail').hidden = !peer;
  setEntries(byId('detail'), peer ? peerEntries(peer, status.time) : nodeEntries(status));
}

/**
 * @param {PeerStatus} peer
 * @param {number} time
 * @returns {[term: string, text: string][]}
 */
function peerEntries(peer, time) {
  const { state, reason, lastHandshakeAt, sessionKey, name } = peer;
  const sessionAge = lastHandshakeAt === undefined ? 'no session' : ageText(time - lastHandshakeAt);
  const generation = peer.keys.find(({ publicKey }) => publicKey === sessionKey)?.generation;
  const session = generation === undefined ? sessionAge : `${sessionAge}, key ${generation}`;
  return [
    ['State', reason === undefined ? state : `${state}: ${printable(reason)}`],
    ['Endpoint', peer.endpoint ?? 'unknown'],
    ['Session age', session],
    ...keyEntries(peer.keys, time),
    ['Received', `${bytesText(peer.bytesReceived)}, now ${rateText(rates.now(name, 'received'))}`],
    ['Sent', `${bytesText(peer.bytesSent)}, now ${rateText(rates.now(name, 'sent'))}`],
    ['Node addresses', peer.addresses.join(', ') || 'none'],
    ['Pod prefixes', peer.prefixes.join(', ') || 'none'],
    ['Node encryption', peer.encryptsNode ? 'yes' : 'no'],
    [
      'In the registry',
      peer.isListed ? 'yes' : 'no, the peer is kept while its sessions are renewed',
    ],
  ];
}

/**
 * @param {MeshStatus} status
 * @returns {[term: string, text: string][]}
 */
function nodeEntries({ node, interface: link, registry, time, startedAt }) {
  const synced = registry.syncedAt === undefined ? 'never read' : 'read';
  const age = registry.syncedAt === undefined ? '' : ` ${ageText(time - registry.syncedAt)} ago`;
  return [
    ['Mode', `${node.mode}, node encryption ${node.nodeEncryption}`],
    ['Enforcement', `${node.enforcement}: ${ENFORCEMENTS[node.enforcement]}`],
    ...wantedEntries(node),
    ['Interface', interfaceText(link)],
    ...keyEntries(node.keys, time),
    ...rotationEntries(node.rotation, time),
    ['Node addresses', node.addresses.join(', ') || 'none'],
    ['Pod prefixes', node.prefixes.join(', ') || 'none'],
    ['Cluster prefixes', node.clusterPrefixes.join(', ') || 'none'],
    ['Registry', `${printable(registry.description)}, ${synced}${age}`],
    ['Exceptions (not encrypted)', node.exceptions.join(', ') || 'none'],
    ['Agent runs for', ageText(time - startedAt)],
  ];
}

/**
 * @param {MeshStatus['node']} node
 * @returns {[term: string, text: string][]}
 */
function wantedEntries({ enforcement, wantedEnforcement }) {
  if (enforcement === wantedEnforcement) return [];
  return [
    ['Requested enforcement', `${wantedEnforcement}, which waits until every peer has answered`],
  ];
}

/**
 * @param {MeshStatus['interface']} link
 * @returns {string}
 */
function interfaceText({ name, isUp, port, mtu }) {
  const width = mtu === undefined ? '' : `, MTU ${mtu}`;
  return `${name}, ${isUp ? 'up' : 'down'}, UDP port ${port}${width}`;
}

/**
 * @param {PeerStatus['keys']} keys
 * @param {number} time
 * @returns {[term: string, text: string][]}
 */
function keyEntries(keys, time) {
  if (keys.length === 0) return [['Key', 'none']];
  return keys.flatMap(({ publicKey, generation, createdAt }) => [
    [`Key ${generation}`, publicKey],
    [`Age of key ${generation}`, ageText(time - createdAt)],
  ]);
}

/**
 * @param {MeshStatus['node']['rotation']} rotation
 * @param {number} time
 * @returns {[term: string, text: string][]}
 */
function rotationEntries(rotation, time) {
  if (!rotation) return [];
  const { step, startedAt, waitingFor } = rotation;
  const names = waitingFor.slice(0, 5).map(printable).join(', ');
  const more = waitingFor.length > 5 ? ` and ${waitingFor.length - 5} more` : '';
  const waits = waitingFor.length === 0 ? '' : `, waits for ${names}${more}`;
  return [['Rotation', `${printable(step)}, for ${ageText(time - startedAt)}${waits}`]];
}

/**
 * @param {MeshStatus} status
 * @returns {[term: string, text: string][]}
 */
function summaryOf({ node, peers, time }) {
  /** @param {PeerState} state */
  const count = (state) => peers.filter((peer) => peer.state === state).length;
  const key = node.keys.at(-1);
  return [
    ['Connected', `${count('connected')} of ${peers.length}`],
    ['Waiting', `${count('waiting')}`],
    ['Refused', `${count('refused')}`],
    ['Receiving', rateText(rates.sum.now('received'))],
    ['Sending', rateText(rates.sum.now('sent'))],
    ['Age of own key', key ? ageText(time - key.createdAt) : 'no key'],
  ];
}

/**
 * Returns a line about the encryption of this node, in the words of `litz agent status`.
 *
 * @param {MeshStatus} status
 * @returns {string}
 */
function encryptionText({ node, interface: { name }, peers }) {
  if (node.enforcement === 'off') return 'Encryption is off';
  return `${node.enforcement} · ${node.mode} · ${name} · ${countText(peers.length, 'peer')}`;
}

function drawPeers() {
  if (!status) return;
  const filter = /** @type {HTMLInputElement} */ (byId('filter')).value;
  const order = /** @type {HTMLSelectElement} */ (byId('order')).value;
  table.draw(status, { filter, order, chosen });
}

/** @param {MeshStatus} status */
function drawEvents({ events, time }) {
  const list = byId('events');
  const newest = events.slice(-MAX_EVENTS).toReversed();
  const key = `${events.length} ${events.at(-1)?.at} ${Math.floor(time / 10_000)}`;
  if (list.dataset['key'] === key) return;
  list.dataset['key'] = key;
  list.replaceChildren(
    ...newest.map(({ at, level, peer, text }) =>
      html('li', { 'data-level': level }, [
        html('time', { datetime: new Date(at).toISOString() }, [`${ageText(time - at)} ago`]),
        html('span', { class: 'level' }, [level]),
        html('bdi', {}, [`${peer === undefined ? '' : `${printable(peer)}: `}${printable(text)}`]),
      ]),
    ),
    ...(newest.length === 0 ? [html('li', { class: 'none' }, ['Nothing has happened yet.'])] : []),
  );
}

/** @param {string | undefined} name */
function choose(name) {
  chosen = name === chosen ? undefined : name;
  draw();
}

/** @returns {Direction} */
function direction() {
  const input = document.querySelector('input[name="direction"]:checked');
  return input instanceof HTMLInputElement ? /** @type {Direction} */ (input.value) : 'both';
}

/**
 * @param {string} id
 * @returns {SVGSVGElement}
 */
function svgOf(id) {
  const element = document.querySelector(`svg#${id}`);
  if (!(element instanceof SVGSVGElement)) throw new Error(`the page has no picture ${id}`);
  return element;
}
