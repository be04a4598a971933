/**
 * A child process that runs in the namespace of the guests, and makes guests for `Guests` in the
 * parent process. Its command line is `guests-child.js SERVER_PUBLIC_KEY`; the key is in base64. It
 * answers each `GuestsRequest` with a `GuestsAnswer`.
 *
 * @module
 */
import { parsePublicKey } from '@litz/core';
import { selectProvider } from '@litz/device';
import { Guest, type Retry } from './guest.ts';

/**
 * `open` makes a group of guests. `connect` connects the guests of a group, and then closes them.
 */
export type GuestsRequest =
  | { command: 'open'; group: number; first: number; count: number; retry: Retry }
  | { command: 'connect'; group: number; timeoutMs: number };

/** `times` is absent in the answer to `open`. */
export interface GuestsAnswer {
  group: number;
  /** The ms until each guest was connected; null if it was not connected within `timeoutMs`. */
  times?: (number | null)[];
  /** What went wrong. */
  error?: string;
}

async function answer(request: GuestsRequest): Promise<GuestsAnswer> {
  const { command, group } = request;
  if (command === 'connect') return { group, times: await connect(group, request.timeoutMs) };
  const { first, count, retry } = request;
  const guests: Guest[] = [];
  for (let i = 0; i < count; i++) {
    guests.push(await Guest.open({ number: first + i, retry, server, crypto: provider }));
  }
  groups.set(group, guests);
  return { group };
}

async function connect(group: number, timeoutMs: number): Promise<(number | null)[]> {
  const guests = groups.get(group) ?? [];
  groups.delete(group);
  for (const guest of guests) guest.prepare();
  for (const guest of guests) guest.begin();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), timeoutMs);
  });
  const times = await Promise.all(guests.map(({ connected }) => Promise.race([connected, late])));
  clearTimeout(timer);
  for (const guest of guests) guest.close();
  return times;
}

const groups = new Map<number, Guest[]>();
const server = parsePublicKey(process.argv[2]!);
const { provider } = await selectProvider({ forced: '' });
process.on('message', (request: GuestsRequest) => {
  answer(request).then(
    (found) => process.send!(found),
    (error: Error) => process.send!({ group: request.group, error: error.message }),
  );
});
process.stdout.write('ready\n');
