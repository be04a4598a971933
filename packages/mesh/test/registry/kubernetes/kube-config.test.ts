import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseKubeConfig, readKubeConfig } from '../../../src/registry/kubernetes/kube-config.ts';
import { ManualClock } from '../../manual-clock.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'litz-kubeconfig-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('parseKubeConfig', () => {
  test('reads certificates that are in the kubeconfig itself', () => {
    const access = parse(
      { server: 'https://10.0.0.1:6443', 'certificate-authority-data': base64('CA') },
      { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
    );
    expect(access.server.origin).toBe('https://10.0.0.1:6443');
    expect(access.authority?.text()).toBe('CA');
    expect(access.certificate?.text()).toBe('CERT');
    expect(access.key?.text()).toBe('KEY');
    expect(access.token).toBeUndefined();
    expect(access.description).toBe('kubeconfig /etc/k/config, context here');
  });

  test('reads the files that the kubeconfig names, and reads them again after a minute', () => {
    const clock = new ManualClock();
    const path = join(folder, 'config');
    writeFileSync(path, configText({ 'certificate-authority': 'ca.crt' }, { tokenFile: 'token' }));
    writeFileSync(join(folder, 'ca.crt'), 'CA');
    writeFileSync(join(folder, 'token'), 'old');
    const access = readKubeConfig(path, { clock });
    expect([access.authority?.text(), access.token?.text()]).toEqual(['CA', 'old']);
    writeFileSync(join(folder, 'token'), 'new');
    clock.advance(60_000);
    expect(access.token?.text()).toBe('new');
    expect(access.token?.source).toBe(join(folder, 'token'));
  });

  test('prefers a token file to a token, and names the user of the token', () => {
    expect(parse({}, { token: 'abc' }).token?.source).toBe('token of user me in /etc/k/config');
    expect(parse({}, { token: 'abc', tokenFile: '/run/t' }).token?.source).toBe('/run/t');
  });

  test('accepts a context without a user', () => {
    const text = JSON.stringify({
      'current-context': 'here',
      contexts: [{ name: 'here', context: { cluster: 'c' } }],
      clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:8001' } }],
    });
    expect(parseKubeConfig(text, '/k').server.port).toBe('8001');
  });

  test('selects another context by its name', () => {
    const text = JSON.stringify({
      'current-context': 'here',
      contexts: [
        { name: 'here', context: { cluster: 'c' } },
        { name: 'there', context: { cluster: 'd' } },
      ],
      clusters: [
        { name: 'c', cluster: { server: 'https://c' } },
        { name: 'd', cluster: { server: 'https://d', 'tls-server-name': 'api.d' } },
      ],
    });
    const access = parseKubeConfig(text, '/k', { context: 'there' });
    expect([access.server.host, access.serverName]).toEqual(['d', 'api.d']);
  });

  test.each([
    ['exec', { exec: { command: 'aws' } }],
    ['auth-provider', { 'auth-provider': { name: 'gcp' } }],
    ['username', { username: 'admin' }],
    ['password', { password: 'hunter2' }],
    ['as', { as: 'root' }],
  ])('refuses %s, and names the field', (field, user) => {
    // The whole message is compared, so it shows no password.
    expect(() => parse({}, user)).toThrow(
      expect.objectContaining({
        message: `kubeconfig /etc/k/config: user me: ${field} is not supported: use a token, tokenFile, or a client certificate`,
      }) as Error,
    );
  });

  test.each([
    ['no YAML', '{', 'is not YAML, line'],
    ['a text', 'abc', 'is not a kubeconfig: expected a mapping'],
    ['nothing', '', 'is not YAML'],
    ['no current context', '{}', 'current-context is missing'],
    ['a context that is not there', 'current-context: a', 'contexts has no "a"'],
  ])('reports what is wrong with %s', (_, text, message) => {
    expect(() => parseKubeConfig(text, '/k')).toThrow(`kubeconfig /k: ${message}`);
  });

  test('shows no part of a text that is not YAML, because it may be a key', () => {
    const secret = 'c2VjcmV0IHNlY3JldCBzZWNyZXQ';
    expect(() => parseKubeConfig(`a: {\ntoken: ${secret}: [`, '/k')).not.toThrow(secret);
  });

  test.each([
    [{ server: undefined }, {}, 'cluster c: server is missing'],
    [{ server: 'ftp://a' }, {}, 'cluster c: server: expected a URL'],
    [{ server: 'a b' }, {}, 'cluster c: server: expected a URL'],
    [{ server: 7 }, {}, 'cluster c: server: expected a string'],
    [{ server: 'http://10.0.0.1' }, {}, 'cluster c: server: http is allowed for this machine only'],
    [{ 'insecure-skip-tls-verify': true }, {}, 'insecure-skip-tls-verify is not supported'],
    [{ 'proxy-url': 'http://p' }, {}, 'proxy-url is not supported'],
    [{}, { 'client-certificate': 'a' }, 'user me: client-key is missing'],
    [{}, { 'client-key': 'a' }, 'user me: client-certificate is missing'],
  ])('refuses cluster %j with user %j', (cluster, user, message) => {
    expect(() => parse(cluster, user)).toThrow(message);
  });
});

describe('readKubeConfig', () => {
  test('names the file that it cannot read', () => {
    expect(() => readKubeConfig('/nowhere/config')).toThrow(
      'kubeconfig /nowhere/config cannot be read: ENOENT',
    );
  });
});

function parse(cluster: object, user: object): ReturnType<typeof parseKubeConfig> {
  return parseKubeConfig(configText(cluster, user), '/etc/k/config');
}

function configText(cluster: object, user: object): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'me' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://a', ...cluster } }],
    users: [{ name: 'me', user }],
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
