/**
 * `Picture`: this node, its peers and the tunnels to them. A tunnel with more throughput is
 * thicker. Shape and colour show the state of a peer: a full disc is connected, an empty disc is
 * waiting, and a cross is refused.
 *
 * @module
 */
/** @import { MeshStatus, PeerStatus } from '../src/status/mesh-status.ts' */
/** @import { Layout, Position } from './layout.js' */
/** @import { Rates } from './rates.js' */
import { setAttribute, setText, svg } from './element.js';
import { layoutOf, MAX_NODES } from './layout.js';
import { printable, rateText, shortened } from './words.js';

/**
 * @typedef {object} Drawn
 * @property {SVGGElement} node
 * @property {SVGLineElement} tunnel
 * @property {SVGLineElement} flow
 * @property {SVGTextElement} rate
 * @property {SVGTitleElement} title
 */

export class Picture {
  /** @type {SVGSVGElement} */
  #canvas;
  /** @type {(name: string) => void} */
  #choose;
  /** @type {Map<string, Drawn>} */
  #drawn = new Map();
  /** Identifies the nodes and the size for which the elements were made. */
  #key = '';
  /** The node that gets the focus with the tab key. */
  #reachable = '';
  /** @type {Layout['kind']} */
  #kind = 'ring';

  /**
   * @param {SVGSVGElement} canvas
   * @param {(name: string) => void} choose called with the name of a peer that the user selects
   */
  constructor(canvas, choose) {
    this.#canvas = canvas;
    this.#choose = choose;
    canvas.addEventListener('keydown', (event) => this.#onKey(event));
  }

  /**
   * @param {MeshStatus} status
   * @param {Rates} rates
   * @param {string | undefined} chosen
   * @returns {boolean} false: there are too many nodes for a picture
   */
  draw(status, rates, chosen) {
    const { peers, node } = status;
    if (peers.length > MAX_NODES) return false;
    const width = Math.round(this.#canvas.parentElement?.clientWidth ?? 0);
    if (width === 0) return true;
    const key = JSON.stringify([width, node.name, peers.map(({ name }) => name)]);
    if (key !== this.#key) {
      const longest = Math.max(0, ...peers.map(({ name }) => name.length));
      this.#arrange(status, layoutOf(peers.length, width, longest));
    }
    this.#key = key;
    for (const peer of peers) this.#show(peer, rates, peer.name === chosen);
    const open = peers.filter(({ state }) => state === 'connected').length;
    setAttribute(
      this.#canvas,
      'aria-label',
      `${printable(node.name)} and its tunnels, ${open} of ${peers.length} connected`,
    );
    return true;
  }

  /**
   * @param {MeshStatus} status
   * @param {Layout} layout
   */
  #arrange({ peers, node }, layout) {
    const focused = document.activeElement?.getAttribute('data-peer') ?? undefined;
    const { width, height, own } = layout;
    setAttribute(this.#canvas, 'viewBox', `0 0 ${width} ${height}`);
    setAttribute(this.#canvas, 'width', width);
    setAttribute(this.#canvas, 'height', height);
    setAttribute(this.#canvas, 'data-kind', layout.kind);
    this.#kind = layout.kind;
    this.#drawn.clear();
    const tunnels = svg('g', { 'aria-hidden': 'true' });
    const nodes = svg('g');
    for (const [index, { name }] of peers.entries()) {
      const position = layout.positions[index];
      if (!position) continue;
      const ends = { x1: own.x, y1: own.y, x2: position.x, y2: position.y };
      const tunnel = svg('line', { class: 'tunnel', ...ends });
      const flow = svg('line', { class: 'flow', ...ends });
      const drawn = { tunnel, flow, ...this.#node(name, position, layout) };
      tunnels.append(tunnel, flow);
      nodes.append(drawn.node);
      this.#drawn.set(name, drawn);
    }
    this.#canvas.replaceChildren(tunnels, ownNode(node.name, layout), nodes);
    if (!this.#drawn.has(this.#reachable)) this.#reachable = peers[0]?.name ?? '';
    this.#reach(this.#reachable);
    if (focused !== undefined) this.#drawn.get(focused)?.node.focus();
  }

  /**
   * @param {string} name
   * @param {Position} position
   * @param {Layout} layout
   * @returns {Pick<Drawn, 'node' | 'rate' | 'title'>}
   */
  #node(name, { x, y, angle }, { kind, labelLength, own }) {
    const title = svg('title');
    const size = kind === 'ring' ? 9 : 4.5;
    const shape = [
      svg('circle', { class: 'halo', r: size + 6 }),
      svg('circle', { class: 'disc', r: size }),
      svg('path', {
        class: 'cross',
        d: `M${-size} ${-size}L${size} ${size}M${-size} ${size}L${size} ${-size}`,
      }),
    ];
    const node = svg('g', { class: 'node', role: 'button', tabindex: -1, 'data-peer': name }, [
      title,
      svg('g', { transform: `translate(${x} ${y})` }, shape),
    ]);
    const rate = svg('text', { class: 'rate', 'aria-hidden': 'true' });
    const label = svg('text', { class: 'name', 'aria-hidden': 'true' }, [
      shortened(printable(name), labelLength),
    ]);
    if (kind === 'ring') {
      // The label is outside the ring, so that no tunnel crosses it.
      const isAbove = y < own.y - 1;
      for (const [text, dy] of /** @type {const} */ ([
        [label, isAbove ? -34 : 28],
        [rate, isAbove ? -18 : 44],
      ])) {
        setAttribute(text, 'x', x);
        setAttribute(text, 'y', y + dy);
        setAttribute(text, 'text-anchor', 'middle');
      }
      node.append(label, rate);
    } else if (kind === 'spokes') {
      const isLeft = Math.cos(angle) < -1e-9;
      const turn = (angle * 180) / Math.PI + (isLeft ? 180 : 0);
      setAttribute(label, 'transform', `translate(${x} ${y}) rotate(${turn})`);
      setAttribute(label, 'x', isLeft ? -11 : 11);
      setAttribute(label, 'dy', '0.35em');
      setAttribute(label, 'text-anchor', isLeft ? 'end' : 'start');
      node.append(label);
    }
    node.addEventListener('click', () => {
      this.#reach(name);
      this.#choose(name);
    });
    return { node, rate, title };
  }

  /**
   * @param {PeerStatus} peer
   * @param {Rates} rates
   * @param {boolean} isChosen
   */
  #show({ name, state, reason }, rates, isChosen) {
    const drawn = this.#drawn.get(name);
    if (!drawn) return;
    const rate = rates.now(name, 'both');
    const words = `${printable(name)}, ${state}${reason === undefined ? '' : `: ${printable(reason)}`}`;
    for (const element of [drawn.node, drawn.tunnel, drawn.flow]) {
      setAttribute(element, 'data-state', state);
    }
    setAttribute(drawn.node, 'aria-label', words);
    setAttribute(drawn.node, 'aria-pressed', `${isChosen}`);
    setText(drawn.title, words);
    setText(drawn.rate, state === 'connected' ? rateText(rate) : state);
    // The width grows with the logarithm of the rate, from 1 kbit/s to 1 Gbit/s in a ring, or to
    // 100 Mbit/s in the other layouts.
    const most = this.#kind === 'ring' ? 7 : 3.5;
    const thickness = Math.min(most, 1 + (most / 7) * Math.max(0, Math.log10(rate / 125)));
    setAttribute(drawn.tunnel, 'stroke-width', thickness.toFixed(1));
    setAttribute(drawn.flow, 'stroke-width', thickness.toFixed(1));
    setAttribute(drawn.flow, 'data-active', `${state === 'connected' && rate > 0}`);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const names = [...this.#drawn.keys()];
    const at = names.indexOf(this.#reachable);
    const next = nextPlace(event.key, at, names.length);
    if (next !== undefined) {
      const name = names[next] ?? '';
      this.#reach(name);
      this.#drawn.get(name)?.node.focus();
    } else if (event.key === 'Enter' || event.key === ' ') {
      this.#choose(this.#reachable);
    } else {
      return;
    }
    event.preventDefault();
  }

  /** @param {string} name */
  #reach(name) {
    this.#drawn.get(this.#reachable)?.node.setAttribute('tabindex', '-1');
    this.#drawn.get(name)?.node.setAttribute('tabindex', '0');
    this.#reachable = name;
  }
}

/**
 * @param {string} name
 * @param {Layout} layout
 * @returns {SVGGElement}
 */
function ownNode(name, { own, kind, labelLength }) {
  const text = kind === 'dots' ? '' : shortened(printable(name), labelLength);
  const half = kind === 'dots' ? 8 : Math.max(30, text.length * 4 + 14);
  const height = kind === 'dots' ? 16 : 30;
  return svg(
    'g',
    { class: 'own', 'aria-hidden': 'true', transform: `translate(${own.x} ${own.y})` },
    [
      svg('rect', { x: -half, y: -height / 2, width: half * 2, height, rx: 8 }),
      svg('text', { 'text-anchor': 'middle', dy: '0.35em' }, [text]),
    ],
  );
}

/**
 * @param {string} key
 * @param {number} at
 * @param {number} count
 * @returns {number | undefined}
 */
function nextPlace(key, at, count) {
  if (count === 0) return undefined;
  if (key === 'ArrowRight' || key === 'ArrowDown') return (at + 1) % count;
  if (key === 'ArrowLeft' || key === 'ArrowUp') return (at + count - 1) % count;
  if (key === 'Home') return 0;
  return key === 'End' ? count - 1 : undefined;
}
