import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runDaemon } from '../src/commands/daemon.ts';
import { startInBackground } from '../src/commands/background.ts';
import { runUp } from '../src/commands/up.ts';
import { Failure } from '../src/failure.ts';
import { checkInterfaceName } from '../src/interface-name.ts';
import { keepFewRights } from '../src/rights/few-rights.ts';
import { runProgram } from '../src/program.ts';
import { locateTunnelFile } from '../src/tunnel-path.ts';
import { keyPair } from './key-pair.ts';

vi.mock('../src/commands/daemon.ts', () => ({ runDaemon: vi.fn<typeof runDaemon>() }));
vi.mock('../src/commands/up.ts', () => ({ runUp: vi.fn<typeof runUp>() }));
const startEarly = vi.hoisted(() => vi.fn<(name: string) => void>());
vi.mock('@litz/device/packet-thread', () => ({ PacketThread: { startEarly } }));
vi.mock('../src/rights/few-rights.ts', () => ({
  keepFewRights: vi.fn<typeof keepFewRights>(),
  keepAllRights: vi.fn<() => void>(),
}));
vi.mock('../src/commands/background.ts', () => ({
  startInBackground: vi.fn<typeof startInBackground>(),
  reportReadiness: vi.fn<() => void>(),
}));

let output: string;
let errors: string;

beforeEach(() => {
  output = errors = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((output += String(text)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((errors += String(text)), true));
  vi.stubEnv('WG_PROCESS_FOREGROUND', undefined);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.resetAllMocks();
  vi.unstubAllEnvs();
});

describe('runProgram', () => {
  test.each([
    [['wg0'], 'wg0'],
    [['--', 'wg0'], 'wg0'],
    [['--', 'up'], 'up'],
    [['--', '-f'], '-f'],
    [['--', 'show'], 'show'],
  ])('with %j, starts a daemon in the background', async (words, name) => {
    expect(await runProgram(words)).toBe(0);
    expect(errors).toBe('');
    expect(startInBackground).toHaveBeenCalledExactlyOnceWith(name, expect.anything());
    expect(runDaemon).not.toHaveBeenCalled();
  });

  test('runs the daemon as the user of --user, also in the background', async () => {
    expect(await runProgram(['--user', 'litz:net', 'wg0'])).toBe(0);
    expect(startInBackground).toHaveBeenCalledExactlyOnceWith(
      'wg0',
      expect.objectContaining({ user: 'litz:net' }),
    );
    expect(keepFewRights).not.toHaveBeenCalled();
    expect(await runProgram(['-f', '--user', 'litz', 'wg0'])).toBe(0);
    expect(keepFewRights).toHaveBeenCalledExactlyOnceWith('daemon', { user: 'litz' });
    expect(startEarly).toHaveBeenCalledExactlyOnceWith('wg0');
    expect(runDaemon).toHaveBeenCalledOnce();
  });

  test('accepts options of the agent after its commands', async () => {
    expect(await runProgram(['agent', 'check', '--encrypt', 'wrong'])).toBe(2);
    expect(errors).toMatch(/Allowed choices are pods, nodes, all/);
  });

  test('refuses --user in front of a command, because it would have no effect', async () => {
    expect(await runProgram(['--user', 'litz', 'up', 'wg0'])).toBe(2);
    expect(errors).toBe('litz: options of up must follow it: litz up OPTIONS\n');
    expect(runUp).not.toHaveBeenCalled();
  });

  test.each([
    [['-f', 'wg0'], 'wg0'],
    [['--foreground', 'wg0'], 'wg0'],
    [['wg0', '-f'], 'wg0'],
    [['-f', 'up'], 'up'],
    [['-f', 'genkey'], 'genkey'],
    [['-f', 'status'], 'status'],
    [['-f', '--', 'demo'], 'demo'],
  ])('with %j, runs a daemon in the foreground', async (words, name) => {
    expect(await runProgram(words)).toBe(0);
    expect(runDaemon).toHaveBeenCalledExactlyOnceWith(name, expect.anything());
    expect(startInBackground).not.toHaveBeenCalled();
  });

  test('passes the address of --metrics to a daemon, also in the background, and to a tunnel', async () => {
    await runProgram(['-f', 'wg0', '--metrics', '9586']);
    const metrics = { host: '127.0.0.1', port: 9586 };
    expect(runDaemon).toHaveBeenCalledWith('wg0', expect.objectContaining({ metrics }));
    await runProgram(['wg0', '--metrics', 'unix:/run/m']);
    const passedOn = expect.objectContaining({ metrics: 'unix:/run/m' });
    expect(startInBackground).toHaveBeenCalledWith('wg0', passedOn);
    await runProgram(['up', '--metrics', '9586', './wg0.conf']);
    expect(runUp).toHaveBeenCalledWith('./wg0.conf', expect.objectContaining({ metrics }));
  });

  test('starts a daemon for a word that resembles a command, with one line of warning', async () => {
    expect(await runProgram(['server'])).toBe(0);
    expect(startInBackground).toHaveBeenCalledExactlyOnceWith('server', expect.anything());
    expect(errors).toMatch(/^litz: "server" is not a command .*\n$/);
  });

  test.each([[['help']], [['list', 'wg0']], [['status', '-f']], [['set', 'wg0', 'peer', 'x']]])(
    'with %j, makes no interface',
    async (words) => {
      expect(await runProgram(words)).toBe(2);
      expect(errors).toMatch(new RegExp(`^litz: there is no command "${words[0]}": `));
      expect(startInBackground).not.toHaveBeenCalled();
      expect(runDaemon).not.toHaveBeenCalled();
    },
  );

  test('never prints a word that may be a key', async () => {
    const key = keyPair().privateKey;
    const hex = Buffer.from(key, 'base64').toString('hex');
    for (const word of [key, hex, key.slice(0, -1), `--key=${key}`, `-${key}`]) {
      const commands = [[], ['--'], ['-f'], ['up'], ['genkey'], ['pubkey'], ['demo', '--form']];
      for (const before of commands) {
        vi.mocked(runUp).mockImplementation(async (target) => void locateTunnelFile(target));
        vi.mocked(runDaemon).mockImplementation(async (name) => checkInterfaceName(name));
        vi.mocked(startInBackground).mockImplementation(async (name) => checkInterfaceName(name));
        expect(await runProgram([...before, word])).toBe(2);
      }
    }
    expect(errors).toContain('(a key, not shown)');
    expect(errors).not.toContain(key.slice(4, 30));
    expect(errors).not.toContain(hex.slice(4, 30));
  });

  test('treats WG_PROCESS_FOREGROUND=1 as -f, and ignores other values', async () => {
    vi.stubEnv('WG_PROCESS_FOREGROUND', '1');
    await runProgram(['wg0']);
    expect(runDaemon).toHaveBeenCalledOnce();
    vi.stubEnv('WG_PROCESS_FOREGROUND', '0');
    await runProgram(['wg1']);
    expect(startInBackground).toHaveBeenCalledOnce();
  });

  test('with up, brings up the tunnel of the given file', async () => {
    expect(await runProgram(['up', './wg0.conf'])).toBe(0);
    expect(runUp).toHaveBeenCalledExactlyOnceWith('./wg0.conf', expect.anything());
  });

  test.each<[string, string[], RegExp]>([
    ['a command line without words', [], /Usage: litz/],
    ['an unknown option', ['--verbose', 'wg0'], /unknown option '--verbose'/],
    ['two names', ['wg0', 'wg1'], /too many arguments/],
    [
      'an option in front of a command',
      ['--metrics', '1', 'up', 'f'],
      /options of up must follow it/,
    ],
    ['a public address', ['--metrics', ':1', 'wg0'], /--metrics: expected a loopback address/],
    ['up without a file', ['up'], /missing required argument/],
    ['up with two files', ['up', 'a.conf', 'b.conf'], /too many arguments/],
  ])('refuses %s with the reason and exit code 2', async (_, words, text) => {
    expect(await runProgram(words)).toBe(2);
    expect(errors).toMatch(text);
    expect(output).toBe('');
    expect(startInBackground).not.toHaveBeenCalled();
  });

  test.each([['--help'], ['-h']])('with %s, prints the help on standard output', async (word) => {
    expect(await runProgram([word])).toBe(0);
    expect(output).toMatch(/litz wg0 .*\n.*litz -f wg0/);
    expect(errors).toBe('');
  });

  test('with --version, prints the versions of litz and Node.js', async () => {
    expect(await runProgram(['--version'])).toBe(0);
    expect(output).toMatch(/^litz \d+\.\d+\.\d+\S* \(Node\.js v\d+/);
  });

  test.each([['genkey'], ['genpsk']])('with %s, prints a key and nothing else', async (word) => {
    expect(await runProgram([word])).toBe(0);
    expect(output).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
  });

  test('prints one line on standard error for a failure, and returns its exit code', async () => {
    vi.mocked(startInBackground).mockRejectedValue(new Failure('no', { exitCode: 2 }));
    expect(await runProgram(['wg0'])).toBe(2);
    expect(errors).toBe('litz: no\n');
    vi.mocked(runDaemon).mockRejectedValue(new Failure('broken'));
    expect(await runProgram(['-f', 'wg0'])).toBe(1);
  });

  test.each([['SIGINT'], ['SIGTERM'], ['SIGHUP']] as const)(
    'at %s, ends a daemon in the foreground with exit code 0',
    async (name) => {
      vi.mocked(runDaemon).mockImplementation(async (_, { signal }) => {
        process.emit(name, name);
        expect(signal.aborted).toBe(true);
      });
      expect(await runProgram(['-f', 'wg0'])).toBe(0);
    },
  );

  test('ends the process with the signal that a tunnel gets before it is up', async () => {
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    vi.mocked(runUp).mockImplementation(async (_, { signal }) => {
      process.emit('SIGTERM', 'SIGTERM');
      signal.throwIfAborted();
    });
    const listeners = process.listenerCount('SIGTERM');
    await runProgram(['up', 'wg0.conf']);
    expect(kill).toHaveBeenCalledExactlyOnceWith(process.pid, 'SIGTERM');
    expect(process.listenerCount('SIGTERM')).toBe(listeners);
  });
});
