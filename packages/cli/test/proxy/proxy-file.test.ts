import { parseConfig } from '@litz/config';
import { describe, expect, test } from 'vitest';
import { readProxyFile, type ProxyFile } from '../../src/proxy/proxy-file.ts';
import { keyPair } from '../key-pair.ts';

const { privateKey, publicKey } = keyPair();

describe('readProxyFile', () => {
  test('reads every section of wireproxy that Litz supports', () => {
    const { services } = read([
      '[TCPClientTunnel]',
      'BindAddress = 127.0.0.1:25565',
      'Target = play.example:25565',
      '[TCPServerTunnel]',
      'ListenPort = 3422',
      'Target = localhost:25545',
      '[STDIOTunnel]',
      'Target = ssh.example:22',
      '[Socks5]',
      'BindAddress = 127.0.0.1:25344',
      'Username = ada',
      'Password = "s#cret"',
      '[http]',
      'BindAddress = :25345',
      '[UDPProxyTunnel]',
      'BindAddress = 127.0.0.1:53',
      'Target = 1.1.1.1:53',
      'InactivityTimeout = 30',
      '[Resolve]',
      'ResolveStrategy = auto',
    ]);
    expect(services).toMatchObject([
      {
        type: 'forward',
        protocol: 'tcp',
        listen: { host: '127.0.0.1', port: 25_565 },
        target: { host: 'play.example', port: 25_565 },
      },
      {
        type: 'expose',
        protocol: 'tcp',
        listen: { host: undefined, port: 3422 },
        target: { host: 'localhost', port: 25_545 },
      },
      { type: 'stdio', target: { host: 'ssh.example', port: 22 } },
      { type: 'socks5', listen: { host: '127.0.0.1', port: 25_344 }, origin: 'p.conf:9: [socks5]' },
      { type: 'http', listen: { host: undefined, port: 25_345 }, credentials: undefined },
      { type: 'forward', protocol: 'udp', listen: { host: '127.0.0.1', port: 53 }, idleMs: 30_000 },
    ]);
    const [, , , socks5] = services;
    const { credentials } = socks5 as Extract<typeof socks5, { type: 'socks5' | 'http' }>;
    expect(credentials!.match(Buffer.from('ada'), Buffer.from('s#cret'))).toBe(true);
  });

  test('leaves [Interface] and [Peer] to the parser of wg-quick files, and keeps their line numbers', () => {
    const lines = [
      '[Socks5]',
      'BindAddress = 127.0.0.1:1',
      '[Interface]',
      `PrivateKey = ${privateKey}`,
      'Address = 10.0.0.1/32 # ours',
      'CheckAlive = 10.0.0.2, fd00::2',
      'CheckAliveInterval = 3',
      '[Peer]',
      `PublicKey = ${publicKey}`,
      'AllowedIPs = 0.0.0.0/0',
    ];
    const file = read(lines);
    const config = parseConfig(file.tunnel, { file: 'p.conf' });
    expect(config.peers).toHaveLength(1);
    expect(file.tunnel.split('\n')[4]).toBe('Address = 10.0.0.1/32 # ours');
    expect(file).toMatchObject({ checkAlive: ['10.0.0.2', 'fd00::2'], checkAliveMs: 3000 });
    const wrong = read([...lines, 'Endpoint = nowhere']);
    expect(() => parseConfig(wrong.tunnel, { file: 'p.conf' })).toThrow('p.conf:11: Endpoint');
  });

  test('returns no services for a plain wg-quick file', () => {
    const lines = ['[Interface]', `PrivateKey = ${privateKey}`, 'PostUp = echo "$HOME"; true # x'];
    const file = read(lines);
    expect(file.services).toEqual([]);
    expect(file.tunnel).toBe(lines.join('\n'));
  });

  test('reads a value from the environment', () => {
    const lines = [
      '[Interface]',
      'PrivateKey = $KEY',
      '[Socks5]',
      'BindAddress = $WHERE',
      'Username = $$x',
      'Password = $PASS',
    ];
    const file = read(lines, { KEY: privateKey, WHERE: '127.0.0.1:9', PASS: '$literal' });
    expect(parseConfig(file.tunnel).interface.privateKey).toBeDefined();
    const [socks5] = file.services;
    expect(socks5).toMatchObject({ listen: { port: 9 } });
    const { credentials } = socks5 as Extract<typeof socks5, { type: 'socks5' | 'http' }>;
    expect(credentials!.match(Buffer.from('$x'), Buffer.from('$literal'))).toBe(true);
  });

  test('reads the path of the tunnel file', () => {
    expect(
      read(['WGConfig = /etc/wireguard/wg0.conf', '[Socks5]', 'BindAddress = :1']),
    ).toMatchObject({
      tunnelFile: '/etc/wireguard/wg0.conf',
      services: [{ type: 'socks5' }],
    });
  });

  test.each<[lines: string[], problem: string]>([
    [
      ['[Sock5]', 'BindAddress = :1'],
      'p.conf:1: [sock5]: there is no such section; the sections are socks5, http',
    ],
    [['[SNI]'], 'p.conf:1: [sni]: there is no such section'],
    [['[Socks5]'], 'p.conf:1: [socks5]: BindAddress is missing'],
    [['[Socks5]', 'BindAddress = 1080'], 'BindAddress expected ADDRESS:PORT or :PORT, got "1080"'],
    [['[Socks5]', 'BindAddress = :1', 'Username = ada'], 'Username needs Password'],
    [['[http]', 'BindAddress = :1', 'Password = x'], 'Password needs Username'],
    [
      ['[http]', 'BindAddress = :1', 'CertFile = x'],
      '"certfile" is not a field that Litz supports; the fields are bindaddress',
    ],
    [
      ['[Socks5]', 'BindAddress = :1', 'Username = a', `Password = ${'x'.repeat(256)}`],
      'more than 255',
    ],
    [['[TCPClientTunnel]', 'BindAddress = :1', 'Target = x'], 'Target expected ADDRESS:PORT'],
    [
      ['[TCPServerTunnel]', 'ListenPort = x', 'Target = a:1'],
      'ListenPort expected a port from 0 to 65535, got "x"',
    ],
    [
      ['[UDPProxyTunnel]', 'BindAddress = :1', 'Target = a:1', 'InactivityTimeout = x'],
      'InactivityTimeout expected seconds',
    ],
    [['[Resolve]', 'ResolveStrategy = ipv4'], 'ResolveStrategy expected "auto", got "ipv4"'],
    [['[Socks5]', 'BindAddress = :1', 'BindAddress = :2'], 'p.conf:3: BindAddress is there twice'],
    [['[Socks5]', 'BindAddress = :1', 'garbage'], 'p.conf:3: expected KEY = VALUE or [SECTION]'],
    [['BindAddress = :1'], 'p.conf:1: BindAddress must follow a [SECTION]'],
    [
      ['[Socks5]', 'BindAddress = $NONE'],
      'p.conf:2: BindAddress: the environment variable "NONE" is not set',
    ],
    [['[Interface]', 'CheckAlive = x'], 'p.conf:2: CheckAlive expected addresses, got "x"'],
    [['[Interface]', 'CheckAliveInterval = 0'], 'CheckAliveInterval expected seconds, got "0"'],
    [['[Interface]', 'CheckAliveInterval = 3'], 'CheckAliveInterval needs CheckAlive'],
  ])('refuses %j, and says why', (lines, problem) => {
    expect(() => read(lines)).toThrow(problem);
  });

  test('lists all mistakes at once', () => {
    expect(() => read(['[A]', '[B]'])).toThrow(/p\.conf:1: .*\np\.conf:2: /);
  });
});

function read(lines: readonly string[], env: NodeJS.ProcessEnv = {}): ProxyFile {
  return readProxyFile(lines.join('\n'), 'p.conf', env);
}
