/**
 * `layoutOf`: computes the positions of the nodes in the picture. Pure.
 *
 * | picture | for | labels |
 * |---|---|---|
 * | `ring` | a few nodes | horizontal, beside or below each node |
 * | `spokes` | up to 200 on a wide screen | along the spoke, so that they don't touch each other |
 * | `dots` | up to 200 on a narrow screen | none; the name of a node is shown when it is selected |
 *
 * @module
 */

/**
 * @typedef {object} Position
 * @property {number} x
 * @property {number} y
 * @property {number} angle radians, clockwise from three o'clock
 */

/**
 * @typedef {object} Layout
 * @property {'ring' | 'spokes' | 'dots'} kind
 * @property {number} width
 * @property {number} height
 * @property {Omit<Position, 'angle'>} own
 * @property {readonly Position[]} positions of the peers, in their order
 * @property {number} labelLength how many characters of a name fit
 */

/**
 * @param {number} count the number of peers, up to `MAX_NODES`
 * @param {number} width the available width in pixels
 * @param {number} longest how many characters the longest name has
 * @returns {Layout}
 */
export function layoutOf(count, width, longest) {
  if (count <= mostInRing(width)) return ring(count, width);
  const room = 20 + Math.min(longest, LONGEST_LABEL) * LETTER;
  const radius = width / 2 - room;
  if (radius * 2 * Math.PI >= count * SPOKE_PITCH) return spokes(count, width, room);
  return dots(count, width);
}

/**
 * @param {number} count
 * @param {number} width
 * @returns {Layout}
 */
function ring(count, width) {
  const height = width >= 480 ? 460 : 320;
  const own = { x: width / 2, y: height / 2 };
  // The label of a node at the side of the ring needs space for half of its length.
  const radii = { x: Math.min(width / 2 - 70, 300), y: height / 2 - 60 };
  return {
    kind: 'ring',
    width,
    height,
    own,
    positions: around(count, own, radii),
    labelLength: width < 500 ? 14 : 24,
  };
}

/**
 * @param {number} count
 * @param {number} width
 * @param {number} room the space for a name outside the circle, in pixels
 * @returns {Layout}
 */
function spokes(count, width, room) {
  const wanted = (count * SPOKE_COMFORT) / (2 * Math.PI);
  const radius = Math.min(width / 2 - room, Math.max(LEAST_RADIUS, wanted));
  const height = Math.round(2 * (radius + room));
  const own = { x: width / 2, y: height / 2 };
  return {
    kind: 'spokes',
    width,
    height,
    own,
    positions: around(count, own, { x: radius, y: radius }),
    labelLength: LONGEST_LABEL,
  };
}

/**
 * Returns a layout of several rings, the outermost first. Each ring has as many nodes as fit on it.
 *
 * @param {number} count
 * @param {number} width
 * @returns {Layout}
 */
function dots(count, width) {
  const outer = Math.min(width / 2 - 16, 320);
  const height = Math.round(2 * (outer + 16));
  const own = { x: width / 2, y: height / 2 };
  // The rings move closer together until all nodes fit around this node.
  let pitch = DOT_PITCH;
  while (roomOfDots(outer, pitch) < count) pitch--;
  /** @type {Position[]} */
  const positions = [];
  for (let radius = outer; positions.length < count; radius -= pitch) {
    const some = Math.min(onCircle(radius, pitch), count - positions.length);
    positions.push(...around(some, own, { x: radius, y: radius }));
  }
  return { kind: 'dots', width, height, own, positions, labelLength: 0 };
}

/**
 * @param {number} outer
 * @param {number} pitch
 * @returns {number}
 */
function roomOfDots(outer, pitch) {
  let room = 0;
  for (let radius = outer; radius >= 2 * pitch; radius -= pitch) room += onCircle(radius, pitch);
  return room;
}

/**
 * @param {number} radius
 * @param {number} pitch
 * @returns {number}
 */
function onCircle(radius, pitch) {
  return Math.floor((2 * Math.PI * radius) / pitch);
}

/**
 * @param {number} count
 * @param {{ x: number, y: number }} centre
 * @param {{ x: number, y: number }} radii
 * @returns {Position[]}
 */
function around(count, centre, radii) {
  return Array.from({ length: count }, (_, index) => {
    // The first node is at the top. If there are two, they are left and right.
    const start = count === 2 ? Math.PI : -Math.PI / 2;
    const angle = start + (index * 2 * Math.PI) / count;
    return {
      x: centre.x + radii.x * Math.cos(angle),
      y: centre.y + radii.y * Math.sin(angle),
      angle,
    };
  });
}

/**
 * @param {number} width
 * @returns {number}
 */
function mostInRing(width) {
  if (width >= 700) return 12;
  return width >= 480 ? 8 : 5;
}

/** With more peers there is no picture. */
export const MAX_NODES = 200;
/** With more peers the picture needs the whole width of the page. */
export const MAX_BESIDE = 48;
/** The most characters of a name at a spoke, and the largest width of a character in pixels. */
const LONGEST_LABEL = 20;
const LETTER = 6.6;
/**
 * The least distance in pixels between the ends of two spokes: the height of a small line of text.
 */
const SPOKE_PITCH = 11;
/** The distance in pixels between the ends of two spokes if the page is wide enough. */
const SPOKE_COMFORT = 13;
/** The least radius in pixels of the circle of spokes, if the page is wide enough. */
const LEAST_RADIUS = 190;
/** The largest distance in pixels between two rings of dots, and between two dots of a ring. */
const DOT_PITCH = 19;
