/** Tests `litz IFNAME --resolve`: a daemon that looks the name of an endpoint up again. */
import { rmSync } from 'node:fs';
import { UapiClient } from '@litz/config/uapi';
import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { removeSockets, TwoHosts, uniqueName } from './host.ts';
import { keyPair } from './key-pair.ts';
import { inMounts, LITZ, realInterfaces } from './litz-process.ts';
import { daemonsOf, killDaemons, until } from './upgrade/upgraded-tunnel.ts';

const LEFT = uniqueName('l');
const RIGHT = uniqueName('r');
const [ALICE, BOB] = [keyPair(), keyPair()];
const WRONG = '10.9.0.77:51820';

let hosts: TwoHosts;

describeWith(realInterfaces, 'litz --resolve', () => {
  beforeEach(() => {
    hosts = new TwoHosts();
  });
  afterEach(async () => {
    killDaemons(LEFT);
    await hosts.close();
    rmSync(`/var/run/wireguard/.litz-${LEFT}`, { recursive: true, force: true });
    removeSockets();
  });

  it('finds a silent peer by its name, also after an upgrade', async () => {
    const { left, right } = hosts;
    const names = left.write('hosts', ['10.9.0.2 office.example']);
    const flags = ['--resolve', `${BOB.publicKey}=office.example:51820`];
    const daemon = left.litz(['-f', ...flags, LEFT], {
      wrapper: inMounts(`mount --bind ${names} /etc/hosts`),
    });
    const other = right.litz(['-f', RIGHT]);
    for (const name of [LEFT, RIGHT]) await until(() => isServed(name));
    await client(RIGHT).set({
      privateKey: BOB.privateKey,
      listenPort: 51820,
      peers: [{ publicKey: ALICE.publicKey, allowedIps: ['10.1.0.1/32'] }],
    });
    await client(LEFT).set({ privateKey: ALICE.privateKey });
    for (const [host, name, address] of [
      [left, LEFT, '10.1.0.1/24'],
      [right, RIGHT, '10.1.0.2/24'],
    ] as const) {
      await host.run('ip', ['address', 'add', address, 'dev', name]);
      await host.run('ip', ['link', 'set', name, 'up']);
    }
    const find = async (): Promise<void> => {
      const peer = { publicKey: BOB.publicKey, endpoint: WRONG, allowedIps: ['10.1.0.2/32'] };
      await client(LEFT).set({ replacePeers: true, peers: [peer] });
      // The daemon looks the name up after two initiations without an answer, which take ten
      // seconds.
      await vi.waitUntil(async () => (await left.ping('10.1.0.2')) === 3, { timeout: 40_000 });
      const { peers } = await client(LEFT).get();
      expect(String(peers[0]?.endpoint)).toBe('10.9.0.2:51820');
    };
    await find();
    expect(daemon.text).toContain('does not answer: office.example is 10.9.0.2:51820');
    await left.run(process.execPath, [LITZ, 'upgrade', LEFT]);
    await until(() => daemonsOf(LEFT).length === 1 && daemonsOf(LEFT)[0] !== daemon.pid);
    await find();
    expect(await other.end('SIGTERM')).toBe(0);
  }, 120_000);
});

async function isServed(name: string): Promise<boolean> {
  return client(name)
    .get()
    .then(
      () => true,
      () => false,
    );
}

function client(name: string): UapiClient {
  return new UapiClient(`/var/run/wireguard/${name}.sock`);
}
