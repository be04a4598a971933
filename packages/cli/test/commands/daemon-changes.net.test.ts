import { formatKey, type PublicKey } from '@litz/core';
import { UapiClient } from '@litz/config/uapi';
import type { PeerChanges } from '@litz/config';
import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeSockets, TwoHosts, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { realInterfaces, type LitzProcess } from '../litz-process.ts';

const LEFT = uniqueName('l');
const RIGHT = uniqueName('r');
const [ALICE, BOB] = [keyPair(), keyPair()];

let hosts: TwoHosts;

beforeEach(() => {
  hosts = new TwoHosts();
});
afterEach(async () => {
  await hosts.close();
  removeSockets();
});

describeWith(realInterfaces, 'litz_changes of a daemon', () => {
  it('reports that a peer was added, had a handshake, moved and was removed, and fails when the daemon is killed', async () => {
    const left = await startDaemon('left', LEFT, ALICE.privateKey, 7001);
    await startDaemon('right', RIGHT, BOB.privateKey, 7002);
    const changes = new UapiClient(path(LEFT)).changes();
    expect((await changes.next()).value).toMatchObject({ isResync: true, peers: [] });
    const [toLeft, toRight] = [new UapiClient(path(LEFT)), new UapiClient(path(RIGHT))];
    const bob = { publicKey: BOB.publicKey, allowedIps: ['10.1.0.2/32'] };
    await toLeft.set({ peers: [{ ...bob, endpoint: '10.9.0.2:7002' }] });
    const { peers: added } = await next(changes);
    expect(added).toMatchObject([{ isRemoved: false, lastHandshakeUnixMs: 0 }]);
    expect(keyOf(added)).toBe(BOB.publicKey);

    await toRight.set({ peers: [{ publicKey: ALICE.publicKey, allowedIps: ['10.1.0.1/32'] }] });
    await ping();
    const { peers: met, cursor } = await next(changes);
    expect(met.at(-1)?.lastHandshakeUnixMs).toBeGreaterThan(Date.now() - 60_000);

    await toRight.set({ listenPort: 7003, peers: [keepalive(1)] });
    const { peers: moved } = await next(changes);
    expect(moved[0]?.endpoint?.port).toBe(7003);

    const later = new UapiClient(path(LEFT)).changes({ from: cursor });
    expect((await next(later)).peers[0]?.endpoint?.port).toBe(7003);
    await later.return();

    await toLeft.set({ peers: [{ publicKey: BOB.publicKey, remove: true }] });
    expect((await next(changes)).peers).toMatchObject([{ isRemoved: true }]);

    const end = changes.next();
    await Promise.all([expect(end).rejects.toThrow('the daemon has ended'), left.end('SIGKILL')]);
  });
});

function keepalive(seconds: number): { publicKey: string; persistentKeepalive: number } {
  return { publicKey: ALICE.publicKey, persistentKeepalive: seconds };
}

async function startDaemon(
  side: 'left' | 'right',
  name: string,
  privateKey: string,
  listenPort: number,
): Promise<LitzProcess> {
  const host = hosts[side];
  const daemon = host.litz(['-f', name], { env: { LOG_LEVEL: 'verbose' } });
  await daemon.says(/serves/);
  const address = side === 'left' ? '10.1.0.1/24' : '10.1.0.2/24';
  await host.run('ip', ['address', 'add', address, 'dev', name]);
  await new UapiClient(path(name)).set({ privateKey, listenPort });
  await host.run('ip', ['link', 'set', name, 'up']);
  return daemon;
}

async function ping(): Promise<void> {
  expect(await hosts.left.ping('10.1.0.2')).toBe(3);
}

async function next(changes: AsyncGenerator<PeerChanges>): Promise<PeerChanges> {
  const { value } = await changes.next();
  return value as PeerChanges;
}

function keyOf(peers: readonly { readonly publicKey: PublicKey }[]): string {
  return formatKey(peers[0].publicKey);
}

function path(name: string): string {
  return `/var/run/wireguard/${name}.sock`;
}
