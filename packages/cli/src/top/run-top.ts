/**
 * `runTop`: runs `litz top`, on a terminal or for a pipe.
 *
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises';
import { EndSignals, aborted } from '../end-signals.ts';
import { Failure } from '../failure.ts';
import { LiveSource } from '../live/live-source.ts';
import type { LiveStatus } from '../live/live-status.ts';
import { Screen } from './screen.ts';
import { drawTable, drawTop } from './top-screen.ts';
import type { Order } from './order.ts';
import { TopModel } from './top-model.ts';

export interface TopOptions {
  /** The time between the beginnings of two readings. It is longer if readings take long. */
  readonly intervalMs: number;
  /**
   * How many tables are printed. Undefined: the screen is shown; if there is no terminal that can
   * show it, one table is printed.
   */
  readonly count: number | undefined;
  readonly order: Order;
}

/**
 * Shows the interfaces until the user quits, or prints the tables.
 *
 * @param names the interfaces; if empty, all with a daemon
 * @throws {Failure} there is nothing to show
 */
export async function runTop(names: readonly string[], options: TopOptions): Promise<void> {
  const { stdin, stdout, env } = process;
  const signals = new EndSignals();
  const source = new LiveSource(names);
  // A signal closes the source. If it did not, a daemon that sends its answer byte by byte would
  // keep the program from ending.
  signals.signal.addEventListener('abort', () => source.close(), { once: true });
  try {
    const first = await source.read();
    if (signals.signal.aborted) return;
    checkFirst(first, names);
    const model = new TopModel();
    model.order = options.order;
    model.take(first);
    const isScreen = stdout.isTTY && env['TERM'] !== 'dumb' && options.count === undefined;
    const show = isScreen ? showScreen : printTables;
    await show({ model, source, options, stdin, stdout, env, signal: signals.signal });
  } finally {
    source.close();
    signals.release();
  }
}

/**
 * Returns how long to wait after a reading that took `costMs`. A daemon is busy with readings for a
 * tenth of the time at most.
 */
export function pauseAfter(costMs: number, intervalMs: number): number {
  return Math.max(intervalMs - costMs, costMs * 9);
}

interface Run {
  readonly model: TopModel;
  readonly source: LiveSource;
  readonly options: TopOptions;
  readonly stdin: typeof process.stdin;
  readonly stdout: typeof process.stdout;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

function checkFirst({ interfaces }: LiveStatus, names: readonly string[]): void {
  if (names.length === 0 && interfaces.length === 0) throw new Failure(NO_INTERFACE);
  const [first] = interfaces;
  if (first && interfaces.every(({ trouble }) => trouble !== undefined)) {
    throw new Failure(`${first.name}: ${first.trouble}`);
  }
}

async function showScreen({ model, source, options, stdin, stdout, env, signal }: Run) {
  const ending = new AbortController();
  const end = AbortSignal.any([signal, ending.signal]);
  const isUnicode = showsUnicode(env);
  const draw = (): void => {
    const { width, height } = screen;
    screen.draw(drawTop(model, { width, height, colors: !env['NO_COLOR'], isUnicode }));
  };
  const screen = new Screen(stdin, stdout, {
    onKey: (key) => {
      const action = model.press(key);
      if (action === 'quit') ending.abort();
      else if (action === 'suspend') screen.suspend();
      else draw();
    },
    onRedraw: draw,
    onLost: () => ending.abort(),
  });
  try {
    draw();
    await Promise.race([aborted(end), readAgain({ model, source, options, end, onStatus: draw })]);
  } finally {
    screen.close();
  }
}

async function printTables({ model, source, options, stdout, env, signal }: Run): Promise<void> {
  const ending = new AbortController();
  // The reader of a pipe may end first, such as `head`.
  stdout.on('error', () => ending.abort());
  const { NO_COLOR: noColor, TERM: term } = env;
  const size = {
    width: stdout.isTTY ? stdout.columns || 80 : Infinity,
    colors: stdout.isTTY && !noColor && term !== 'dumb',
    isUnicode: showsUnicode(env),
  };
  let left = options.count ?? 1;
  const end = AbortSignal.any([signal, ending.signal]);
  const onStatus = (): void => {
    stdout.write(`${drawTable(model, size).join('\n')}\n`);
    if (--left <= 0) ending.abort();
    else stdout.write('\n');
  };
  await readAgain({ model, source, options, end, onStatus });
}

/** Reads again and again until `end` is aborted. The first rates are known after one interval. */
async function readAgain({
  model,
  source,
  options,
  end,
  onStatus,
}: Pick<Run, 'model' | 'source' | 'options'> & { end: AbortSignal; onStatus: () => void }) {
  let cost = 0;
  while (!end.aborted) {
    await delay(pauseAfter(cost, options.intervalMs), undefined, { signal: end }).catch(() => {});
    if (end.aborted) return;
    const status = await source.read();
    if (end.aborted) return;
    model.take(status);
    cost = source.costMs;
    onStatus();
  }
}

function showsUnicode({ LC_ALL: all, LC_CTYPE: type, LANG: lang }: NodeJS.ProcessEnv): boolean {
  return /utf-?8/i.test(all || type || lang || '');
}

const NO_INTERFACE =
  'no daemon answers in /var/run/wireguard: start one (litz INTERFACE), or ask as root';
