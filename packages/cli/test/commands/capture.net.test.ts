import { execFileSync } from 'node:child_process';
import { createConnection } from 'node:net';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UapiClient } from '@litz/config/uapi';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeSockets, TwoHosts, uniqueName, type Host } from '../host.ts';
import { litz, wireguardGo } from '../interop/implementation.ts';
import { twoNamespaces, type Namespace } from '../interop/namespace.ts';
import { show, Tunnel, type End } from '../interop/tunnel.ts';
import type { Underlay } from '../interop/underlay.ts';
import { keyPair } from '../key-pair.ts';
import { inMounts, realInterfaces, type LitzProcess } from '../litz-process.ts';

const LEFT = uniqueName('l');
const RIGHT = uniqueName('r');
const [ALICE, BOB, CAROL] = [keyPair(), keyPair(), keyPair()];
const requirements = [
  ...realInterfaces,
  programRequirement('tshark'),
  programRequirement('iperf3'),
];

let hosts: TwoHosts;
let daemon: LitzProcess;

beforeEach(async () => {
  hosts = new TwoHosts();
  daemon = await startDaemon(hosts.left, LEFT, ALICE.privateKey, 7001, '10.1.0.1');
  await startDaemon(hosts.right, RIGHT, BOB.privateKey, 7002, '10.1.0.2');
  const bob = { publicKey: BOB.publicKey, allowedIps: ['10.1.0.2/32'], endpoint: '10.9.0.2:7002' };
  const carol = { publicKey: CAROL.publicKey, allowedIps: ['10.1.0.3/32'] };
  const alice = { publicKey: ALICE.publicKey, allowedIps: ['10.1.0.1/32'] };
  await client(LEFT).set({ peers: [bob, { ...carol, endpoint: '10.9.0.2:7003' }] });
  await client(RIGHT).set({ peers: [alice] });
});
afterEach(async () => {
  await hosts.close();
  removeSockets();
});

describeWith(requirements, 'litz capture', () => {
  it('writes packets and datagrams of one tunnel, and the reason why a packet was dropped', async () => {
    const { left } = hosts;
    const file = join(left.folder, 'a.pcapng');
    const capture = left.litz(['capture', LEFT, '-w', file]);
    await capture.says(/captures packets/);
    expect(await left.ping('10.1.0.2')).toBe(3);
    await left.ping('10.1.0.77', { timeoutMs: 300 });
    expect(await capture.end('SIGINT')).toBe(0);
    expect(capture.text).toMatch(/ \d+ packets captured, 0 lost/);
    expect(statSync(file).mode & 0o777).toBe(0o600);

    const rows = read(file);
    const inner = rows.filter(({ link }) => link === LEFT);
    const outer = rows.filter(({ link }) => link === `${LEFT}-outer`);
    expect(inner.filter(({ info }) => /Echo .*request/.test(info)).length).toBeGreaterThanOrEqual(
      3,
    );
    expect(inner.find(({ info }) => /Echo .*reply/.test(info))).toMatchObject({
      source: '10.1.0.2',
      destination: '10.1.0.1',
      isInbound: true,
      comment: '',
    });
    expect(outer[0]).toMatchObject({ source: '10.9.0.1', destination: '10.9.0.2' });
    expect(outer[0]?.info).toContain('Handshake Initiation');
    expect(outer[1]).toMatchObject({ source: '10.9.0.2', destination: '10.9.0.1' });
    expect(outer[1]?.info).toContain('Handshake Response');
    const lost = inner.find(({ destination }) => destination === '10.1.0.77');
    expect(lost).toMatchObject({ comment: 'dropped: no-peer', isInbound: false });
    expect(rows.map(({ expert }) => expert).filter(isMistake)).toEqual([]);
    // The times are in nanoseconds, so not all of them are whole microseconds.
    expect(rows.some(({ time }) => !time.endsWith('000'))).toBe(true);
    expect(Math.abs(Number(rows[0]?.time) - Date.now() / 1000)).toBeLessThan(60);
    expect(run('capinfos', ['-M', file])).toMatch(/Number of packets:\s+\d+/);
  });

  it('records received messages that were dropped, with the reason', async () => {
    const { left } = hosts;
    // Bob will send a packet from an address that Alice does not allow.
    await client(RIGHT).set({
      peers: [{ publicKey: ALICE.publicKey, allowedIps: ['10.1.0.1/32'] }],
    });
    await hosts.right.run('ip', ['address', 'add', '10.1.0.66/32', 'dev', RIGHT]);
    expect(await left.ping('10.1.0.2')).toBe(3);
    const file = join(left.folder, 'drops.pcapng');
    const capture = left.litz(['capture', LEFT, '-w', file]);
    await capture.says(/captures packets/);
    await hosts.right.run('sh', ['-c', 'ping -c 1 -W 1 -I 10.1.0.66 10.1.0.1 || true']);
    // A datagram that is not WireGuard, and an initiation for another key.
    const send = `
      const socket = require('node:dgram').createSocket('udp4');
      const wrong = Buffer.alloc(148, 9);
      wrong.writeUInt32LE(1, 0);
      socket.send('hello', 7001, '10.9.0.1', () =>
        socket.send(wrong, 7001, '10.9.0.1', () => socket.close()));`;
    await hosts.right.run(process.execPath, ['-e', send]);
    await daemon.says(/mac1/);
    expect(await capture.end('SIGINT')).toBe(0);
    const rows = read(file).filter(({ comment }) => comment !== '');
    expect(rows.map(({ link, comment, isInbound }) => ({ link, comment, isInbound }))).toEqual(
      expect.arrayContaining([
        { link: `${LEFT}-outer`, comment: 'dropped: disallowed-source', isInbound: true },
        { link: LEFT, comment: 'dropped: disallowed-source', isInbound: true },
        { link: `${LEFT}-outer`, comment: 'dropped: reserved-bits-set', isInbound: true },
        { link: `${LEFT}-outer`, comment: 'dropped: bad-mac1', isInbound: true },
      ]),
    );
  });

  it('obeys the flags for filters and limits', async () => {
    const { left } = hosts;
    const [inner, few, short] = ['inner', 'few', 'short'].map((name) => join(left.folder, name));
    const captures = [
      left.litz(['capture', LEFT, '-w', inner, '--only', 'inner', '--peer', BOB.publicKey]),
      left.litz(['capture', LEFT, '-w', few, '-c', '2', '--only', 'outer']),
      left.litz(['capture', LEFT, '-w', short, '-s', '64', '--size', '1k']),
    ];
    for (const capture of captures) await capture.says(/captures packets/);
    await left.ping('10.1.0.3', { timeoutMs: 300 });
    expect(await left.ping('10.1.0.2', { size: 1000 })).toBe(3);
    expect(await captures[1].end()).toBe(0);
    expect(await captures[2].end()).toBe(0);
    expect(await captures[0].end('SIGTERM')).toBe(0);
    const rows = read(inner);
    expect(rows.length).toBe(6);
    expect(new Set(rows.map(({ link }) => link))).toEqual(new Set([LEFT]));
    expect(rows.some(({ destination }) => destination === '10.1.0.3')).toBe(false);
    expect(read(few).length).toBe(2);
    expect(statSync(short).size).toBeLessThanOrEqual(1000);
    const lengths = run('tshark', ['-r', short, '-T', 'fields', '-e', 'frame.cap_len']);
    for (const length of lengths.trim().split('\n')) expect(Number(length)).toBeLessThanOrEqual(64);
    const timed = left.litz(['capture', LEFT, '-w', few, '--duration', '1']);
    expect(await timed.end()).toBe(0);
  });

  it('writes to a pipe', async () => {
    const { left } = hosts;
    const words = [process.execPath, join(import.meta.dirname, '../../bin/litz.js')];
    const script = `"$1" "$2" capture ${LEFT} -c 4 -w - | tshark -r - -T fields -e frame.number`;
    const lines = left.run('sh', ['-c', script, 'sh', ...words], { timeout: 30_000 });
    const stop = new AbortController();
    const pings = (async () => {
      while (!stop.signal.aborted) await left.ping('10.1.0.2');
    })();
    expect((await lines).trim().split('\n')).toEqual(['1', '2', '3', '4']);
    // A reader that has enough ends the capture without an error.
    const short = `"$1" "$2" capture ${LEFT} -w - | head -c 100 | wc -c; echo "\${PIPESTATUS[0]}"`;
    const said = await left.run('bash', ['-c', short, 'sh', ...words], { timeout: 30_000 });
    stop.abort();
    await pings;
    expect(said.trim().split('\n')).toEqual(['100', '0']);
  });

  it('reports why it cannot write, and leaves only whole blocks in the file', async () => {
    const { left } = hosts;
    const missing = left.litz(['capture', LEFT, '-w', '/nowhere/a']);
    expect(await missing.end()).toBe(1);
    expect(missing.text).toContain('cannot write /nowhere/a: there is no such folder (ENOENT)');
    const folder = join(left.folder, 'small');
    mkdirSync(folder);
    const file = join(folder, 'a');
    const copy = join(left.folder, 'copy');
    const full = left.litz(['capture', LEFT, '-w', file], {
      wrapper: [
        ...inMounts(`mount -t tmpfs -o size=16k none ${folder}`),
        'sh',
        '-c',
        `"$@"; code=$?; cp ${file} ${copy}; exit $code`,
        'sh',
      ],
    });
    await full.says(/captures packets/);
    for (let i = 0; i < 8; i++) await left.ping('10.1.0.2', { size: 1000 });
    expect(await full.end()).toBe(1);
    expect(full.text).toContain(`cannot write ${file}: the disk is full (ENOSPC)`);
    expect(read(copy).length).toBeGreaterThan(1);
    await daemon.says(/Capture ends/);
    // If the disk is full, writing a key log or to standard output fails in the same way.
    const keys = left.litz(['capture', LEFT, '-w', join(left.folder, 'b'), '--key-log', file], {
      wrapper: inMounts(
        `mount -t tmpfs -o size=4k none ${folder} && head -c 4096 /dev/zero > ${folder}/other`,
      ),
    });
    expect(await keys.end()).toBe(1);
    expect(keys.text).toContain(`cannot write ${file}: the disk is full (ENOSPC)`);
    const out = left.litz(['capture', LEFT, '-w', '-'], {
      wrapper: ['sh', '-c', '"$@" > /dev/full', 'sh'],
    });
    expect(await out.end()).toBe(1);
    expect(out.text).toContain('cannot write to standard output: the disk is full (ENOSPC)');
    await daemon.says(/(Capture ends[^]*){3}/);
  });

  it.each([
    ['the daemon is stopped', 'SIGTERM', 'the daemon has ended'],
    ['the daemon is killed', 'SIGKILL', 'the daemon was killed'],
    ['the interface is removed', 'delete', 'the device was closed, or its interface was removed'],
  ] as const)('says that it has ended early when %s', async (_, how, why) => {
    const { left } = hosts;
    const file = join(left.folder, 'early.pcapng');
    const capture = left.litz(['capture', LEFT, '-w', file]);
    await capture.says(/captures packets/);
    expect(await left.ping('10.1.0.2')).toBe(3);
    if (how === 'delete') await left.run('ip', ['link', 'delete', LEFT]);
    await daemon.end(how === 'delete' ? undefined : how);
    expect(await capture.end()).toBe(1);
    expect(capture.text).toMatch(
      new RegExp(`${LEFT}: the capture has ended early: ${why}; \\d+ packets captured, 0 lost`),
    );
    expect(read(file).length).toBeGreaterThanOrEqual(6);
  });

  it('refuses wrong arguments with exit code 2, and an interface without a daemon with 1', async () => {
    const { left } = hosts;
    for (const [words, code, text] of [
      [['capture', 'no/name', '-w', '/tmp/x'], 2, 'not the name of an interface'],
      [['capture', LEFT, '-w', '-', '--peer', 'x'], 2, 'Expected a public key'],
      [['capture', LEFT, '-w', '-', '--only', 'side'], 2, 'Allowed choices are inner, outer'],
      [['capture', LEFT, '-w', '-', '-s', '1'], 2, 'Expected a number, 64 to 262144'],
      [['capture', LEFT, '-w', '-', '--size', '1x'], 2, 'Expected a size'],
      [['capture', LEFT, '-w', '-', '--key-log', '-'], 2, '--key-log expected a file'],
      [
        ['capture', LEFT, '-w', '-', '--duration', '2147484'],
        2,
        'Expected a number, 1 to 2147483.',
      ],
      [['capture', LEFT, '-w', '-', '-c', '0'], 2, 'Expected a number, 1 to 9007199254740991.'],
      // The limit of a duration is the longest timer of Node.js. A count has no such limit.
      [['capture', 'nobody0', '-w', '-', '-c', '2147484'], 1, 'there is no such socket'],
    ] as const) {
      const refused = left.litz(words);
      expect([words, await refused.end(), refused.text]).toEqual([
        words,
        code,
        expect.stringContaining(text),
      ]);
    }
  });

  it('gives the keys only to root', async () => {
    const { left } = hosts;
    const path = `/var/run/wireguard/${LEFT}.sock`;
    await left.run('chmod', ['0777', path]);
    const ask = (uid: string, line: string): Promise<string> => {
      const script = `
        const socket = require('node:net').createConnection(${JSON.stringify(path)});
        socket.write('litz_capture=1\\n${line}\\n');
        socket.once('data', (bytes) => { console.log(String(bytes.subarray(0, 8)).trim()); socket.destroy(); });`;
      return left.run('setpriv', [
        '--reuid',
        uid,
        '--clear-groups',
        process.execPath,
        '-e',
        script,
      ]);
    };
    expect(await ask('65534', 'key_log=true\\n')).toBe('errno=-1\n');
    expect(await ask('65534', '')).toBe('errno=0\n');
    expect(await ask('0', 'key_log=true\\n')).toBe('errno=0\n');
  });

  it('does not delay the daemon, and costs it little memory, if a client does not read or was killed', async () => {
    const { left } = hosts;
    expect(await left.ping('10.1.0.2')).toBe(3);
    const before = residentBytes(daemon.pid);
    const lazy = createConnection(`/var/run/wireguard/${LEFT}.sock`);
    lazy.pause();
    lazy.write('litz_capture=1\n\n');
    await daemon.says(/Capture begins/);
    const flood = 'ping -f -q -c 40000 -s 1300 10.1.0.2';
    const text = await left.run('sh', ['-c', flood], { timeout: 60_000 });
    expect(text).toMatch(/ 0% packet loss/);
    const grown = residentBytes(daemon.pid) - before;
    // 40,000 packets and datagrams in both directions are more than 200 MB. The daemon keeps at
    // most 8 MiB of them for a client, in a ring buffer.
    expect(grown).toBeLessThan(40e6);
    lazy.destroy();
    await daemon.says(/Capture ends/);
    const file = join(left.folder, 'killed.pcapng');
    const killed = left.litz(['capture', LEFT, '-w', file]);
    await killed.says(/captures packets/);
    await left.ping('10.1.0.2');
    await killed.end('SIGKILL');
    await daemon.says(/(Capture ends[^]*){2}/);
    expect(read(file).length).toBeGreaterThan(0);
  });

  it('at full speed, counts the packets that it had to leave out', async () => {
    const { left, right } = hosts;
    const server = right.run('iperf3', ['-s', '-1'], { timeout: 60_000 });
    const stream = 'for i in 1 2 3 4 5; do iperf3 -c 10.1.0.2 -t 3 -J && break; sleep 0.3; done';
    const file = join(left.folder, 'full-speed');
    const capture = left.litz(['capture', LEFT, '-w', file]);
    await capture.says(/captures packets/);
    const text = await left.run('sh', ['-c', stream], { timeout: 60_000, maxBuffer: 1 << 24 });
    await server;
    expect(await capture.end('SIGINT')).toBe(0);
    const [, packets = '', lost = ''] =
      /(\d+) packets captured, (\d+) lost/.exec(capture.text) ?? [];
    const { end } = JSON.parse(text) as { end: { sum_received: { bytes: number } } };
    // Each packet is in the file or counted as lost, on the inner and on the outer side.
    const passed = end.sum_received.bytes / 1500;
    expect(Number(packets) + Number(lost)).toBeGreaterThan(2 * passed);
    const capinfos = run('capinfos', ['-M', '-c', file]);
    expect(Number(/packets:\s+(\d+)/.exec(capinfos)?.[1])).toBe(Number(packets));
    expect(run('tail', ['-c', '4', file]).length).toBe(4);
  });

  it('allows 8 captures at a time', async () => {
    const clients = Array.from({ length: 8 }, () => client(LEFT).capture());
    for (const capture of clients) await capture.next();
    await expect(client(LEFT).capture().next()).rejects.toThrow('8 captures of this device');
    for (const capture of clients) await capture.return();
    const signal = AbortSignal.timeout(200);
    let bytes = 0;
    await expect
      .poll(async () => {
        try {
          for await (const { length } of client(LEFT).capture({}, { signal })) bytes += length;
          return 'done';
        } catch (error) {
          return (error as Error).message;
        }
      })
      .toBe('done');
    expect(bytes).toBeGreaterThanOrEqual(0);
  });
});

describeWith([...requirements, ...wireguardGo.requirements], 'the key log of litz capture', () => {
  let underlay: Underlay<Namespace, Namespace>;
  beforeEach(async () => {
    underlay = await twoNamespaces();
  });
  afterEach(() => underlay.remove());

  it.each([
    ['initiates', 'a', 'v4'],
    ['initiates', 'a', 'v6'],
    ['answers', 'b', 'v4'],
  ] as const)(
    'lets tshark decrypt a session with wireguard-go that litz %s (initiator: end %s, outer addresses: %s)',
    async (_, side, outer) => {
      const tunnel = await Tunnel.create(underlay, litz, wireguardGo, {
        presharedKey: true,
        outer,
      });
      const { a, b } = tunnel;
      const folder = hosts.left.folder;
      const [file, keys, embedded] = ['c', 'k', 'e'].map((name) => join(folder, `${name}${side}`));
      // If litz answers, it has no peer at first, and then a peer without an endpoint. So only
      // wireguard-go can initiate.
      if (side === 'b') {
        await a.machine.run('wg', 'set', a.link, 'peer', b.publicKey, 'remove');
      } else {
        await a.machine.run('ping', '-c', '1', b.inner.v4);
      }
      const bin = join(import.meta.dirname, '../../bin/litz.js');
      const start = (...words: string[]) =>
        underlay.a.start(process.execPath, [bin, 'capture', a.link, ...words]);
      const first = start('-w', file, '--key-log', keys);
      const second = start('-w', embedded, '--embed-keys');
      const before = await show(a, 'latest-handshakes');
      await expect
        .poll(() => first.output() + second.output(), { timeout: 20_000 })
        .toMatch(/(captures[^]*){2}/);
      if (side === 'a') await untilNewHandshake(a, before);
      else await addPeerWithoutEndpoint(tunnel, underlay.a);
      await b.machine.run('ping', '-c', '3', '-i', '0.2', '-w', '20', a.inner.v4);
      await a.machine.run('ping', '-c', '3', '-i', '0.2', b.inner.v4);
      for (const capture of [first, second]) {
        const closed = new Promise((resolve) => capture.process.once('close', resolve));
        capture.process.kill('SIGINT');
        expect(await closed).toBe(0);
      }
      expect(statSync(keys).mode & 0o777).toBe(0o600);
      const names = readFileSync(keys, 'utf8')
        .split('\n')
        .map((line) => line.split('=')[0]);
      expect(names.slice(0, 4)).toEqual([
        'LOCAL_STATIC_PRIVATE_KEY',
        'REMOTE_STATIC_PUBLIC_KEY',
        'LOCAL_EPHEMERAL_PRIVATE_KEY',
        'PRESHARED_KEY',
      ]);
      // With the keys, tshark shows the inner packets of both directions.
      const both = [`${a.inner.v4},${b.inner.v4}`, `${b.inner.v4},${a.inner.v4}`];
      expect(decrypted(file, ['-o', `wg.keylog_file:${keys}`])).toEqual(
        expect.arrayContaining(both),
      );
      expect(decrypted(embedded, [])).toEqual(expect.arrayContaining(both));
      expect(decrypted(file, [])).toEqual([]);
    },
  );
});

/**
 * Returns the inner addresses of the ICMP packets that tshark decrypts in datagrams, such as
 * '10.9.0.1,10.9.0.2'; each pair once.
 */
function decrypted(file: string, options: readonly string[]): string[] {
  const filter = ['-Y', 'wg && icmp', '-T', 'fields', '-E', 'separator=;', '-e', 'ip.src'];
  const text = run('tshark', ['-r', file, ...options, ...filter, '-e', 'ip.dst']);
  const rows = text.split('\n').filter(Boolean);
  return [
    ...new Set(
      rows.map((row) =>
        row
          .split(';')
          .map((all) => all.split(',').at(-1))
          .join(','),
      ),
    ),
  ];
}

/**
 * Waits for a new handshake. A new key log starts one, at the earliest 5 s after the previous one.
 */
async function untilNewHandshake(end: End, before: readonly string[]): Promise<void> {
  const handshakes = (): Promise<string[]> => show(end, 'latest-handshakes');
  await expect.poll(handshakes, { timeout: 15_000 }).not.toEqual(before);
}

async function addPeerWithoutEndpoint({ a, b }: Tunnel, machine: Namespace): Promise<void> {
  const psk = await b.machine.run('wg', 'show', b.link, 'preshared-keys');
  const [, key = ''] = psk.trim().split(/\s+/);
  await machine.withFile(key, async (path) => {
    const words = ['peer', b.publicKey, 'preshared-key', path, 'allowed-ips'];
    await machine.run('wg', 'set', a.link, ...words, `${b.inner.v4}/32,${b.inner.v6}/128`);
  });
}

interface Row {
  readonly time: string;
  readonly link: string;
  readonly comment: string;
  readonly isInbound: boolean;
  readonly source: string;
  readonly destination: string;
  readonly info: string;
  readonly expert: string;
}

/** Returns a row for each packet that tshark reads in a capture. */
function read(file: string): Row[] {
  const names = 'frame.time_epoch frame.interface_name frame.comment frame.packet_flags_direction';
  const columns = '_ws.col.Source _ws.col.Destination _ws.col.Info _ws.expert.message';
  const fields = `${names} ${columns}`.split(' ').flatMap((name) => ['-e', name]);
  // 7001 and 7002 are ports of AFS, so tshark would take some messages for AFS, depending on their
  // random bytes.
  const ports = [7001, 7002].flatMap((port) => ['-d', `udp.port==${port},wg`]);
  const format = ['-T', 'fields', '-E', 'separator=;'];
  const text = run('tshark', ['-r', file, ...ports, ...format, ...fields]);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [time = '', link = '', comment = '', direction = '', source = '', ...rest] =
        line.split(';');
      const [destination = '', info = '', expert = ''] = rest;
      const isInbound = Number(direction) === 1;
      return { time, link, comment, isInbound, source, destination, info, expert };
    });
}

function isMistake(expert: string): boolean {
  return /malformed|illegal|bad|truncated|incorrect/i.test(expert);
}

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 30_000,
  });
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
}

async function startDaemon(
  host: Host,
  name: string,
  privateKey: string,
  listenPort: number,
  address: string,
): Promise<LitzProcess> {
  const started = host.litz(['-f', name], { env: { LOG_LEVEL: 'verbose' } });
  await started.says(/serves/);
  await host.run('ip', ['address', 'add', `${address}/24`, 'dev', name]);
  await client(name).set({ privateKey, listenPort });
  await host.run('ip', ['link', 'set', name, 'up']);
  return started;
}

function client(name: string): UapiClient {
  return new UapiClient(`/var/run/wireguard/${name}.sock`);
}
