import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { expect, test } from 'vitest';

const BUILT = new URL('../../dist/index.js', import.meta.url);
const built = requirement('the built @litz/net', () =>
  existsSync(BUILT) ? true : 'run `tsc -b` first',
);
const root = requirement('root', () => process.getuid?.() === 0);
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups'];
const WITHOUT_CAPABILITIES = ['--bounding-set=-all', '--inh-caps=-all'];

describeWith([built, root, programRequirement('setpriv')], 'StackTun without privileges', () => {
  test('uses batched sockets as the user nobody', async () => {
    expect(await transferAsNobody('')).toEqual({
      user: 65534,
      received: 3_000_000,
      source: '127.0.0.1',
      lost: [],
    });
  });

  test('falls back to node:dgram without koffi, and says so once for each offload', async () => {
    const { lost, source, received } = await transferAsNobody(WITHOUT_KOFFI);
    expect({ source, received }).toEqual({ source: '', received: 3_000_000 });
    expect(lost.map(({ name }) => name)).toEqual(['udpGso', 'udpGro']);
    expect(lost[0]?.reason).toContain('koffi');
  });
});

interface Transferred {
  user: number;
  received: number;
  /** The local address at which the peer was heard; empty with node:dgram. */
  source: string;
  lost: { name: string; reason: string }[];
}

/** Sends a stream between two devices in a process of the user nobody. */
async function transferAsNobody(prelude: string): Promise<Transferred> {
  const code = `${prelude}
    const [{ Device }, { StackTun }, { Stack }, { generateKeyPair }] = await Promise.all(
      ${JSON.stringify(['device', 'net', 'netstack', 'core'].map(distOf))}.map((url) => import(url)));
    ${TRANSFER}`;
  const node = [process.execPath, '--input-type=module', '--eval', code];
  const child = spawn('setpriv', [...NOBODY, ...WITHOUT_CAPABILITIES, ...node], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 60_000,
    env: {},
    cwd: '/',
  });
  return JSON.parse(await text(child.stdout)) as Transferred;
}

function distOf(name: string): string {
  return new URL(`../../../${name}/dist/index.js`, import.meta.url).href;
}

/** Makes koffi, an optional dependency, look as if it were not installed. */
const WITHOUT_KOFFI = `
  import Module from 'node:module';
  const load = Module._load;
  Module._load = function (name, ...rest) {
    if (name.includes('koffi')) throw new Error('Cannot find module ' + name);
    return load.call(this, name, ...rest);
  };`;

const TRANSFER = `
  const { randomFillSync } = await import('node:crypto');
  const lost = [];
  let received = 0;
  const buffer = new Uint8Array(65536);
  const keys = [1, 2].map(() => generateKeyPair());
  const changed = [() => {}, () => {}];
  const stacks = [1, 2].map((n) => new Stack({ randomBytes: randomFillSync, addresses: ['10.0.0.' + n] }));
  const tuns = stacks.map((stack, i) => new StackTun({ stack, onSocket: () => changed[i]() }));
  const devices = [];
  for (const [i, tun] of tuns.entries()) {
    devices.push(await Device.create({ tun, privateKey: keys[i].privateKey }));
  }
  devices[0].on('offload', (event) => lost.push(event));
  for (const [i, device] of devices.entries()) {
    const { listenPort } = await devices[1 - i].status();
    const endpoint = '127.0.0.1:' + listenPort;
    const peer = { publicKey: keys[1 - i].publicKey, endpoint, allowedIps: ['10.0.0.' + (2 - i) + '/32'] };
    await device.configure({ peers: [peer] });
  }
  const listener = stacks[1].listenTcp({ port: 80 });
  const client = stacks[0].connectTcp('10.0.0.2', 80);
  let left = 3_000_000;
  let server;
  await new Promise((done) => {
    changed[0] = () => {
      while (client.isConnected && left > 0) {
        const count = client.send(buffer, 0, Math.min(left, buffer.length));
        if (count === 0) break;
        left -= count;
      }
      if (left === 0) client.shutdown();
      tuns[0].wake();
    };
    changed[1] = () => {
      server ??= listener.accept();
      for (let n; server && (n = server.receive(buffer)) > 0;) received += n;
      if (server?.isEnded) done();
      tuns[1].wake();
    };
    tuns[0].wake();
  });
  const [{ endpoint }] = await devices[0].peers();
  const source = endpoint.sourceAddress?.join('.') ?? '';
  const lostFields = lost.map(({ name, reason }) => ({ name, reason }));
  console.log(JSON.stringify({ user: process.getuid(), received, source, lost: lostFields }));
  await Promise.all(devices.map((device) => device.close()));
`;
