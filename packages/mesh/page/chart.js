/**
 * `Chart`: a line chart of the rates of the last minutes. The thick line is the sum of all tunnels.
 * The busiest tunnels have a colour and an entry in the legend. The lines of the other tunnels are
 * thin and grey.
 *
 * @module
 */
import { html, setAttribute, setText, svg } from './element.js';
import { countText, printable, rateText, shortened } from './words.js';

/**
 * The rates of one tunnel, or of all tunnels, with one value for each time. NaN: not known.
 *
 * @typedef {object} ChartLine
 * @property {(kind: any) => number[]} of returns the rates of one kind, for example one direction
 * @property {(kind: any) => number} now the newest value; 0: not known
 */

/**
 * @typedef {object} ChartData
 * @property {readonly number[]} times Unix time of each value in milliseconds
 * @property {ChartLine} sum
 * @property {ReadonlyMap<string, ChartLine>} peers
 */

/**
 * @typedef {object} ChartOptions
 * @property {number} windowMs how much time the chart shows
 * @property {(kind: string, value: number) => string} [text] returns a value with its unit;
 *   default: a rate in bytes per second as bits per second
 * @property {(kind: string) => number} [unit] a value times this factor is in the unit of `text`;
 *   the top of the grid is a round number in this unit; default: 8, from bytes to bits
 * @property {(id: string) => string} [name] returns the name of a peer; default: its id
 */

export class Chart {
  /** @type {SVGSVGElement} */
  #canvas;
  /** @type {HTMLElement} */
  #legend;
  #grid = svg('g', { class: 'grid', 'aria-hidden': 'true' });
  #lines = svg('g', { class: 'lines', 'aria-hidden': 'true' });
  #sum = svg('path', { class: 'sum' });
  /** @type {Map<string, SVGPathElement>} */
  #paths = new Map();
  /** The peer of each colour. A peer keeps its colour while it is one of the busiest. */
  /** @type {(string | undefined)[]} */
  #colours = Array.from({ length: COLOURS }, () => undefined);
  #gridKey = '';
  /** @type {Required<ChartOptions>} */
  #options;

  /**
   * @param {SVGSVGElement} canvas
   * @param {HTMLElement} legend
   * @param {ChartOptions} options
   */
  constructor(canvas, legend, options) {
    this.#canvas = canvas;
    this.#legend = legend;
    this.#options = {
      text: (_, value) => rateText(value),
      unit: () => 8,
      name: (id) => id,
      ...options,
    };
    canvas.replaceChildren(this.#grid, this.#lines);
  }

  /**
   * @param {{ readonly time: number, readonly peers: readonly unknown[] }} status
   * @param {ChartData} rates
   * @param {string} direction which rates are drawn; it is passed to `ChartLine.of`
   * @param {string | undefined} chosen
   */
  draw({ time, peers }, rates, direction, chosen) {
    const width = Math.round(this.#canvas.parentElement?.clientWidth ?? 0);
    if (width === 0) return;
    const sum = rates.sum.of(direction);
    const unit = this.#options.unit(direction);
    const highest = sum.reduce((most, rate) => Math.max(most, rate || 0), 0);
    const top = niceTop(highest * unit, unit === 8 ? 10_000 : 10) / unit;
    const area = { left: 78, right: width - 8, top: 10, bottom: HEIGHT - 26 };
    setAttribute(this.#canvas, 'viewBox', `0 0 ${width} ${HEIGHT}`);
    setAttribute(this.#canvas, 'width', width);
    setAttribute(this.#canvas, 'height', HEIGHT);
    this.#drawGrid(area, top, direction);
    /** @param {readonly number[]} values */
    const path = (values) =>
      pathOf({
        times: rates.times,
        values,
        end: time,
        area,
        top,
        windowMs: this.#options.windowMs,
      });
    this.#giveColours(rates, direction, chosen);
    for (const [name, line] of this.#paths) {
      if (rates.peers.has(name)) continue;
      line.remove();
      this.#paths.delete(name);
    }
    for (const [name, samples] of rates.peers) {
      const line = this.#line(name);
      const colour = this.#colours.indexOf(name);
      setAttribute(line, 'class', colour < 0 ? 'other' : `colour${colour}`);
      setAttribute(line, 'data-chosen', `${name === chosen}`);
      setAttribute(line, 'd', path(samples.of(direction)));
    }
    setAttribute(this.#sum, 'd', path(sum));
    // The sum is drawn last, so that no other line covers it.
    if (this.#lines.lastChild !== this.#sum) this.#lines.append(this.#sum);
    this.#drawLegend(rates, direction, peers.length);
    const now = this.#options.text(direction, rates.sum.now(direction));
    setAttribute(this.#canvas, 'aria-label', `Rates of all tunnels, now ${now}`);
  }

  /**
   * @param {string} name
   * @returns {SVGPathElement}
   */
  #line(name) {
    const known = this.#paths.get(name);
    if (known) return known;
    const made = svg('path');
    this.#lines.prepend(made);
    this.#paths.set(name, made);
    return made;
  }

  /**
   * @param {ChartData} rates
   * @param {string} direction
   * @param {string | undefined} chosen
   */
  #giveColours(rates, direction, chosen) {
    const busiest = Array.from(rates.peers, ([name, samples]) => ({
      name,
      total: samples.of(direction).reduce((sum, rate) => sum + (rate || 0), 0),
    }))
      .filter(({ name, total }) => total > 0 || name === chosen)
      .toSorted(
        (a, b) => Number(b.name === chosen) - Number(a.name === chosen) || b.total - a.total,
      )
      .slice(0, COLOURS)
      .map(({ name }) => name);
    this.#colours = this.#colours.map((name) =>
      name !== undefined && busiest.includes(name) ? name : undefined,
    );
    for (const name of busiest) {
      if (this.#colours.includes(name)) continue;
      const free = this.#colours.indexOf(undefined);
      if (free >= 0) this.#colours[free] = name;
    }
  }

  /**
   * @param {Area} area
   * @param {number} top
   * @param {string} direction
   */
  #drawGrid(area, top, direction) {
    const key = `${area.right} ${top} ${direction}`;
    if (key === this.#gridKey) return;
    this.#gridKey = key;
    const levels = [0, 0.5, 1].flatMap((part) => {
      const y = area.bottom - part * (area.bottom - area.top);
      return [
        svg('line', { x1: area.left, x2: area.right, y1: y, y2: y }),
        svg('text', { x: area.left - 8, y, dy: '0.35em', 'text-anchor': 'end' }, [
          this.#options.text(direction, part * top).replace('.0 ', ' '),
        ]),
      ];
    });
    const minutes = this.#options.windowMs / 60_000;
    const moments = /** @type {const} */ ([
      [`${minutes} min ago`, area.left, 'start'],
      [`${minutes / 2} min ago`, (area.left + area.right) / 2, 'middle'],
      ['now', area.right, 'end'],
    ]).map(([text, x, anchor]) => svg('text', { x, y: HEIGHT - 6, 'text-anchor': anchor }, [text]));
    this.#grid.replaceChildren(...levels, ...moments);
  }

  /**
   * @param {ChartData} rates
   * @param {string} direction
   * @param {number} count the number of all peers
   */
  #drawLegend(rates, direction, count) {
    const entries = [{ kind: 'sum', name: 'All tunnels', rate: rates.sum.now(direction) }];
    for (const [colour, name] of this.#colours.entries()) {
      if (name === undefined) continue;
      const text = shortened(printable(this.#options.name(name)), 28);
      const rate = rates.peers.get(name)?.now(direction) ?? 0;
      entries.push({ kind: `colour${colour}`, name: text, rate });
    }
    const others = count - (entries.length - 1);
    const isAlone = entries.length === 1;
    const more = others > 0 ? `and ${countText(others, isAlone ? 'tunnel' : 'other')}` : '';
    const key = entries.map(({ kind, name }) => `${kind} ${name}`).join('\n') + more;
    if (this.#legend.dataset['key'] !== key) {
      this.#legend.dataset['key'] = key;
      this.#legend.replaceChildren(
        ...entries.map(({ kind, name }) =>
          html('li', {}, [
            html('span', { class: `swatch ${kind}` }),
            html('bdi', {}, [name]),
            html('span', { class: 'figure' }),
          ]),
        ),
        ...(more === '' ? [] : [html('li', { class: 'more' }, [more])]),
      );
    }
    const figures = this.#legend.querySelectorAll('.figure');
    for (const [index, { rate }] of entries.entries()) {
      const figure = figures[index];
      if (figure) setText(figure, this.#options.text(direction, rate));
    }
  }
}

/** @typedef {{ left: number, right: number, top: number, bottom: number }} Area */

/**
 * Returns the SVG path of a line. The path has gaps where values are not known.
 *
 * @param {{ times: readonly number[], values: readonly number[], end: number, area: Area, top: number, windowMs: number }} of
 * @returns {string}
 */
function pathOf({ times, values, end, area, top, windowMs }) {
  let path = '';
  let isOpen = false;
  for (const [index, value] of values.entries()) {
    if (Number.isNaN(value)) {
      isOpen = false;
      continue;
    }
    const age = end - (times[index] ?? end);
    const x = area.right - (age / windowMs) * (area.right - area.left);
    const y = area.bottom - (value / top) * (area.bottom - area.top);
    path += `${isOpen ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    isOpen = true;
  }
  return path;
}

/**
 * Returns the smallest number that is 1, 2 or 5 times a power of ten, and at least `most` and
 * `atLeast`.
 *
 * @param {number} most
 * @param {number} atLeast
 * @returns {number}
 */
function niceTop(most, atLeast) {
  const least = Math.max(most, atLeast);
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((step) => step * power >= least) ?? 10);
}

const HEIGHT = 220;
const COLOURS = 6;
