/**
 * Counts copies of keys, as bytes, in the memory of a `litz` process. Copies in strings do not
 * count, because strings cannot be wiped. SECURITY.md lists them separately.
 */
import { existsSync } from 'node:fs';
import { describeWith, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findKeys, keyOf, publicTextOf } from '../../device/test/secrets/secret-needles.ts';
import { Host, removeSockets, uniqueName } from './host.ts';
import { realInterfaces, type LitzProcess } from './litz-process.ts';

const memoryOfProcesses = requirement('/proc/PID/mem', () => existsSync('/proc/self/mem'));
const NAME = uniqueName('s');
const PRIVATE = 7;
const PRESHARED = 9;
const PEER = publicTextOf(11);
const FILE = [
  '[Interface]',
  `PrivateKey = ${keyOf(PRIVATE).toString('base64')}`,
  '[Peer]',
  `PublicKey = ${PEER}`,
  `PresharedKey = ${keyOf(PRESHARED).toString('base64')}`,
  'Endpoint = 127.0.0.1:9',
  'AllowedIPs = 10.1.0.2/32',
];

let host: Host;

describeWith([...realInterfaces, memoryOfProcesses], 'the memory of litz', () => {
  beforeEach(() => {
    host = new Host();
  });
  afterEach(async () => {
    await host.close();
    removeSockets();
  });

  it('has one copy of the keys of a tunnel file, and none after wg has removed them', async () => {
    const litz = host.litz(['up', host.write(`${NAME}.conf`, FILE)]);
    await litz.says(/Ctrl-C takes it down/);
    expect(await copiesUntilRemoved(litz)).toEqual(ONCE_AND_NONE);
  });

  it('has one copy of the keys that wg sets, and none after wg has removed them', async () => {
    const litz = host.litz(['-f', NAME], { env: { LOG_LEVEL: 'verbose' } });
    await litz.says(/serves /);
    await host.run('wg', ['setconf', NAME, host.write('setconf', FILE)]);
    await host.run('ip', ['link', 'set', NAME, 'up']);
    expect(await copiesUntilRemoved(litz)).toEqual(ONCE_AND_NONE);
  });
});

/**
 * Each row has the number of copies of the private key and of the preshared key. First row: at the
 * start. Second row: after a handshake has begun and the status was read. Third row: after wg has
 * removed the keys.
 */
const ONCE_AND_NONE = [
  [1, 1],
  [1, 1],
  [0, 0],
];

async function copiesUntilRemoved(litz: LitzProcess): Promise<number[][]> {
  const atFirst = bytesIn(litz);
  // A handshake begins, and the whole status is read.
  await host.run('wg', ['set', NAME, 'peer', PEER, 'persistent-keepalive', '1']);
  await host.run('wg', ['showconf', NAME]);
  const used = bytesIn(litz);
  const noKeys = ['private-key', '/dev/null', 'peer', PEER, 'preshared-key', '/dev/null'];
  await host.run('wg', ['set', NAME, ...noKeys]);
  const removed = bytesIn(litz);
  await litz.end('SIGTERM');
  return [atFirst, used, removed];
}

function bytesIn(litz: LitzProcess): number[] {
  return findKeys(litz.pid, [PRIVATE, PRESHARED]).map(({ bytes }) => bytes);
}
