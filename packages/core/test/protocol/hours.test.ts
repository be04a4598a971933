import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { happen } from './hours/events.ts';
import { World } from './hours/world.ts';

/**
 * `pnpm test:hours` sets the number of days, and stores the figures in test/results/hours.json.
 * Each day has its own seed.
 */
const DAYS = Number(process.env['LITZ_TEST_DAYS'] ?? 20);
const isLong = process.env['LITZ_TEST_DAYS'] !== undefined;
const FIRST = Number(process.env['LITZ_TEST_FIRST_DAY'] ?? 1);

it(
  'a day of loss, moves, restarts, upgrades, new keys and attacks leaves no stuck session, no counter that is used ' +
    'twice, no forged packet, no key and no index',
  { timeout: isLong ? 86_400_000 : 120_000 },
  () => {
    const total = {
      days: 0,
      events: 0,
      sent: 0,
      delivered: 0,
      attacks: 0,
      handshakes: 0,
      upgrades: 0,
    };
    let longestCalmMs = 0;
    for (let seed = FIRST; seed < FIRST + DAYS; seed++) {
      const { events, figures } = spendDay(seed);
      total.days++;
      total.events += events;
      total.sent += figures.sent;
      total.delivered += figures.delivered;
      total.attacks += figures.attacks;
      total.handshakes += figures.handshakes;
      total.upgrades += figures.upgrades;
      longestCalmMs = Math.max(longestCalmMs, figures.longestCalmMs);
    }
    expect(total.delivered).toBeGreaterThan(total.sent / 3);
    expect(total.handshakes).toBeGreaterThan(20 * DAYS);
    expect(total.upgrades).toBeGreaterThan(DAYS / 2);
    if (isLong) record({ ...total, longestCalmMs });
  },
);

/** @throws {Error} something is wrong; the message has the seed and the number of events */
function spendDay(seed: number): { events: number; figures: World['figures'] } {
  const world = new World(seed);
  const end = world.network.now + DAY_MS;
  let events = 0;
  try {
    while (world.network.now < end) {
      happen(world);
      if (++events % EVENTS_TO_CALM === 0) world.calm();
    }
    world.calm();
    world.end();
  } catch (error) {
    throw new Error(`day ${seed}, after ${events} events: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return { events, figures: world.figures };
}

/** Writes the figures of these days to the file. The figures of other days stay. */
function record(figures: Record<string, number>): void {
  const folder = join(import.meta.dirname, '../results');
  const file = join(folder, 'hours.json');
  const days = `${FIRST} to ${FIRST + DAYS - 1}`;
  const machine = `${cpus().length} x ${cpus()[0]?.model}, Node.js ${process.version}`;
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as object) : {};
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    file,
    `${JSON.stringify({ ...before, [days]: { machine, ...figures } }, undefined, 2)}\n`,
  );
}

const DAY_MS = 86_400_000;
const EVENTS_TO_CALM = 25;
