import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeWith } from '@litz/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { EtcdRegistry } from '../../../src/registry/etcd/etcd-registry.ts';
import { recordOf } from '../../records.ts';
import { follow } from '../recording-listener.ts';
import { EtcdAdministrator } from './etcd-administrator.ts';
import { opensslProgram } from './etcd-certificates.ts';
import { etcdProgram, RealEtcd } from './real-etcd.ts';

const RECORDS = 'litz/nodes/v1/';
/** The lifetime of a token in seconds. */
const TOKEN_LIVES = 1;

describeWith([etcdProgram, opensslProgram], 'EtcdRegistry with users', () => {
  let etcd: RealEtcd;
  let administrator: EtcdAdministrator;
  const registries: EtcdRegistry[] = [];

  const login = (name: string, password: string): EtcdRegistry => {
    const passwordFile = etcd.write(`password of ${name}`, `${password}\n`);
    const registry = new EtcdRegistry(etcd.url, { user: { name, passwordFile }, random: () => 0 });
    registries.push(registry);
    return registry;
  };
  const closeAll = async (): Promise<void> => {
    for (const registry of registries.splice(0)) await registry.close();
  };

  describe('and simple tokens', () => {
    beforeAll(async () => {
      etcd = await RealEtcd.start({ flags: () => [`--auth-token-ttl=${TOKEN_LIVES}`] });
      administrator = new EtcdAdministrator(etcd.administrationPort);
      await administrator.addUser('litz', 'secret', { prefix: RECORDS, right: 'READWRITE' });
      await administrator.addUser('reader', 'secret', { prefix: RECORDS, right: 'READ' });
      await administrator.addUser('writer', 'secret', { prefix: 'other/', right: 'READWRITE' });
    });
    afterEach(closeAll);
    afterAll(() => etcd?.close());

    test('logs in as soon as etcd requires users', async () => {
      const registry = login('litz', 'secret');
      const listener = follow(registry);
      await listener.until(({ syncs }) => syncs === 1);
      await registry.publish(recordOf(1));
      await administrator.enableUsers();
      await registry.publish(recordOf(1, { port: 4000 }));
      await listener.until(({ records }) => portOf(records.get('n1')) === 4000);
      expect(listener.trouble).toBeUndefined();
    });

    test('renews a token that is too old, for writes and for the watch', async () => {
      const registry = login('litz', 'secret');
      const listener = follow(registry);
      await listener.until(({ syncs }) => syncs === 1);
      await registry.publish(recordOf(2));
      await sleep((TOKEN_LIVES + 1.5) * 1000);
      await registry.publish(recordOf(2, { port: 4000 }));
      await listener.until(({ records }) => portOf(records.get('n2')) === 4000);
      expect(listener.trouble).toBeUndefined();
    });

    test('renews the token when etcd is killed and started again', async () => {
      const registry = login('litz', 'secret');
      const listener = follow(registry);
      await listener.until(({ syncs }) => syncs === 1);
      await etcd.killServer();
      await listener.until(({ trouble }) => trouble !== undefined);
      await etcd.startServer();
      await listener.until(({ trouble }) => trouble === undefined);
      await registry.publish(recordOf(3));
      await listener.until(({ records }) => records.has('n3'));
      expect(listener.trouble).toBeUndefined();
    });

    test('names the file of a wrong password, and continues when the password is right', async () => {
      const registry = login('litz', 'wrong');
      const listener = follow(registry);
      await listener.until(({ trouble }) => trouble !== undefined);
      expect(listener.trouble).toMatch(
        /invalid user ID or password: --etcd-user litz, --etcd-password-file .*password of litz/,
      );
      expect(listener.trouble).not.toContain('wrong');
      etcd.write('password of litz', 'secret');
      await listener.until(({ syncs }) => syncs === 1);
    });

    test('reports that a user is needed', async () => {
      const registry = new EtcdRegistry(etcd.url, { random: () => 0 });
      registries.push(registry);
      const listener = follow(registry);
      await listener.until(({ trouble }) => trouble !== undefined);
      expect(listener.trouble).toMatch(/--etcd-user and --etcd-password-file/);
    });

    test('names the missing right of a user who may only read', async () => {
      const registry = login('reader', 'secret');
      const listener = follow(registry);
      await listener.until(({ syncs }) => syncs === 1);
      await expect(registry.publish(recordOf(4))).rejects.toThrow(
        /n4 cannot be written .* the user reader needs a role that may .* write the keys litz\/nodes\/v1\/.* etcdctl role grant-permission ROLE readwrite --prefix litz\/nodes\/v1\//,
      );
    });

    test('names the missing right of a user who may not read, and continues when the right is given', async () => {
      const registry = login('writer', 'secret');
      const listener = follow(registry);
      await listener.until(({ trouble }) => trouble !== undefined);
      expect(listener.trouble).toMatch(/the user writer needs a role .*--prefix litz\/nodes\/v1\//);
      await administrator.logIn();
      await administrator.allow('writer', { prefix: RECORDS, right: 'READWRITE' });
      await listener.until(({ syncs }) => syncs === 1);
      await registry.publish(recordOf(5));
      await listener.until(({ records, trouble }) => records.has('n5') && trouble === undefined);
    });

    test('continues its requests after the password was changed', async () => {
      const registry = login('litz', 'secret');
      const listener = follow(registry);
      await listener.until(({ syncs }) => syncs === 1);
      await administrator.logIn();
      await administrator.changePassword('litz', 'new secret');
      etcd.write('password of litz', 'new secret');
      await registry.publish(recordOf(6));
      await listener.until(({ records }) => records.has('n6'));
      expect(listener.trouble).toBeUndefined();
    });
  });

  describe('and signed tokens', () => {
    afterEach(closeAll);
    afterAll(() => etcd?.close());

    test('renews an expired token', async () => {
      etcd = await RealEtcd.start({ flags: signedTokens });
      administrator = new EtcdAdministrator(etcd.administrationPort);
      await administrator.addUser('litz', 'secret', { prefix: RECORDS, right: 'READWRITE' });
      await administrator.enableUsers();
      const registry = login('litz', 'secret');
      const listener = follow(registry);
      await listener.until(({ syncs }) => syncs === 1);
      await registry.publish(recordOf(1));
      await sleep((TOKEN_LIVES + 1) * 1000);
      await registry.publish(recordOf(1, { port: 4000 }));
      await listener.until(({ records }) => portOf(records.get('n1')) === 4000);
      // A change of the users invalidates all tokens at once.
      await administrator.logIn();
      await administrator.addUser('other', 'x', { prefix: 'other/', right: 'READ' });
      await registry.publish(recordOf(1, { port: 4001 }));
      await listener.until(({ records }) => portOf(records.get('n1')) === 4001);
      expect(listener.trouble).toBeUndefined();
    });
  });
});

function signedTokens(folder: string): string[] {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  };
  openssl('genrsa', '-out', 'token.key', '2048');
  openssl('rsa', '-in', 'token.key', '-pubout', '-out', 'token.pub');
  const keys = `pub-key=${folder}/token.pub,priv-key=${folder}/token.key`;
  return [`--auth-token=jwt,${keys},sign-method=RS256,ttl=${TOKEN_LIVES}s`];
}

function portOf(record: unknown): number | undefined {
  return (record as { port?: number } | undefined)?.port;
}
