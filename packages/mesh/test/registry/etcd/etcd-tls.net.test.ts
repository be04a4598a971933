import { copyFileSync, readdirSync, readlinkSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describeWith } from '@litz/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { EtcdClient } from '../../../src/registry/etcd/etcd-client.ts';
import { parseEtcdEndpoints } from '../../../src/registry/etcd/etcd-endpoints.ts';
import { EtcdRegistry } from '../../../src/registry/etcd/etcd-registry.ts';
import type { EtcdTlsFiles } from '../../../src/registry/etcd/etcd-tls.ts';
import { recordOf } from '../../records.ts';
import { RecordingListener } from '../recording-listener.ts';
import { EtcdAdministrator } from './etcd-administrator.ts';
import { makeCertificate, opensslProgram } from './etcd-certificates.ts';
import { etcdProgram, RealEtcd } from './real-etcd.ts';

const FOR_CLIENTS = 'extendedKeyUsage=clientAuth';
const ON_LOOPBACK = 'subjectAltName=IP:127.0.0.1';

describeWith([etcdProgram, opensslProgram], 'EtcdRegistry with certificates', () => {
  let etcd: RealEtcd;
  const registries: EtcdRegistry[] = [];

  beforeAll(async () => {
    etcd = await RealEtcd.start({ tls: true });
    const { folder } = etcd;
    makeCertificate(folder, 'stranger', { extension: FOR_CLIENTS, authority: 'other-ca' });
    makeCertificate(folder, 'old', { extension: FOR_CLIENTS, days: 0 });
    makeCertificate(folder, 'server-only', { extension: 'extendedKeyUsage=serverAuth' });
    etcd.write('garbage', 'no certificate');
  });
  afterEach(async () => {
    for (const registry of registries.splice(0)) await registry.close();
  });
  afterAll(() => etcd?.close());

  const client = (name: string): Required<EtcdTlsFiles> => ({
    ca: etcd.file('ca.crt'),
    certificate: etcd.file(`${name}.crt`),
    key: etcd.file(`${name}.key`),
  });
  const follow = (tls: EtcdTlsFiles, url = etcd.url): RecordingListener => {
    const registry = new EtcdRegistry(url, { tls, random: () => 0 });
    registries.push(registry);
    const listener = new RecordingListener();
    registry.follow(listener);
    return listener;
  };

  test('connects with a trusted certificate, without a password', async () => {
    const listener = follow(etcd.tls);
    await listener.until(({ syncs }) => syncs === 1);
    expect(listener.trouble).toBeUndefined();
    await registries[0].publish(recordOf(1));
    await listener.until(({ records }) => records.has('n1'));
  });

  describe('names the problem and the flag to change, for', () => {
    test.each<[string, () => EtcdTlsFiles, RegExp]>([
      [
        'no CA',
        () => ({ certificate: etcd.file('n1.crt'), key: etcd.file('n1.key') }),
        /CA .* not known here: .* --etcd-ca/,
      ],
      [
        'another CA',
        () => ({ ...client('n1'), ca: etcd.file('other-ca.crt') }),
        /the CA that signed .* is not the one in --etcd-ca .*other-ca\.crt/,
      ],
      [
        'a CA that is no certificate',
        () => ({ ...client('n1'), ca: etcd.file('garbage') }),
        /^--etcd-ca .*garbage contains no certificate/,
      ],
      [
        'no client certificate',
        () => ({ ca: etcd.file('ca.crt') }),
        /requires a client certificate: use --etcd-cert and --etcd-key/,
      ],
      [
        'a client certificate of another CA',
        () => client('stranger'),
        /refuses .* --etcd-cert .*stranger\.crt: its CA is not in etcd's --trusted-ca-file/,
      ],
      ['a client certificate that has expired', () => client('old'), /old\.crt: it expired on /],
      [
        'a server certificate that is used as a client certificate',
        () => client('server-only'),
        /server-only\.crt: it is not a certificate for clients, because its extendedKeyUsage lacks clientAuth/,
      ],
      [
        'the key of another certificate',
        () => ({ ...client('n1'), key: etcd.file('old.key') }),
        /^--etcd-key .*old\.key is not the key of --etcd-cert .*n1\.crt/,
      ],
      [
        'a file that is not a key',
        () => ({ ...client('n1'), key: etcd.file('garbage') }),
        /^--etcd-key .*garbage contains no private key/,
      ],
      [
        'a key file that is missing',
        () => ({ ...client('n1'), key: etcd.file('nowhere') }),
        /nowhere cannot be read: ENOENT/,
      ],
    ])('%s', async (_, files, message) => {
      await expect(ask(files(), etcd.url)).rejects.toThrow(message);
    });

    test('a name that the certificate of the server does not have', async () => {
      const url = `etcds://localhost:${etcd.port}`;
      await expect(ask(etcd.tls, url)).rejects.toThrow(
        /but for IP Address:127\.0\.0\.1: use one of these/,
      );
    });

    test('plain connections to a server with TLS', async () => {
      await expect(ask({}, `etcd://127.0.0.1:${etcd.port}`)).rejects.toThrow(/use etcds:\/\//);
    });

    test('TLS to a server without TLS', async () => {
      const url = `etcds://127.0.0.1:${etcd.administrationPort}`;
      await expect(ask(etcd.tls, url)).rejects.toThrow(/does not use TLS[,:] use etcd:\/\//);
    });

    test('an expired certificate of the server, and continues when there is a new one', async () => {
      makeCertificate(etcd.folder, 'server', { extension: ON_LOOPBACK, days: 0 });
      try {
        const listener = follow(etcd.tls);
        await listener.until(({ trouble = '' }) => /has expired: etcd's --cert-file/.test(trouble));
        makeCertificate(etcd.folder, 'server', { extension: ON_LOOPBACK });
        await listener.until(({ syncs }) => syncs === 1);
        expect(listener.trouble).toBeUndefined();
      } finally {
        makeCertificate(etcd.folder, 'server', { extension: ON_LOOPBACK });
      }
    });
  });

  test('continues when the client has a new certificate in the same files', async () => {
    for (const end of ['crt', 'key']) {
      copyFileSync(etcd.file(`old.${end}`), etcd.file(`renewed.${end}`));
    }
    const listener = follow(client('renewed'));
    await listener.until(({ trouble = '' }) => trouble.includes('it expired on'));
    makeCertificate(etcd.folder, 'renewed', { extension: FOR_CLIENTS });
    await listener.until(({ syncs }) => syncs === 1);
    expect(listener.trouble).toBeUndefined();
  });

  test('keeps no socket of a connection that was refused', async () => {
    await expect(ask({ ca: etcd.file('ca.crt') }, etcd.url)).rejects.toThrow(/client certificate/);
    const before = openSockets();
    for (let i = 0; i < 10; i++) {
      await expect(ask({ ca: etcd.file('ca.crt') }, etcd.url)).rejects.toThrow(/client cert/);
    }
    expect(openSockets() - before).toBeLessThan(5);
  });

  test('never falls back to a plain connection', async () => {
    const firstBytes: number[] = [];
    const listener = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (bytes) => {
        firstBytes.push(bytes[0]);
        socket.destroy();
      });
    }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const heard = follow(etcd.tls, `etcds://127.0.0.1:${(listener.address() as AddressInfo).port}`);
    try {
      await heard.until(() => firstBytes.length >= 3);
    } finally {
      listener.close();
    }
    // 22 is the type of a TLS handshake record (RFC 8446, section 5.1).
    expect(new Set(firstBytes)).toEqual(new Set([22]));
  });

  test('uses the common name of the certificate as the user, without a password', async () => {
    const administrator = new EtcdAdministrator(etcd.administrationPort);
    await administrator.addUser('n1', 'x', { prefix: 'litz/nodes/v1/', right: 'READWRITE' });
    makeCertificate(etcd.folder, 'nobody', { extension: FOR_CLIENTS });
    await administrator.enableUsers();
    const listener = follow(client('n1'));
    await listener.until(({ syncs }) => syncs === 1);
    await registries[0].publish(recordOf(2));
    await listener.until(({ records }) => records.has('n2'));
    const refused = follow(client('nobody'));
    await refused.until(({ trouble }) => trouble !== undefined);
    expect(refused.trouble).toMatch(/the user nobody needs a role .*--prefix litz\/nodes\/v1\//);
  });
});

async function ask(tls: EtcdTlsFiles, url: string): Promise<void> {
  const client = new EtcdClient(parseEtcdEndpoints(url), { tls });
  try {
    await client.range({ key: Buffer.from('x') });
  } finally {
    client.close();
  }
}

function openSockets(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}
