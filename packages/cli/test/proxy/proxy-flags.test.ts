import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkServices, readProxyFlags, type ProxyFlags } from '../../src/proxy/proxy-flags.ts';

let folder: string;
const warnings: string[] = [];

beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'litz-proxy-'))));

afterAll(() => rmSync(folder, { recursive: true }));

describe('readProxyFlags', () => {
  test('reads each flag, also if it is given several times', () => {
    const { services, info } = read({
      socks5: ['1080', '[::1]:1081'],
      http: [':8080'],
      forward: ['5432=db.test:5432', '0.0.0.0:53=10.0.0.2:53/udp'],
      expose: ['80=8080', '10.0.0.1:53=127.0.0.1:5353/udp'],
      stdio: ['fd00::2:22'],
      info: '9080',
    });
    expect(services).toMatchObject([
      { type: 'socks5', listen: { host: '127.0.0.1', port: 1080 }, origin: '--socks5 1080' },
      { type: 'socks5', listen: { host: '::1', port: 1081 } },
      { type: 'http', listen: { host: undefined, port: 8080 } },
      {
        type: 'forward',
        protocol: 'tcp',
        listen: { host: '127.0.0.1', port: 5432 },
        target: { host: 'db.test', port: 5432 },
      },
      {
        type: 'forward',
        protocol: 'udp',
        listen: { host: '0.0.0.0', port: 53 },
        target: { host: '10.0.0.2', port: 53 },
      },
      {
        type: 'expose',
        protocol: 'tcp',
        listen: { host: undefined, port: 80 },
        target: { host: '127.0.0.1', port: 8080 },
      },
      {
        type: 'expose',
        protocol: 'udp',
        listen: { host: '10.0.0.1', port: 53 },
        target: { port: 5353 },
      },
      { type: 'stdio', target: { host: 'fd00::2', port: 22 } },
    ]);
    expect(info).toEqual({ host: '127.0.0.1', port: 9080 });
  });

  test('reads a password from the first line of a file, and warns if other users can read the file', () => {
    const file = write('password', 'word\nmore\n', 0o600);
    const [socks5] = read({ socks5: ['1'], socks5User: 'ada', socks5PasswordFile: file }).services;
    expect(matches(socks5, 'ada', 'word')).toBe(true);
    expect(warnings).toEqual([]);
    chmodSync(file, 0o640);
    read({ http: ['1'], httpUser: 'ada', httpPasswordFile: file });
    expect(warnings.join()).toContain('other users can read it');
  });

  test('reads a password from the environment', () => {
    const env = { LITZ_HTTP_PASSWORD: 'word' };
    const [http] = read({ http: ['1'], httpUser: 'ada' }, env).services;
    expect(matches(http, 'ada', 'word')).toBe(true);
  });

  test.each<[flags: Partial<ProxyFlags>, env: NodeJS.ProcessEnv, error: string]>([
    [
      { socks5: ['x'] },
      {},
      '--socks5 expected [ADDRESS:]PORT, such as 1080, 127.0.0.1:1080 or, for all addresses, :1080, got "x"',
    ],
    [{ http: ['65536'] }, {}, '--http expected'],
    [{ socks5: ['ada:word@127.0.0.1:1'] }, {}, '--socks5 takes no name and no password'],
    [{ info: '' }, {}, '--info expected'],
    [
      { forward: ['80'] },
      {},
      '--forward expected [ADDRESS:]PORT=HOST:PORT[/udp], such as 8080=10.0.0.2:80, got "80"',
    ],
    [{ forward: ['80=10.0.0.2'] }, {}, '--forward expected'],
    [{ forward: ['80=10.0.0.2:80/sctp'] }, {}, '--forward expected'],
    [{ expose: ['80='] }, {}, '--expose expected'],
    [
      { stdio: ['10.0.0.2'] },
      {},
      '--stdio expected HOST:PORT, such as 10.0.0.2:22, got "10.0.0.2"',
    ],
    [{ socks5User: 'ada' }, {}, '--socks5-user needs --socks5 ADDRESS'],
    [{ httpPasswordFile: 'f' }, {}, '--http-password-file needs --http ADDRESS'],
    [
      { socks5: ['1'], socks5User: 'ada' },
      {},
      '--socks5-user needs --socks5-password-file FILE or LITZ_SOCKS5_PASSWORD',
    ],
    [
      { socks5: ['1'], socks5PasswordFile: 'f' },
      {},
      '--socks5-password-file needs --socks5-user NAME',
    ],
    [
      { socks5: ['1'] },
      { LITZ_SOCKS5_PASSWORD: 'x' },
      'LITZ_SOCKS5_PASSWORD needs --socks5-user NAME',
    ],
    [
      { socks5: ['1'], socks5User: 'ada', socks5PasswordFile: 'f' },
      { LITZ_SOCKS5_PASSWORD: 'x' },
      '--socks5-password-file contradicts LITZ_SOCKS5_PASSWORD',
    ],
    [
      { socks5: ['1'], socks5User: 'ada' },
      { LITZ_SOCKS5_PASSWORD: '' },
      'LITZ_SOCKS5_PASSWORD is empty',
    ],
    [
      { socks5: ['1'], socks5User: 'ada', socks5PasswordFile: '/none/f' },
      {},
      '--socks5-password-file: cannot read /none/f: there is no such file (ENOENT)',
    ],
    [
      { http: ['1'], httpUser: 'a'.repeat(256) },
      { LITZ_HTTP_PASSWORD: 'x' },
      '--http-user: the name has more than 255 bytes',
    ],
  ])('refuses %j', (flags, env, error) => {
    expect(() => read(flags, env)).toThrow(error);
    expect(() => read(flags, env)).toThrow(expect.objectContaining({ exitCode: 2 }) as Error);
  });

  test('never shows a password in an error', () => {
    expect(() => read({ socks5: ['ada:word@127.0.0.1:1'] })).not.toThrow('word@');
  });
});

describe('checkServices', () => {
  test('refuses to start without a service', () => {
    expect(() => checkServices([], undefined)).toThrow('there is nothing to do: give --socks5');
  });

  test.each<[flags: Partial<ProxyFlags>, error: string]>([
    [{ socks5: ['1080'], http: ['1080'] }, '--socks5 1080 contradicts --http 1080'],
    [{ socks5: ['1080'], info: '1080' }, '--socks5 1080 contradicts --info 127.0.0.1:1080'],
    [{ stdio: ['a:1', 'b:1'] }, '--stdio a:1 contradicts --stdio b:1'],
    [{ expose: ['1=2', '1=3'] }, '--expose 1=2 contradicts --expose 1=3'],
  ])('refuses %j as a contradiction', (flags, error) => {
    const { services, info } = read(flags);
    expect(() => checkServices(services, info)).toThrow(error);
  });

  test.each<[flags: Partial<ProxyFlags>]>([
    [{ socks5: ['0'], http: ['0'] }],
    [{ forward: ['1=a:1'], expose: ['1=2'] }],
    [{ forward: ['1=a:1', '1=a:1/udp'] }],
  ])('accepts %j', (flags) => {
    const { services, info } = read(flags);
    expect(() => checkServices(services, info)).not.toThrow();
  });
});

function read(
  flags: Partial<ProxyFlags>,
  env: NodeJS.ProcessEnv = {},
): ReturnType<typeof readProxyFlags> {
  warnings.length = 0;
  const warn = (line: string): void => void warnings.push(line);
  return readProxyFlags({ maxConnections: 10, ...flags }, { env, warn });
}

function matches(service: object | undefined, name: string, password: string): boolean {
  const { credentials } = service as { credentials: { match(a: Buffer, b: Buffer): boolean } };
  return credentials.match(Buffer.from(name), Buffer.from(password));
}

function write(name: string, text: string, mode: number): string {
  const file = join(folder, name);
  writeFileSync(file, text, { mode });
  return file;
}
