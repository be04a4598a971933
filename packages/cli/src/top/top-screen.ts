/**
 * `drawTop` and `drawTable`: the screen of `litz top`, and the table without a terminal. Pure.
 *
 * @module
 */
import { sumOfRates, type LivePeer, type LiveStatus } from '../live/live-status.ts';
import { paintLine, type Line } from './line.ts';
import { detailLines } from './top-details.ts';
import { ORDERS } from './order.ts';
import { fitColumns, GAP, type CellContext, type Column } from './top-columns.ts';
import type { TopModel } from './top-model.ts';
import { ageText, printable, shortNumber } from './words.ts';

/** What the terminal can show. */
export interface TopSize {
  readonly width: number;
  readonly height: number;
  readonly colors: boolean;
  /** Whether the terminal shows other characters than ASCII. */
  readonly isUnicode: boolean;
}

/**
 * Returns the lines of the screen, at most as many as fit. Sets `model.pageSize`, and scrolls so
 * that the selected peer can be seen.
 */
export function drawTop(model: TopModel, size: TopSize): string[] {
  const { width, height, colors } = size;
  const { status } = model;
  if (!status) return ['litz top: reading ...'].slice(0, height);
  if (model.isHelp) return HELP.slice(0, height).map((text) => text.slice(0, width));
  const context = { time: status.time, dots: size.isUnicode ? '…' : '..' };
  // A low screen shows the table, and leaves out what is around it.
  const head = height < 8 ? [] : [...headLines(status, model), []];
  const foot: Line[] = height < 4 ? [] : [footLine(model)];
  const peer = model.rows[model.selected];
  const details =
    model.isOpen && peer
      ? detailLines(peer, model.history, { ...context, ...size }).slice(0, Math.floor(height / 2))
      : [];
  model.pageSize = Math.max(1, height - head.length - foot.length - details.length - 1);
  model.scroll();
  const shown = model.rows.slice(model.first, model.first + model.pageSize);
  const hasManyInterfaces = status.interfaces.length > 1;
  const columns = fitColumns(shown, width - MARGIN, { hasManyInterfaces, context });
  const lines = [...head, titleLine(columns, model)].map((line) => paintLine(line, width, size));
  for (const [index, row] of shown.entries()) {
    const isChosen = model.first + index === model.selected;
    const mark: Line[number] = ['plain', isChosen ? '>' : ' '];
    const line = [mark, ...rowLine(row, columns, context)];
    lines.push(paintLine(line, width, { colors, base: isChosen ? 'chosen' : 'plain' }));
  }
  if (shown.length === 0) lines.push(emptyText(model).slice(0, width));
  const space = height - lines.length - details.length - foot.length;
  lines.push(...Array.from({ length: Math.max(0, space) }, () => ''));
  lines.push(...[...details, ...foot].map((line) => paintLine(line, width, size)));
  return lines.slice(0, height);
}

/**
 * Returns a table of all peers, for a file or a pipe. If the width is Infinity, the table has all
 * columns.
 */
export function drawTable(model: TopModel, size: Omit<TopSize, 'height'>): string[] {
  const { status } = model;
  if (!status) return [];
  const context = { time: status.time, dots: size.isUnicode ? '…' : '..' };
  const hasManyInterfaces = status.interfaces.length > 1;
  const columns = fitColumns(model.rows, size.width, { hasManyInterfaces, context });
  const lines = [
    ...headLines(status, model),
    titleLine(columns, model).slice(1),
    ...model.rows.map((row) => rowLine(row, columns, context)),
  ];
  return lines.map((line) => paintLine(line, size.width, size).trimEnd());
}

function headLines(status: LiveStatus, model: TopModel): Line[] {
  const { interfaces, time, intervalMs = 0 } = status;
  const rates = sumOfRates(interfaces.map((one) => one.rates));
  const peers = interfaces.reduce((sum, { peerCount }) => sum + peerCount, 0);
  const connected = interfaces.reduce((sum, { connectedCount }) => sum + connectedCount, 0);
  const names = interfaces.map(({ name }) => printable(name)).join(' ');
  const clock = new Date(time).toTimeString().slice(0, 8);
  const drops = new Map<string, number>();
  for (const one of interfaces) {
    for (const [reason, count] of Object.entries(one.drops ?? {})) {
      drops.set(reason, (drops.get(reason) ?? 0) + count);
    }
  }
  const reasons = Array.from(drops)
    .toSorted(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${reason} ${shortNumber(count)}`);
  return [
    [
      // The names are the last piece, because a narrow terminal cuts the line.
      ['warning', model.isPaused ? 'paused  ' : ''],
      ['bold', `${peers} ${peers === 1 ? 'peer' : 'peers'}`],
      ['plain', ', '],
      ['good', `${connected} connected`],
      ['soft', `  ${clock}  `],
      // Shown if the interval is long, for instance because there are very many peers. Without this
      // text, the screen would look as if it had stopped.
      ['soft', intervalMs >= LONG_INTERVAL_MS ? `every ${ageText(intervalMs)}  ` : ''],
      ['bold', names === '' ? 'no interface' : names],
    ],
    [
      ['plain', `in ${shortNumber(rates.receivedBytes * 8)}b/s`],
      ['plain', ` ${shortNumber(rates.receivedMessages)}p/s`],
      ['plain', `  out ${shortNumber(rates.sentBytes * 8)}b/s`],
      ['plain', ` ${shortNumber(rates.sentMessages)}p/s`],
      ['plain', `  handshakes ${shortNumber(model.history.handshakes)}`],
      [rates.drops > 0 ? 'bad' : 'plain', `  drops ${shortNumber(rates.drops)}/s`],
    ],
    ...(reasons.length === 0 ? [] : [[['plain', `dropped: ${reasons.join(', ')}`]] as Line]),
    ...interfaces
      .filter(({ trouble }) => trouble !== undefined)
      .map(({ name, trouble = '' }): Line => [['bad', printable(`${name}: ${trouble}`)]]),
  ];
}

function titleLine(columns: readonly Column[], { order, isReversed }: TopModel): Line {
  const line: Line[number][] = [['plain', ' ']];
  for (const [index, column] of columns.entries()) {
    const isSorted = column.order === order;
    const gap = index === columns.length - 1 ? '' : ' '.repeat(GAP);
    // The mark takes the place of a space, so that the columns have the same places with every
    // order.
    const title = isSorted ? `${isReversed ? '^' : '*'}${column.title}` : column.title;
    line.push([isSorted ? 'bold' : 'soft', fit(title, column) + gap]);
  }
  return line;
}

function rowLine(peer: LivePeer, columns: readonly Column[], context: CellContext): Line {
  return columns.map((column, index) => {
    const gap = index === columns.length - 1 ? '' : ' '.repeat(GAP);
    const text = fit(column.text(peer, context), column) + gap;
    return [column.style?.(peer) ?? 'plain', text];
  });
}

function footLine(model: TopModel): Line {
  if (model.isTyping) {
    return [
      ['bold', `find: ${model.filter}_`],
      ['soft', '  Enter: keep, Esc: clear'],
    ];
  }
  const order = ORDERS.find(([name]) => name === model.order)?.[1] ?? '';
  const found = model.filter === '' ? '/ find' : `/ find: ${model.filter}`;
  return [
    ['soft', 'q quit  ? help  arrows pick  Enter details  s sort: '],
    ['bold', order],
    ['soft', `  r reverse  ${found}  p pause`],
  ];
}

function emptyText({ filter, status }: TopModel): string {
  if (filter !== '') return ` no peer has "${filter}"; Esc shows all`;
  return status?.interfaces.length === 0 ? ' no daemon runs' : ' no peer yet';
}

function fit(text: string, { width, align }: Column): string {
  const cut = Array.from(text).slice(0, width).join('');
  return align === 'left' ? cut.padEnd(width) : cut.padStart(width);
}

/** The width of the mark of the selected row. */
const MARGIN = 1;
const LONG_INTERVAL_MS = 2500;

const HELP: readonly string[] = [
  'litz top',
  '',
  'up, down, j, k, PageUp, PageDown, Home, End   pick a peer',
  'Enter                                         details of the peer; again, or Esc: close',
  's, S, right, left                             sort by the next or previous column',
  'r                                             reverse the order',
  '/                                             show only peers with this text: key, address,',
  '                                              interface or state; Esc: all',
  'p                                             pause; litz top still reads',
  'Ctrl-Z                                        stop; continue with fg',
  'q, Ctrl-C                                     quit',
  '',
  'IN, OUT   received from the peer, sent to it; b/s: bits, p/s: packets and keepalives',
  'HANDSHK   time since the last handshake; above: handshakes in the last ten minutes,',
  '          as far as litz top has seen them',
  'RTT       round trip of the last handshake, with the time for its cryptography',
  'DROPS     dropped since the start of the daemon',
  '',
  'Any key closes this.',
];
