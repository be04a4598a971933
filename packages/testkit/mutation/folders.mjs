/**
 * Lists the folders that are mutated, and the tests of each folder. Only the folder's own tests
 * run, because they should kill its mutants without help from tests of other folders.
 */

const core = (folder) => `packages/core/src/${folder}`;
const tests = (...paths) => paths.map((path) => `packages/${path}`);

const HANDSHAKE_WORK = [
  core('flow/handshake-work.ts'),
  core('flow/initiation-turns.ts'),
  core('flow/handshake-receive.ts'),
];

/** The folders by the name for `pnpm mutate NAME`. */
export const FOLDERS = {
  engine: {
    mutate: [core('*.ts')],
    tests: tests('core/test/*.test.ts', 'core/test/protocol/configuration.test.ts'),
  },
  flow: {
    mutate: [core('flow/*.ts'), ...HANDSHAKE_WORK.map((file) => `!${file}`)],
    tests: tests(
      'core/test/flow/!(handshake-work|initiation-turns).test.ts',
      'core/test/engine.test.ts',
      'core/test/protocol/{configuration,ecn,handshake,routing,secrets,timers,transport}.test.ts',
    ),
  },
  // This group has its own entry, because its tests (floods, many peers) are slow.
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
 * The set of `pnpm mutate:quick`: the code whose faults tests must always find. It takes a few
 * minutes, and its results are not stored. `FILE#NAME` is only the function with that name.
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

/**
 * At least this share of the mutants of all folders together must be killed. Equivalent mutants do
 * not count.
 */
export const LEAST_SHARE = 0.9;

/**
 * The places where every mutant must be killed: whole files, or the lines that match. A mutant
 * belongs to the line on which it begins.
 */
export const CRITICAL = {
  'replay window': { files: /\/peer\/replay-window\.ts$/ },
  'source check': { files: /\/flow\/inbound\.ts$/, lines: /owner|allowedIps|disallowed-source/ },
  counters: {
    files: /\/(core\/src|device\/src\/plane)\//,
    lines:
      /\b(stats\.\w+|(sent|received)(Bytes|Messages|Keepalives)|(read|written)Packets)\s*(\+\+|\+=)|\bdrops?\.add\(|\bdrop\(|countDrop\(/,
  },
  timers: { files: /\/(peer\/timer-table|flow\/timers|flow\/timer-expiry)\.ts$/ },
  'key wiping': {
    files: /\/core\/src\//,
    lines:
      /\bwipe\w*\(|\bdestroy\w*\(|\breleaseKey\(|\bdiscard\(|#(retire|forgetRetired)\(|[kK]ey\.fill\(0\)/,
  },
  'cookie and mac checks': { files: /\/cookie\/|\/crypto\/equal-bytes\.ts$/ },
};
