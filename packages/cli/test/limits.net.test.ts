/**
 * Tests that `litz` works with small limits, or prints one line about the limit and leaves nothing
 * behind. Under the smallest of these limits, Node.js itself does not start.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Host, removeSockets, uniqueName } from './host.ts';
import { keyPair } from './key-pair.ts';
import { realInterfaces } from './litz-process.ts';

const NAME = uniqueName('m');
const FOLDER = '/var/run/wireguard';
const OPEN_FILES = [
  18, 19, 20, 22, 25, 30, 40, 60, 80, 100, 124, 160, 200, 218, 222, 230, 256, 300,
];
const MEGABYTES = (
  '800 850 900 1000 1100 1200 1300 1400 1500 1600 1650 1700 1750 1800 1850 1900 2000 2500 4000 8000 ' +
  '11500 12000 12500 16000'
).split(' ');

let host: Host;
/** The files that killed daemons of other tests have left in `FOLDER`. */
let earlier: readonly string[];

describeWith(realInterfaces, 'litz with small limits', () => {
  beforeEach(() => {
    host = new Host();
    earlier = existsSync(FOLDER) ? readdirSync(FOLDER) : [];
  });
  afterEach(async () => {
    await host.close();
    removeSockets();
  });

  it.each(OPEN_FILES)(
    'works with %i open files, or reports that this is too few',
    async (count) => {
      expect(await outcomeOf(`ulimit -n ${count}`)).toMatch(
        /^(works|not even Node does|1: litz: the limit of open files .*ulimit -n.*\n)$/,
      );
      expect(leftovers()).toEqual([]);
    },
  );

  it.each(MEGABYTES)(
    'works with %s MB of address space, or reports that this is too little',
    async (size) => {
      expect(await outcomeOf(`ulimit -v ${size}000`)).toMatch(
        /^(works|not even Node does|1: litz: the limit of address space .*ulimit -v.*\n)$/,
      );
      expect(leftovers()).toEqual([]);
    },
  );

  it.each([
    ['n 60', /open files/],
    ['v 1500000', /address space/],
  ])(
    'reports a limit also in the background, for a tunnel and for a demo: ulimit -%s',
    async (limit, what) => {
      const file = host.write(`${NAME}.conf`, [
        '[Interface]',
        `PrivateKey = ${keyPair().privateKey}`,
      ]);
      for (const words of [[NAME], ['up', file], ['demo']]) {
        const litz = host.litz(words, { wrapper: limited(`ulimit -${limit}`) });
        expect(await litz.end()).toBe(1);
        expect(litz.text).toMatch(what);
        expect(litz.text.trimEnd().split('\n')).toHaveLength(1);
        expect(leftovers()).toEqual([]);
      }
    },
  );
});

/** Returns 'works', or why litz does not work: for example, its exit code and its output. */
async function outcomeOf(limit: string): Promise<string> {
  if (!nodeStarts(limit)) return 'not even Node does';
  const env = { LOG_LEVEL: 'verbose' };
  const litz = host.litz(['-f', NAME], { env, wrapper: limited(limit) });
  const isServed = await litz.says(/serves/).then(
    () => true,
    () => false,
  );
  if (!isServed) return `${await litz.end()}: ${litz.text}`;
  await host.run('wg', ['set', NAME, 'listen-port', '0']);
  await host.run('ip', ['link', 'set', NAME, 'up']);
  await litz.says(/listens on port/);
  return (await litz.end('SIGTERM')) === 0 ? 'works' : `does not end: ${litz.text}`;
}

/** Returns what is left of the interface and its socket. */
function leftovers(): string[] {
  const sockets = readdirSync(FOLDER).filter(
    (file) => file.startsWith('.litz-') && !earlier.includes(file),
  );
  if (existsSync(`${FOLDER}/${NAME}.sock`)) sockets.push(NAME);
  return host.hasLink(NAME) ? [...sockets, `link ${NAME}`] : sockets;
}

/**
 * Returns whether Node.js can run a program of one small file. `litz` needs no more before it
 * checks its limits.
 */
function nodeStarts(limit: string): boolean {
  const [program, ...words] = limited(limit);
  return spawnSync(program, [...words, process.execPath, SMALL_PROGRAM]).status === 0;
}

function limited(limit: string): [program: string, ...words: string[]] {
  return ['bash', '-c', `${limit} && exec "$@"`, 'bash'];
}

const SMALL_PROGRAM = fileURLToPath(new URL('../dist/limits.js', import.meta.url));
