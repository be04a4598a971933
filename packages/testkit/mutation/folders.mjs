/**
 * What is mutated, and by which tests each folder is held. Few tests per folder, the nearest ones: a
 * mutant that only a far test kills is one that the folder's own tests do not know.
 */

const core = (folder) => `packages/core/src/${folder}`;
const tests = (...paths) => paths.map((path) => `packages/${path}`);

const HANDSHAKE_WORK = [
  core('flow/handshake-work.ts'),
  core('flow/initiation-turns.ts'),
  core('flow/handshake-receive.ts'),
];

/** By the name that `pnpm mutate NAME` takes. */
export const FOLDERS = {
  engine: {
    mutate: [core('*.ts')],
    tests: tests('core/test/*.test.ts', 'core/test/protocol/configuration.test.ts'),
  },
  flow: {
    mutate: [core('flow/*.ts'), ...HANDSHAKE_WORK.map((file) => `!${file}`)],
    tests: tests(
      'core/test/flow/!(handshake-work|initiation-turns).test.ts',
      'core/test/protocol/{ecn,secrets}.test.ts',
    ),
  },
  // Of floods and of many peers, whose tests take their time.
  'handshake-work': {
    mutate: HANDSHAKE_WORK,
    tests: tests('core/test/flow/{handshake-work,initiation-turns,handshake-receive}.test.ts'),
  },
  peer: {
    mutate: [core('peer/*.ts')],
    tests: tests('core/test/peer/*.test.ts'),
  },
  routing: {
    mutate: [core('routing/*.ts')],
    tests: tests('core/test/routing/!(allowed-ips-full).test.ts'),
  },
  text: {
    mutate: [core('text/*.ts')],
    tests: tests('core/test/text/*.test.ts', 'core/test/{keys,endpoint}.test.ts'),
  },
  wire: { mutate: [core('wire/*.ts')], tests: tests('core/test/wire/*.test.ts') },
  rate: { mutate: [core('rate/*.ts')], tests: tests('core/test/rate/*.test.ts') },
  handshake: { mutate: [core('handshake/*.ts')], tests: tests('core/test/handshake/*.test.ts') },
  cookie: { mutate: [core('cookie/*.ts')], tests: tests('core/test/cookie/*.test.ts') },
  crypto: {
    mutate: [core('crypto/*.ts')],
    tests: tests('core/test/crypto/*.test.ts', 'core/test/handshake/transcripts.test.ts'),
  },
  plane: {
    mutate: ['packages/device/src/plane/*.ts', 'packages/device/src/portable/memory-tun.ts'],
    tests: tests('device/test/plane/*.test.ts', 'device/test/portable/memory-tun.test.ts'),
  },
};

/**
 * `pnpm mutate:quick`: what must not break unseen, in a few minutes. Not kept. Of a file with `#` only the
 * function of that name.
 */
export const QUICK = {
  mutate: [
    core('peer/replay-window.ts'),
    core('peer/timer-table.ts'),
    core('peer/keypairs.ts'),
    core('cookie/*.ts'),
    core('crypto/wipe.ts'),
    core('crypto/equal-bytes.ts'),
    core('drop-reason.ts'),
    core('flow/inbound.ts#acceptPacket'),
    core('flow/timers.ts'),
  ],
  tests: tests(
    'core/test/peer/{replay-window,timer-table,keypairs}.test.ts',
    'core/test/cookie/*.test.ts',
    'core/test/crypto/{wipe,equal-bytes}.test.ts',
    'core/test/drop-reason.test.ts',
    'core/test/flow/{inbound,timers}.test.ts',
  ),
};

/** Killed of all that are not equivalent, over all folders together. */
export const LEAST_SHARE = 0.9;

/**
 * Where every mutant has to be killed: whole files, or the lines that match. A line counts if the mutant
 * begins on it.
 */
export const CRITICAL = {
  'replay window': { files: /\/peer\/replay-window\.ts$/ },
  'source check': { files: /\/flow\/inbound\.ts$/, lines: /owner|allowedIps|source-not-allowed/ },
  counters: {
    files: /\/(core\/src|device\/src\/plane)\//,
    lines:
      /\b(stats\.\w+|(sent|received)(Bytes|Messages|Keepalives)|(read|written)Packets)\s*(\+\+|\+=)|\bdrops?\.add\(|\bdrop\(|countDrop\(/,
  },
  timers: { files: /\/(peer\/timer-table|flow\/timers|flow\/timer-expiry)\.ts$/ },
  'key wiping': {
    files: /\/core\/src\//,
    lines:
      /\bwipe\w*\(|\bdestroy\w*\(|\breleaseKey\(|\bdiscard\(|#(putAway|forgetRetired)\(|[kK]ey\.fill\(0\)/,
  },
  'cookie and mac checks': { files: /\/cookie\/|\/crypto\/equal-bytes\.ts$/ },
};
