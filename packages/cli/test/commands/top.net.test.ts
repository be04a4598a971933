import { setTimeout as delay } from 'node:timers/promises';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Host, removeSockets, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { LITZ, realInterfaces } from '../litz-process.ts';
import { OwnMounts } from '../own-mounts.ts';

const LEFT = uniqueName('l');
const RIGHT = uniqueName('r');
const TOP = `${process.execPath} ${LITZ} top`;
/**
 * Returns a key as a row shows it: its first four characters, and the four before the final `=`.
 */
const short = (key: string): string => `${key.slice(0, 4)}…${key.slice(-5, -1)}`;

/** Returns `short(key)` for a regular expression. A key may have a plus, which is escaped. */
const shortPattern = (key: string): string => escaped(short(key));

const keys = { left: keyPair(), right: keyPair() };
let host: Host;
/** Each test has a tmux server of its own, because a server that is ending still has its socket. */
let server = 0;
let mounts: OwnMounts;

describeWith([...realInterfaces, programRequirement('tmux')], 'litz top', () => {
  beforeAll(async () => {
    host = new Host();
    // If no name is given, `litz top` shows every interface that has a socket. So the test has its
    // own folder of sockets.
    mounts = await OwnMounts.create();
    await inside(['ip', 'link', 'set', 'lo', 'up']);
    for (const name of [LEFT, RIGHT]) await inside([process.execPath, LITZ, name]);
    await setUp(LEFT, keys.left, 51_821, `peer ${keys.right.publicKey} endpoint 127.0.0.1:51822`);
    await setUp(RIGHT, keys.right, 51_822, `peer ${keys.left.publicKey} endpoint 127.0.0.1:51821`);
  });
  afterAll(async () => {
    for (const name of [LEFT, RIGHT]) await inside([process.execPath, LITZ, 'down', name]);
    await mounts.close();
    await host.close();
    removeSockets();
  });
  beforeEach(async () => {
    server++;
    await tmux('-f /dev/null new-session -d -x 110 -y 30 -s top');
    await shows(/\$|#/);
    await type("PS1='ready> '; clear");
    await shows(/^ready>/m);
  });
  afterEach(() => tmux('kill-server'));

  it('shows both ends of a tunnel, with rates and round trip', async () => {
    await type(`${TOP} ${LEFT} ${RIGHT}`);
    await shows(/2 peers, 2 connected/);
    await shows(row(keys.right.publicKey, LEFT));
    await shows(row(keys.left.publicKey, RIGHT));
    await shows(/^in [1-9]\S*b\/s [1-9]\S*p\/s {2}out [1-9]/m);
    expect(await screen('-e')).toContain('\x1b[32m');
  });

  it('obeys its keys, and adapts to a new size of the terminal', async () => {
    await type(`${TOP} --sort name ${LEFT} ${RIGHT}`);
    await shows(/2 connected/);
    await press('/', ...RIGHT.split(''), 'Enter');
    await shows(new RegExp(`^>${shortPattern(keys.left.publicKey)}`, 'm'));
    expect(await screen()).not.toContain(short(keys.right.publicKey));
    await press('Enter');
    await shows(new RegExp(`^peer +${escaped(keys.left.publicKey)} on ${RIGHT}$`, 'm'));
    await shows(/^throughput +[▁-█]{3,} most \S+b\/s$/m);
    await tmux('resize-window -x 40 -y 12');
    await shows(new RegExp(`^>${shortPattern(keys.left.publicKey)} +\\S+ +\\S+ +\\S+$`, 'm'));
    expect((await screen()).split('\n')[11]).toBe('q quit  ? help  arrows pick  Enter detai');
    // If a key followed Escape at once, Node.js would read the two as one key with Alt.
    await press('Escape');
    await waitUntil((text) => !text.includes('allowed ips'));
    await press('Escape');
    await shows(new RegExp(`^[> ]${shortPattern(keys.right.publicKey)}`, 'm'));
    await press('?');
    await shows(/^Ctrl-Z/m);
    await press('x', 's', 'p');
    await shows(/^paused {2}2 peers/m);
    await press('q');
    await isRestored();
  });

  it('restores the terminal after quit, interrupt, signals and a bug', async () => {
    const boom = `data:text/javascript,setTimeout(()=>{throw%20new%20Error("boom")},2000)`;
    const endings: [command: string, end: () => Promise<unknown>][] = [
      [TOP, () => press('q')],
      [TOP, () => press('C-c')],
      [TOP, () => kill('TERM')],
      [TOP, () => kill('HUP')],
      [`NODE_OPTIONS='--import=${boom}' ${TOP}`, () => shows(/Error: boom/)],
    ];
    for (const [command, end] of endings) {
      await type(`${command} ${LEFT}`);
      await shows(/1 connected/);
      expect(await tmux('display-message -p #{alternate_on}')).toBe('1\n');
      await end();
      await isRestored();
      await type('clear');
    }
  });

  it('restores the terminal when Ctrl-Z stops it, and continues after fg', async () => {
    await type(`${TOP} ${LEFT}`);
    await shows(/1 connected/);
    await press('C-z');
    await shows(/Stopped/);
    await isRestored();
    await type('fg');
    await shows(/^q quit/m);
    await press('q');
    await isRestored();
    expect(await screen()).not.toContain('q quit');
  });

  it('shows no colours if NO_COLOR is set', async () => {
    await type(`NO_COLOR=1 ${TOP} ${LEFT}`);
    await shows(/1 connected/);
    // Matches only foreground colours, because tmux itself may write resets.
    // oxlint-disable-next-line no-control-regex -- a colour code begins with ESC
    expect(await screen('-e')).not.toMatch(/\x1b\[3\dm/);
  });

  it('prints one table into a pipe, or as many tables as --count says', async () => {
    const words = [process.execPath, LITZ, 'top', '--interval', '0.2'];
    const one = await inside([...words, LEFT]);
    expect(one).toMatch(/^PEER +ALLOWED IPS/m);
    expect(one).toContain(`\n${keys.right.publicKey} `);
    expect(one).not.toContain('\x1b');
    const two = await inside([...words, '--count', '2', LEFT]);
    expect(two.match(/^PEER/gm)?.length).toBe(2);
    // If no name is given, the table has the peers of all interfaces.
    expect(await inside(words)).toMatch(/^2 peers, 2 connected {2}\S+ {2}\S+ \S+$/m);
    const cut = `${words.join(' ')} --count 1000 ${LEFT} | head -n 1; echo "\${PIPESTATUS[0]}"`;
    expect(await inside(['bash', '-c', cut])).toMatch(/^1 peer, 1 connected.*\n0\n$/);
  });

  it('reports that there is no socket, and refuses an interval of 0', async () => {
    const none = host.litz(['top', 'none0'], { wrapper: mounts.wrapper });
    expect(await none.end()).toBe(1);
    expect(none.text).toMatch(/^litz: .*none0.*there is no such socket/m);
    const wrong = host.litz(['top', '--interval', '0'], { wrapper: mounts.wrapper });
    expect(await wrong.end()).toBe(2);
  });

  it('shows 10,000 peers, and does not delay another client of the daemon', async () => {
    const lines = Array.from({ length: 10_000 }, (_, index) => {
      const bytes = Buffer.alloc(32, 9);
      bytes.writeUInt32BE(index);
      return `[Peer]\nPublicKey = ${bytes.toString('base64')}\nAllowedIPs = 10.9.${index >> 8}.${index & 255}/32`;
    });
    await inside(['wg', 'addconf', LEFT, host.write('many.conf', lines)]);
    await type(`${TOP} ${LEFT}`);
    await shows(/10001 peers, 1 connected/);
    // In the first reading, no peer has a rate, so the connected peer may be the last one. It comes
    // first when it has a rate. The peer before the last one was never connected.
    await press('End', 'Up');
    await shows(/^>.* never /m);
    let slowest = 0;
    for (let turn = 0; turn < 10; turn++) {
      const start = performance.now();
      await inside(['wg', 'show', LEFT, 'listen-port']);
      slowest = Math.max(slowest, performance.now() - start);
    }
    // The limit allows for a loaded machine, and for wg, which reads all peers.
    expect(slowest).toBeLessThan(5000);
    await press('q');
    await isRestored();
  });
});

function escaped(text: string): string {
  return text.replaceAll('+', '\\+');
}

function row(key: string, name: string): RegExp {
  const text = `${shortPattern(key)} +${name} +10\\.8\\.0\\.\\d/32 +connected +\\d+s +\\d+(\\.\\d+)?ms +\\d`;
  return new RegExp(`^[> ]${text}`, 'm');
}

async function setUp(
  name: string,
  { privateKey }: { privateKey: string },
  port: number,
  peer: string,
): Promise<void> {
  const key = host.write('key', [privateKey]);
  const number = name === LEFT ? 2 : 1;
  const words = `set ${name} listen-port ${port} private-key ${key} ${peer} allowed-ips 10.8.0.${number}/32 persistent-keepalive 1`;
  await inside(['wg', ...words.split(' ')]);
  await inside(['ip', 'link', 'set', name, 'up']);
}

function tmux(words: string, ...more: string[]): Promise<string> {
  // The tmux server starts inside the namespaces, so the programs in its panes run there too.
  const env = { ...process.env, SHELL: '/bin/bash', LANG: 'C.UTF-8', TERM: 'xterm-256color' };
  return inside(
    ['tmux', '-u', '-L', `litz-${process.pid}-${server}`, ...words.split(' '), ...more],
    env,
  );
}

function screen(...options: string[]): Promise<string> {
  return tmux('capture-pane -p -t top', ...options);
}

function shows(what: RegExp): Promise<void> {
  return waitUntil((text) => what.test(text), String(what));
}

async function waitUntil(isRight: (text: string) => boolean, what = ''): Promise<void> {
  let text = '';
  for (let turns = 0; turns < 200; turns++) {
    text = await screen();
    if (isRight(text)) return;
    await delay(100);
  }
  throw new Error(`the screen is never right: ${what}\n${text}`);
}

function press(...names: string[]): Promise<string> {
  return tmux('send-keys -t top', ...names);
}

async function type(line: string): Promise<void> {
  await tmux('send-keys -t top -l', line);
  await press('Enter');
}

async function kill(signal: string): Promise<void> {
  const shell = (await tmux('display-message -p #{pane_pid}')).trim();
  await inside(['pkill', `-${signal}`, '-P', shell]);
}

/** Expects that the terminal has its usual screen and cursor again, and edits and echoes lines. */
async function isRestored(): Promise<void> {
  await shows(/ready> $|ready>$/m);
  for (let turns = 0; turns < 50; turns++) {
    if ((await tmux('display-message -p #{alternate_on}')) === '0\n') break;
    await delay(100);
  }
  expect(await tmux('display-message -p #{alternate_on}#{cursor_flag}')).toBe('01\n');
  await type('stty -a');
  await shows(/ icanon .* echo /s);
}

function inside(words: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const [program = '', ...args] = [...mounts.wrapper, ...words];
  return host.run(program, args, { env });
}
