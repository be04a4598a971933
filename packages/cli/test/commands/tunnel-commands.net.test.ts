import { readFileSync, statSync, chmodSync, existsSync } from 'node:fs';
import { parseConfig, type WgQuickConfig } from '@litz/config';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeSockets, TwoHosts, uniqueName, type Host } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { LITZ, realInterfaces, type LitzProcess } from '../litz-process.ts';
import { handMadeFiles } from '../wg-quick-files.ts';
import { wgQuick, wgQuickPrograms } from '../wg-quick-program.ts';

const LEFT = uniqueName('m');
const RIGHT = uniqueName('n');
const ALICE = keyPair();
const BOB = keyPair();
const CAROL = keyPair();

let hosts: TwoHosts;
let left: Host;
let right: Host;

describeWith(
  [...realInterfaces, ...wgQuickPrograms, programRequirement('wireguard')],
  'litz',
  () => {
    beforeEach(() => {
      hosts = new TwoHosts();
      ({ left, right } = hosts);
    });
    afterEach(async () => {
      // A tunnel in the background is not a child of this process, so `hosts.close` would not end
      // it.
      for (const [host, name] of [
        [left, LEFT],
        [right, RIGHT],
      ] as const) {
        if (host.hasLink(name)) await litz(host, ['down', name]).end();
      }
      await hosts.close();
      removeSockets();
    });

    it('up --background returns when the tunnel is up, and down returns when the tunnel is gone', async () => {
      const before = left.state();
      const file = write(['PostUp = echo hook %i', 'PreDown = echo bye >&2']);
      const started = litz(left, ['up', '--background', file]);
      expect(await started.end()).toBe(0);
      expect(started.text).toContain(
        `hook ${LEFT}\n${LEFT}: up, listens on port 51820; litz down ${LEFT} `,
      );
      expect(left.netlink.linkByName(LEFT)).toMatchObject({ up: true });
      const ended = litz(left, ['down', LEFT]);
      expect(await ended.end()).toBe(0);
      expect(ended.text).toMatch(/: run PreDown: .*\nbye\n/);
      expect(left.state()).toEqual(before);
      expect(existsSync(`/run/litz/tunnels/${LEFT}.sock`)).toBe(false);
    });

    it.each([
      ['a hook', ['PostUp = exit 9'], /:7: PostUp: .*exit code 9\n$/],
      ['a second tunnel with the same name', [], /: EEXIST\n$/],
    ])('up --background reports why it failed: %s', async (_, lines, message) => {
      if (lines.length === 0) await done(['up', '-b', write([])]);
      const before = left.state();
      const failed = litz(left, ['up', '--background', write(lines)]);
      expect(await failed.end()).toBe(1);
      expect(failed.text).toMatch(message);
      expect(left.state()).toEqual(before);
    });

    it('down reports a hook that failed, and that the rest is down', async () => {
      const before = left.state();
      await litz(left, ['up', '-b', write(['PreDown = exit 5'])]).end();
      const ended = litz(left, ['down', LEFT]);
      expect(await ended.end()).toBe(1);
      expect(ended.text).toMatch(
        /all that could be taken down is down, but: .*:7: PreDown: .*code 5\n$/,
      );
      expect(left.state()).toEqual(before);
    });

    it.each(['a daemon of litz', 'wireguard-go'])('down ends %s', async (kind) => {
      if (kind === 'wireguard-go') await left.run('wireguard', [LEFT]);
      else await litz(left, [LEFT]).end();
      expect(left.hasLink(LEFT)).toBe(true);
      expect(await litz(left, ['down', LEFT]).end()).toBe(0);
      expect(left.hasLink(LEFT)).toBe(false);
    });

    it('down, reload and save say that there is no such interface', async () => {
      const down = litz(left, ['down', LEFT]);
      expect(await down.end()).toBe(1);
      expect(down.text).toBe(`litz: there is no interface ${LEFT} of litz\n`);
      for (const verb of ['reload', 'save']) {
        const refused = litz(left, [verb, LEFT]);
        expect(await refused.end()).toBe(1);
        expect(refused.text).toMatch(/^litz: .*(no such file|cannot reach|there is no)/);
      }
    });

    it.each(['reload', 'SIGHUP'])(
      '%s changes peers, addresses and routes, and keeps sessions',
      async (how) => {
        await upBoth();
        const tunnel = left.litz(['up', write([])]);
        await tunnel.says(/: up,/);
        expect(await left.ping('10.1.0.2')).toBe(3);
        const session = await left.run('wg', ['show', LEFT, 'latest-handshakes']);
        write(
          ['Address = 10.3.0.1/24', 'MTU = 1400'],
          ['AllowedIPs = 10.40.0.0/16'],
          ['[Peer]', `PublicKey = ${CAROL.publicKey}`, 'AllowedIPs = 10.41.0.0/16'],
        );
        if (how === 'SIGHUP') process.kill(tunnel.pid, 'SIGHUP');
        const reload = how === 'SIGHUP' ? tunnel : litz(left, ['reload', LEFT]);
        if (how === 'SIGHUP') await tunnel.says(/: reloaded$/m);
        else await reload.end();
        expect(reload.text).toContain(
          'MTU has changed: that takes effect when the tunnel is brought up again',
        );
        expect(left.routes()).toEqual(
          expect.arrayContaining([
            `10.40.0.0/16 ${LEFT} table 254`,
            `10.41.0.0/16 ${LEFT} table 254`,
          ]),
        );
        expect(left.addresses(LEFT)).toContain('10.3.0.1/24');
        expect(await left.run('wg', ['show', LEFT, 'latest-handshakes'])).toContain(session.trim());
        expect(await left.ping('10.1.0.2')).toBe(3);
        // If the file does not have the new peer and the new address, the reload removes them and
        // the route.
        write([]);
        expect(await litz(left, ['reload', LEFT]).end()).toBe(0);
        expect(left.routes().join()).not.toContain('10.41.0.0');
        expect(left.addresses(LEFT)).not.toContain('10.3.0.1/24');
        expect(await tunnel.end('SIGTERM')).toBe(0);
      },
    );

    it('reload refuses a file with mistakes, and changes nothing', async () => {
      await litz(left, ['up', '-b', write([])]).end();
      const before = [left.state(), await left.run('wg', ['showconf', LEFT])];
      write(['MTU = 1', 'Peers = 3']);
      const refused = litz(left, ['reload', LEFT]);
      expect(await refused.end()).toBe(1);
      expect(refused.text).toMatch(/:7: MTU: .*\n.*:8: Peers: /);
      expect([left.state(), await left.run('wg', ['showconf', LEFT])]).toEqual(before);
    });

    it('reload also changes a daemon that litz up did not start', async () => {
      await left.run('wireguard', [LEFT]);
      expect(await litz(left, ['reload', LEFT, write([])]).end()).toBe(0);
      expect(await left.run('wg', ['show', LEFT, 'peers'])).toBe(`${BOB.publicKey}\n`);
    });

    it('up undoes everything and ends on the SIGHUP that it gets when its terminal is closed', async () => {
      const before = left.state();
      const script = [
        'import os, pty, sys, time',
        'pid, fd = pty.fork()',
        'if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])',
        'text = b""',
        'while b": up," not in text: text += os.read(fd, 4096)',
        'os.close(fd)',
        'print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))',
      ].join('\n');
      const words = [process.execPath, LITZ, 'up', write([])];
      // -1: signal 1, SIGHUP, ended the process, after everything was undone.
      expect(await left.run('python3', ['-c', script, ...words])).toBe('-1\n');
      expect(left.state()).toEqual(before);
    });

    it('save writes the same values as wg-quick save, and keeps comments and the mode of the file', async () => {
      const [ours, theirs] = [await saved('litz'), await saved('wg-quick')];
      expect(parsed(ours)).toEqual(parsed(theirs));
      expect(ours).toContain('# the office');
    });

    it('down saves the file if it has SaveConfig = true', async () => {
      const file = write(['SaveConfig = true']);
      await litz(left, ['up', '-b', file]).end();
      await addCarol();
      expect(await litz(left, ['down', LEFT]).end()).toBe(0);
      expect(readFileSync(file, 'utf8')).toContain(CAROL.publicKey);
    });

    it('save leaves the file unchanged when the disk is full', async () => {
      await left.run('sh', [
        '-c',
        `mkdir ${left.folder}/full && mount -t tmpfs -o size=8k none ${left.folder}/full`,
      ]);
      try {
        const file = `${left.folder}/full/${LEFT}.conf`;
        await left.run('sh', [
          '-c',
          `cp ${write([])} ${file}; dd if=/dev/zero of=${left.folder}/full/x bs=4k 2>/dev/null || :`,
        ]);
        const before = readFileSync(file, 'utf8');
        await litz(left, ['up', '-b', file]).end();
        await addCarol();
        const failed = litz(left, ['save', LEFT]);
        expect(await failed.end()).toBe(1);
        expect(failed.text).toMatch(/cannot write .*: ENOSPC; it is unchanged\n$/);
        expect(readFileSync(file, 'utf8')).toBe(before);
      } finally {
        await left.run('umount', [`${left.folder}/full`]);
      }
    });

    it('strip prints the same bytes as wg-quick strip', async () => {
      const texts = handMadeFiles().map(({ text }) => text);
      const chosen = texts.filter((text) => isRight(text) && !text.startsWith('\uFEFF'));
      expect(chosen.length).toBeGreaterThan(30);
      // Only 8 files, because each run of a program takes a moment.
      const names = chosen.map((text, i) => left.writeText(`s${i}.conf`, text));
      const ask = (program: string): Promise<string> =>
        left.run(
          'bash',
          [
            '-c',
            `for f; do ${program} strip "$f" 2>/dev/null; echo "== $?"; done`,
            '-',
            ...names.slice(0, 8),
          ],
          { timeout: 60_000 },
        );
      const [ours, theirs] = await Promise.all([
        ask(`${process.execPath} ${LITZ}`),
        ask('wg-quick'),
      ]);
      expect(ours).toBe(theirs);
    });
  },
);

/** Runs a command that must succeed. */
async function done(words: readonly string[]): Promise<void> {
  const started = litz(left, words);
  if ((await started.end()) !== 0) throw new Error(started.text);
}

function litz(host: Host, words: readonly string[]): LitzProcess {
  return host.litz(words);
}

/**
 * Returns whether both litz and wg-quick accept the text. Texts with a space after `[` are left
 * out, because wg-quick refuses some of them.
 */
function isRight(text: string): boolean {
  try {
    parseConfig(text);
    return !/^\[ /m.test(text);
  } catch {
    return false;
  }
}

async function upBoth(): Promise<void> {
  const file = right.write(`${RIGHT}.conf`, [
    '[Interface]',
    `PrivateKey = ${BOB.privateKey}`,
    'ListenPort = 51820',
    'Address = 10.1.0.2/24',
    '[Peer]',
    `PublicKey = ${ALICE.publicKey}`,
    'AllowedIPs = 10.1.0.1/32',
  ]);
  expect(await litz(right, ['up', '-b', file]).end()).toBe(0);
}

/** Writes Alice's tunnel file. The first of `lines` is line 7. @returns the path of the file */
function write(
  lines: readonly string[],
  peerLines: readonly string[] = [],
  more: readonly string[] = [],
): string {
  return left.write(`${LEFT}.conf`, [
    '[Interface]',
    '# the office',
    `PrivateKey = ${ALICE.privateKey}`,
    'ListenPort = 51820',
    'Address = 10.1.0.1/24',
    '',
    ...lines,
    '[Peer]',
    `PublicKey = ${BOB.publicKey}`,
    'Endpoint = 10.9.0.2:51820',
    'AllowedIPs = 10.1.0.2/32',
    ...peerLines,
    ...more,
  ]);
}

async function addCarol(): Promise<void> {
  const peer = [
    'peer',
    CAROL.publicKey,
    'allowed-ips',
    '10.50.0.0/16',
    'persistent-keepalive',
    '25',
  ];
  await left.run('wg', ['set', LEFT, ...peer, 'endpoint', '10.9.0.2:7']);
}

/** Brings a tunnel up with a program, changes it, and saves it. @returns the text of the file */
async function saved(program: 'litz' | 'wg-quick'): Promise<string> {
  const file = write(['MTU = 1400', 'Table = 123', 'PostUp = true # yes', 'PreDown = true']);
  chmodSync(file, 0o600);
  if (program === 'litz') await done(['up', '-b', file]);
  else await wgQuick(left, 'up', file, 'wireguard');
  await addCarol();
  await left.run('wg', [
    'set',
    LEFT,
    'listen-port',
    '4500',
    'peer',
    BOB.publicKey,
    'endpoint',
    '10.9.0.2:9',
  ]);
  await left.run('ip', ['address', 'add', '10.60.0.1/16', 'dev', LEFT]);
  await left.run('ip', ['link', 'set', LEFT, 'mtu', '1390']);
  if (program === 'litz') await done(['save', LEFT]);
  else await wgQuick(left, 'save', file, 'wireguard');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const text = readFileSync(file, 'utf8');
  if (program === 'litz') await done(['down', LEFT]);
  else await wgQuick(left, 'down', file, 'wireguard');
  return text;
}

/** Returns the values of a file, in a fixed order. */
function parsed(text: string): WgQuickConfig {
  const config = parseConfig(text);
  config.interface.addresses.sort(byText);
  config.peers.sort(byText);
  // wg-quick writes `PersistentKeepalive = off`, which is read as 0. A file without this field
  // means the same.
  for (const peer of config.peers)
    if (peer.persistentKeepalive === 0) delete peer.persistentKeepalive;
  return config;
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
