import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describeWith, TcpRelay } from '@litz/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { EtcdRegistry } from '../../../src/registry/etcd/etcd-registry.ts';
import { recordOf } from '../../records.ts';
import { follow } from '../recording-listener.ts';
import { EtcdAdministrator } from './etcd-administrator.ts';
import { etcdProgram, RealEtcd } from './real-etcd.ts';

describeWith([etcdProgram], 'EtcdRegistry with several endpoints', () => {
  let etcds: RealEtcd[];
  const registries: EtcdRegistry[] = [];

  /** Opens a registry. @param ports the ports of the servers, in the order in which the client tries them */
  const open = (ports: readonly number[]): EtcdRegistry => {
    const url = `etcd://${ports.map((port) => `127.0.0.1:${port}`).join(',')}`;
    const registry = new EtcdRegistry(url, { random: () => 0 });
    registries.push(registry);
    return registry;
  };

  afterEach(async () => {
    for (const registry of registries.splice(0)) await registry.close();
  });
  afterAll(async () => {
    for (const etcd of etcds ?? []) await etcd.close();
  });

  describe('of a cluster with three members', () => {
    beforeAll(async () => {
      etcds = await RealEtcd.startCluster(3);
    });

    test('continues if one endpoint has no server and the leader is killed', async () => {
      const leader = await leaderOf(etcds);
      const others = etcds.filter((etcd) => etcd !== leader);
      const ports = [1, leader.port, ...others.map(({ port }) => port)];
      const [writer, reader] = [open(ports), open(ports)];
      const listener = follow(reader);
      await writer.publish(recordOf(1));
      await listener.until(({ records }) => records.has('n1'));
      await leader.killServer();
      // The client notices the end at once. A call before a new leader is elected may fail, so it
      // is repeated.
      await publishUntilTaken(writer);
      await listener.until(({ records }) => records.has('n2'));
      expect(listener.heard.filter(({ what }) => what === 'gone')).toEqual([]);
      await listener.until(({ trouble }) => trouble === undefined);
      await leader.startServer();
    });

    test('changes to another member if a member has no leader', async () => {
      const cutOff = memberWithoutLeader();
      const place = (cutOff.address() as AddressInfo).port;
      try {
        const registry = open([place, ...etcds.map(({ port }) => port)]);
        const listener = follow(registry);
        await listener.until(({ syncs }) => syncs === 1);
        await publishUntilTaken(registry);
        expect(listener.syncs).toBe(1);
      } finally {
        cutOff.close();
      }
    });

    test('changes to another member if a member accepts connections but never answers', async () => {
      const silent = TcpRelay.open(etcds[0].port);
      silent.block();
      try {
        const listener = follow(open([silent.port, etcds[1].port]));
        await listener.until(({ syncs }) => syncs === 1);
        expect(listener.trouble).toBeUndefined();
      } finally {
        silent.close();
      }
    });

    test('reports for each endpoint what is wrong if no endpoint answers', async () => {
      const listener = follow(open([1, 2]));
      await listener.until(({ trouble }) => trouble !== undefined);
      expect(listener.trouble).toMatch(
        /127\.0\.0\.1:1: no server listens.*127\.0\.0\.1:2: no server/,
      );
    });
  });
});

async function publishUntilTaken(registry: EtcdRegistry): Promise<void> {
  await expect
    .poll(
      () =>
        registry.publish(recordOf(2)).then(
          () => 'written',
          (error: Error) => error.message,
        ),
      { timeout: 20_000, interval: 200 },
    )
    .toBe('written');
}

async function leaderOf(etcds: readonly RealEtcd[]): Promise<RealEtcd> {
  for (const etcd of etcds) {
    const administrator = new EtcdAdministrator(etcd.administrationPort);
    const { header, leader } = await administrator.send('maintenance/status', {});
    if (header.member_id === leader) return etcd;
  }
  throw new Error('there is no leader');
}

/** Starts a server that answers each call like a member of etcd that has no leader. */
function memberWithoutLeader(): Http2Server {
  return createServer()
    .on('stream', (stream) => {
      stream.on('error', () => {});
      stream.respond(
        {
          ':status': 200,
          'content-type': 'application/grpc',
          'grpc-status': '14',
          'grpc-message': 'etcdserver: no leader',
        },
        { endStream: true },
      );
    })
    .listen(0);
}
