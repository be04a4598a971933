import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { wireguardGo } from '../interop/implementation.ts';
import type { StartedProcess } from '../interop/namespace.ts';
import { eventually } from '../interop/underlay.ts';
import { realInterfaces } from '../litz-process.ts';
import { ProxyWorld } from './proxy-world.ts';

const programs = ['curl', 'git', 'chromium', 'openssl', 'socat', 'setpriv'];
const requirements = [
  ...realInterfaces,
  ...wireguardGo.requirements,
  ...programs.map((name) => programRequirement(name)),
  programRequirement('ssh', ['-V']),
  programRequirement('/usr/sbin/sshd', ['-V']),
];

const PAGE = '<!doctype html><title>inside</title><p id="found">behind the tunnel</p>';

let world: ProxyWorld;
let proxy: StartedProcess;

describeWith(requirements, 'litz proxy as an ordinary user, to a real wireguard-go', () => {
  beforeAll(async () => {
    world = await ProxyWorld.create();
    writeFileSync(join(world.folder, 'page.html'), PAGE);
    writeFileSync(join(world.folder, 'random'), randomBytes(20 << 20));
    const flags = [
      ['--socks5', '1080'],
      ['--http', '8080'],
      ['--forward', '8000=web.inside:80'],
      ['--forward', '5300=10.77.0.2:5300/udp'],
      ['--expose', '80=18080'],
      ['--expose', '5353=127.0.0.1:15353/udp'],
      ['--info', '9080'],
    ];
    proxy = await world.proxy([world.conf, ...flags.flat()], /readyz and \/metrics on/);
  });
  afterAll(() => world?.close());

  it('carries curl over SOCKS5, and resolves names with the DNS server behind the tunnel', async () => {
    const url = 'http://web.inside/page.html';
    expect(await curl('--socks5-hostname', '127.0.0.1:1080', url)).toBe(PAGE);
    expect(await curl('--socks5', '127.0.0.1:1080', 'http://10.77.0.2/page.html')).toBe(PAGE);
    const failed = curl('--socks5-hostname', '127.0.0.1:1080', 'http://web.outside/');
    // Exit code 97 of curl: the proxy has refused the connection. Code 4 of SOCKS5: "host
    // unreachable".
    await expect(failed).rejects.toThrow(/curl: \(97\).*4/);
  });

  it('carries a large file over SOCKS5, unchanged', async () => {
    const file = join(world.folder, 'received');
    await curl('--socks5-hostname', '127.0.0.1:1080', '-o', file, 'http://web.inside/random');
    expect(sha256(file)).toBe(sha256(join(world.folder, 'random')));
  });

  it('carries curl over the HTTP proxy: plain, and TLS through CONNECT', async () => {
    const through = ['-x', 'http://127.0.0.1:8080'];
    expect(await curl(...through, 'http://web.inside/page.html')).toBe(PAGE);
    const headers = await curl(
      ...through,
      '-H',
      'Proxy-Connection: x',
      'http://web.inside/headers',
    );
    expect(JSON.parse(headers)).toMatchObject({ host: 'web.inside', via: '1.1 litz' });
    expect(headers).not.toContain('proxy-');
    const cert = ['--cacert', join(world.folder, 'cert.pem')];
    expect(await curl(...through, ...cert, 'https://web.inside/page.html')).toBe(PAGE);
    const failed = curl(...through, '-f', 'http://10.77.0.2:81/');
    await expect(failed).rejects.toThrow('502');
  });

  it('carries git clone over the HTTP proxy and over SOCKS5', async () => {
    makeRepository(join(world.folder, 'repository'));
    for (const through of ['http://127.0.0.1:8080', 'socks5h://127.0.0.1:1080']) {
      const clone = mkdtempSync(join(tmpdir(), 'litz-clone-'));
      try {
        const from = 'http://web.inside/repository/.git';
        await world.a.run('git', '-c', `http.proxy=${through}`, 'clone', '-q', from, clone);
        expect(readFileSync(join(clone, 'file'), 'utf8')).toBe('in the repository\n');
      } finally {
        rmSync(clone, { recursive: true });
      }
    }
  });

  it('carries ssh when ssh uses `litz proxy` as its ProxyCommand', async () => {
    const { ssh, end } = await startSshd();
    try {
      const sent = randomBytes(1 << 20).toString('base64');
      const file = world.write('sent', [sent]);
      const sum = await world.a.run('sh', '-c', `${ssh} sha256sum < ${file}`);
      expect(sum.split(' ')[0]).toBe(sha256(file));
      // The exit code of the far side comes back.
      await expect(world.a.run('sh', '-c', `${ssh} exit 7 < /dev/null`)).rejects.toThrow(
        /code.*7|7/,
      );
    } finally {
      await end();
    }
  });

  it.each(['socks5://127.0.0.1:1080', 'http://127.0.0.1:8080'])(
    'carries Chromium over %s',
    async (through) => {
      const profile = mkdtempSync(join(tmpdir(), 'litz-chromium-'));
      try {
        const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run'];
        const page = await world.a.run(
          'chromium',
          ...flags,
          `--user-data-dir=${profile}`,
          `--proxy-server=${through}`,
          '--dump-dom',
          'http://web.inside/page.html',
        );
        expect(page).toContain('behind the tunnel');
      } finally {
        rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
      }
    },
  );

  it('carries datagrams of another SOCKS client by UDP ASSOCIATE, to an address and a name', async () => {
    const client = join(import.meta.dirname, 'udp-client.mjs');
    for (const host of ['10.77.0.2', 'echo.inside']) {
      const said = await world.a.run(process.execPath, client, '1080', host, '5300', 'a datagram');
      expect(said).toBe('a datagram from 10.77.0.2:5300');
    }
  });

  it('forwards a TCP and a UDP port', async () => {
    expect(await curl('http://127.0.0.1:8000/page.html')).toBe(PAGE);
    const asked = 'echo -n question | socat -t 3 - UDP4:127.0.0.1:5300';
    expect(await world.a.run('sh', '-c', asked)).toBe('question');
  });

  it('exposes a local service to the kernel of the far side: TCP and UDP', async () => {
    const server = world.a.start(process.execPath, ['-e', LOCAL_SERVICES]);
    await eventually('the local services listen', () => server.output().includes('up'));
    try {
      expect(await world.b.run('curl', '-sS', '-m', '20', 'http://10.77.0.1/')).toBe('local');
      expect(await world.b.run('curl', '-sS', '-m', '20', 'http://[fd70::1]/')).toBe('local');
      const asked = 'echo -n question | socat -t 3 - UDP4:10.77.0.1:5353';
      expect(await world.b.run('sh', '-c', asked)).toBe('question');
    } finally {
      await server.end();
    }
    // When the service has ended, the far side is refused.
    const refused = world.b.run('curl', '-sS', '-m', '20', 'http://10.77.0.1/');
    await expect(refused).rejects.toThrow(/\((56|52|7)\)/);
  });

  it('passes half-closed connections on', async () => {
    const client = join(import.meta.dirname, 'half-close-client.mjs');
    expect(await world.a.run(process.execPath, client, '1080', '10.77.0.2', '7')).toBe('all of it');
  });

  it('serves /readyz, and metrics with its counters', async () => {
    expect(await curl('-f', 'http://127.0.0.1:9080/readyz')).toBe('{}\n');
    const metrics = await curl('http://127.0.0.1:9080/metrics');
    expect(metrics).toMatch(/litz_proxy_connections_total\{service="socks5"\} [1-9]/);
    expect(metrics).toMatch(/wireguard_latest_handshake_seconds\{.*\} [1-9]/);
  });

  it('ends at SIGTERM with open connections, and frees its ports', async () => {
    const open = world.a.start('socat', ['-', 'TCP4:127.0.0.1:8000']);
    const ended = new Promise((resolve) => proxy.process.once('close', (...end) => resolve(end)));
    const pid = await world.a.run(
      'pgrep',
      '-f',
      '-x',
      '-u',
      '12345',
      '.*litz.js proxy.*wg0.conf.*',
    );
    await world.a.run('kill', '-TERM', pid.trim());
    expect(await ended).toEqual([0, null]);
    await expect(curl('http://127.0.0.1:8000/')).rejects.toThrow('(7)');
    await open.end();
  });
});

function curl(...words: string[]): Promise<string> {
  return world.a.run('curl', '-sS', '-m', '40', ...words);
}

/**
 * Starts sshd behind the tunnel. Returns the command line of an ssh that connects to it through
 * `litz proxy`.
 */
async function startSshd(): Promise<{ ssh: string; end: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'litz-ssh-'));
  mkdirSync('/run/sshd', { recursive: true });
  for (const name of ['host', 'user']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
  }
  const lines = [
    'ListenAddress 10.77.0.2:2222',
    `HostKey ${folder}/host`,
    `AuthorizedKeysFile ${folder}/user.pub`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin yes',
    `PidFile ${folder}/pid`,
  ];
  writeFileSync(join(folder, 'sshd_config'), `${lines.join('\n')}\n`);
  const sshd = world.b.start('/usr/sbin/sshd', ['-D', '-e', '-f', join(folder, 'sshd_config')]);
  await eventually('sshd listens', () => sshd.output().includes('Server listening'));
  const conf = world.write('ssh.conf', readFileSync(world.conf, 'utf8').trim().split('\n'));
  const through = world.command([conf, '--stdio', '%h:%p']).join(' ');
  const options = [
    '-F none',
    `-i ${folder}/user`,
    '-o StrictHostKeyChecking=no',
    '-o UserKnownHostsFile=/dev/null',
  ];
  const ssh = `ssh -q ${options.join(' ')} -o ProxyCommand='${through}' -p 2222 root@ssh.inside`;
  const end = async (): Promise<void> => {
    await sshd.end();
    rmSync(folder, { recursive: true });
  };
  return { ssh, end };
}

/** Makes a repository that a plain web server can serve. */
function makeRepository(folder: string): void {
  mkdirSync(folder);
  writeFileSync(join(folder, 'file'), 'in the repository\n');
  const git = (...words: string[]): void => void execFileSync('git', ['-C', folder, ...words]);
  git('init', '-q');
  git('add', '.');
  git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qm', 'one');
  git('update-server-info');
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** Serves HTTP on port 18080, and sends datagrams back from port 15353. */
const LOCAL_SERVICES = `
  const udp = require('dgram').createSocket('udp4');
  udp.on('message', (bytes, { port, address }) => udp.send(bytes, port, address));
  udp.bind(15353, '127.0.0.1');
  const web = require('http').createServer((request, response) => response.end('local'));
  web.listen(18080, '127.0.0.1', () => console.log('up'));`;
