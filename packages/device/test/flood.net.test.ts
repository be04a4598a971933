import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { describeWith, floodMessages, programRequirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ALICE, BOB } from './in-memory.ts';
import { realInterfaces, runInside, TwoHosts } from './two-hosts.ts';

const BUILT = {
  udp: new URL('../../udp/dist/index.js', import.meta.url).href,
  core: new URL('../../core/dist/index.js', import.meta.url).href,
  testkit: new URL('../../testkit/dist/handshake-flood.js', import.meta.url).href,
};
const PER_SECOND = 100_000;
const SECONDS = 12;
/** The addresses that the flood comes from, in the generator's namespace. */
const SOURCES = Array.from({ length: 100 }, (_, i) => [10, 9, 0, 100 + i]);

const requirements = [...realInterfaces, programRequirement('nft')];

describeWith(requirements, 'Device in a flood of handshake messages', () => {
  let hosts: TwoHosts;
  beforeEach(() => {
    hosts = new TwoHosts();
    const { right } = hosts;
    for (const source of SOURCES) {
      const address = Uint8Array.from(source);
      right.netlink.addAddress(right.index('wan'), { address, prefixLength: 24 });
    }
  });
  afterEach(() => hosts.close());

  it('loses no ping of a session, and keeps more than half of its throughput', async () => {
    const { left, right } = hosts;
    const devices = await hosts.devices();
    await devices.left.connected(BOB.publicKey, { timeout: 5000 });
    await transfer(hosts, 7000);
    const flood = runInside(right, FLOOD, {
      ...BUILT,
      messages: floodMessages('initiations', ALICE.publicKey, 500, randomBytes),
      sources: SOURCES,
      perSecond: PER_SECOND,
      seconds: SECONDS,
    });
    // Within a quarter of a second, the device gives the kernel a filter against the flood.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await right.ping(left.inner, 50)).toBe(50);
    // Each pass compares two transfers. In the first transfer, the kernel drops the flood, so it
    // does not reach the socket. The generator of the flood uses CPU time, so it runs during both
    // transfers. Otherwise the first transfer would be faster only because it had more CPU time.
    const ratios: number[] = [];
    for (const port of [7002, 7004]) {
      left.namespace.run(() => nft(DROP_FLOOD));
      const dropped = await transfer(hosts, port);
      left.namespace.run(() => nft('delete table netdev flood'));
      ratios.push((await transfer(hosts, port + 1)) / dropped);
    }
    const sent = (await flood) as number;
    expect(sent).toBeGreaterThan((PER_SECOND * SECONDS) / 4);
    // The ratio is about 0.9 on an idle machine, and 0 without the budgets and the flood filter.
    expect(Math.max(...ratios)).toBeGreaterThan(0.5);
    const { drops, udp, sentCookieReplies } = await devices.left.stats();
    expect(sentCookieReplies).toBeGreaterThan(100);
    expect(drops['under-load']).toBeGreaterThan(100);
    expect(udp['receiveDroppedOverflow']).toBeGreaterThan(sent / 8);
  }, 40_000);
});

/** Sends TCP through the tunnel for a second and a half. @returns bytes per second */
async function transfer({ left, right }: TwoHosts, port: number): Promise<number> {
  const server = runInside(left, SINK, { host: '10.1.0.1', port });
  await runInside(right, SOURCE, { host: '10.1.0.1', port, ms: 1500 });
  return (await server) as number;
}

/** Runs nft in the namespace of this thread. */
function nft(input: string): void {
  const { status, stderr } = spawnSync('nft', ['-f', '-'], { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

function randomBytes(out: Uint8Array): void {
  randomFillSync(out);
}

const DROP_FLOOD = `table netdev flood {
  chain ingress {
    type filter hook ingress device wan priority 0; policy accept;
    ip saddr 10.9.0.100-10.9.0.199 drop
  }
}`;

const SINK = `const { host, port } = workerData;
  return new Promise((resolve, reject) => {
    const server = require('node:net').createServer((socket) => {
      let bytes = 0;
      const start = performance.now();
      socket.on('data', (data) => { bytes += data.length; });
      socket.on('end', () => {
        server.close();
        socket.destroy();
        resolve(bytes / (performance.now() - start) * 1000);
      });
      socket.on('error', reject);
    });
    server.on('error', reject);
    server.listen(port, host);
  });`;

const SOURCE = `const { host, port, ms } = workerData;
  const net = require('node:net');
  const connect = () => new Promise((resolve, reject) => {
    const socket = net.connect({ host, port }, () => resolve(socket));
    socket.on('error', reject);
  });
  let socket;
  for (let i = 0; !socket && i < 50; i++) {
    socket = await connect().catch(() => new Promise((resolve) => setTimeout(resolve, 20)));
  }
  const end = performance.now() + ms;
  const block = Buffer.alloc(1 << 18);
  while (performance.now() < end) {
    await new Promise((resolve) => socket.write(block, resolve));
  }
  await new Promise((resolve) => socket.end(resolve));
  return 'sent';`;

const FLOOD = `const { udp, core, testkit, messages, sources, perSecond, seconds } = workerData;
  const { openUdp } = await import(udp);
  const { Endpoint } = await import(core);
  const { HandshakeFlood } = await import(testkit);
  const sockets = openUdp({ port: 0 });
  const destinations = sources.map((source) =>
    new Endpoint(Uint8Array.of(10, 9, 0, 1), 51820, { sourceAddress: Uint8Array.from(source) }));
  const flood = new HandshakeFlood({ sockets, messages, destinations, perSecond });
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const start = performance.now();
  for (let now = start; now < start + seconds * 1000; now = performance.now()) {
    flood.sendDue(now - start);
    Atomics.wait(pause, 0, 0, 1);
  }
  sockets.close();
  return flood.sent;`;
