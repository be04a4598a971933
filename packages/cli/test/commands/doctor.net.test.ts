import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UapiClient } from '@litz/config/uapi';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import { removeSockets, TwoHosts, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { LITZ, realInterfaces, type LitzProcess } from '../litz-process.ts';

const NAME = uniqueName('q');
const OTHER = uniqueName('r');
const ALICE = keyPair();
const BOB = keyPair();
const CAROL = keyPair();
const programs = ['nft', 'iptables-save', 'script'].map((name) => programRequirement(name));

let hosts: TwoHosts;
let file: string;
let bob: LitzProcess;

describeWith([...realInterfaces, ...programs], 'litz doctor', () => {
  beforeAll(async () => {
    hosts = new TwoHosts();
    const { left, right } = hosts;
    const bobFile = right.write(`${OTHER}.conf`, [
      '[Interface]',
      `PrivateKey = ${BOB.privateKey}`,
      'Address = 10.7.0.2/24',
      'ListenPort = 7002',
      '[Peer]',
      `PublicKey = ${ALICE.publicKey}`,
      'AllowedIPs = 10.7.0.1/32',
    ]);
    bob = right.litz(['up', bobFile], { longestMs: 300_000 });
    await bob.says(/up, listens/);
    file = left.write(`${NAME}.conf`, [
      '[Interface]',
      `PrivateKey = ${ALICE.privateKey}`,
      'Address = 10.7.0.1/24',
      'ListenPort = 7001',
      '[Peer]',
      `PublicKey = ${BOB.publicKey}`,
      'Endpoint = 10.9.0.2:7002',
      'AllowedIPs = 10.7.0.2/32',
    ]);
    await left.litz(['up', file], { longestMs: 300_000 }).says(/up, listens/);
  });
  afterAll(async () => {
    await hosts.close();
    removeSockets();
  });

  it('finds nothing wrong with a tunnel that works, also before its first packet', async () => {
    for (const round of ['before', 'after']) {
      const { code, findings } = await doctor();
      expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
      expect(findings.map(({ subject }) => subject)).toContain('handshake');
      expect([round, code]).toEqual([round, 0]);
      expect(await hosts.left.ping('10.7.0.2/32')).toBe(3);
    }
  });

  it('prints lines that fit a narrow terminal, and no colours if NO_COLOR is set', async () => {
    const { left } = hosts;
    const command = `stty columns 40; ${process.execPath} ${LITZ} doctor ${file}`;
    const onTerminal = (env: NodeJS.ProcessEnv): Promise<string> =>
      left.run('script', ['-qec', command, '/dev/null'], { env: { ...process.env, ...env } });
    expect(await onTerminal({ NO_COLOR: undefined })).toContain('\x1b[32mOK');
    const plain = (await onTerminal({ NO_COLOR: '1' })).split(/\r?\n/);
    expect(plain.join('\n')).not.toContain('\x1b[3');
    expect(plain[0]).toBe('OK   daemon: Litz answers');
    // Words are not broken, so only a line of one or two words, such as a key, may be longer.
    expect(plain.filter((line) => line.length > 40 && / .* /.test(line.trim()))).toEqual([]);
  });

  describeFault('the link is down', {
    make: () => run('ip', 'link', 'set', NAME, 'down'),
    undo: async () => {
      await run('ip', 'link', 'set', NAME, 'up');
      await run('ip', 'route', 'replace', '10.7.0.2/32', 'dev', NAME);
    },
    finds: { subject: 'interface', state: 'fail', text: 'the link is down' },
  });

  describeFault('the interface has no address', {
    make: () => run('ip', 'address', 'flush', 'dev', NAME),
    undo: async () => {
      await run('ip', 'address', 'add', '10.7.0.1/24', 'dev', NAME);
      await run('ip', 'route', 'replace', '10.7.0.2/32', 'dev', NAME);
    },
    finds: { subject: 'interface', state: 'fail', text: /^the interface has no address/ },
  });

  describeFault('packets for the peer go to another link', {
    make: () => run('ip', 'route', 'replace', '10.7.0.2/32', 'dev', 'wan'),
    undo: () => run('ip', 'route', 'replace', '10.7.0.2/32', 'dev', NAME),
    finds: {
      subject: 'route into the tunnel',
      state: 'fail',
      text: 'packets to 10.7.0.2, which is in the AllowedIPs 10.7.0.2/32, go to wan',
    },
  });

  describeFault('the MTU is too large', {
    make: () => run('ip', 'link', 'set', NAME, 'mtu', '1441'),
    undo: () => run('ip', 'link', 'set', NAME, 'mtu', '1420'),
    finds: {
      subject: 'MTU',
      state: 'warn',
      text: /^1441 is too large: the way over wan takes at most 1500 bytes/,
    },
  });

  describeFault('nft drops packets inside the tunnel', {
    make: () => nft(`add rule inet q in iifname "${NAME}" ip saddr 10.7.0.2 drop`),
    undo: () => run('nft', 'delete', 'table', 'inet', 'q'),
    finds: {
      subject: 'firewall',
      state: 'fail',
      text: /^the firewall drops packets out of the tunnel: nft inet q in: /,
    },
  });

  describeFault('iptables drops packets inside the tunnel', {
    make: () =>
      run(
        'iptables',
        '-A',
        'OUTPUT',
        '-o',
        NAME,
        '-m',
        'conntrack',
        '--ctstate',
        'NEW',
        '-j',
        'REJECT',
      ),
    undo: () => run('iptables', '-F', 'OUTPUT'),
    finds: {
      subject: 'firewall',
      state: 'fail',
      text: /^the firewall drops packets into the tunnel: iptables-save filter OUTPUT/,
    },
  });

  describeFault('a strict reverse path filter does not look at the mark', {
    make: async () => {
      await run(
        'sysctl',
        '-qw',
        'net.ipv4.conf.wan.rp_filter=1',
        'net.ipv4.conf.all.src_valid_mark=0',
      );
      await run('wg', 'set', NAME, 'fwmark', '77');
      await run('ip', 'route', 'add', 'default', 'dev', NAME, 'table', '77');
      await run('ip', 'rule', 'add', 'priority', '5', 'not', 'fwmark', '77', 'table', '77');
    },
    undo: async () => {
      await run('ip', 'rule', 'del', 'priority', '5');
      await run('ip', 'route', 'flush', 'table', '77');
      await run('wg', 'set', NAME, 'fwmark', '0');
      await run('sysctl', '-qw', 'net.ipv4.conf.wan.rp_filter=0');
    },
    finds: {
      subject: 'rp_filter',
      state: 'fail',
      text: /^the reverse path filter is strict on wan/,
    },
  });

  describeFault('the peer sends packets from an address that is not in its AllowedIPs', {
    make: async () => {
      const { left, right } = hosts;
      // This makes a session before the fault.
      await left.ping('10.7.0.2/32');
      await right.run('ip', ['address', 'add', '10.7.9.9/32', 'dev', OTHER]);
      await right.run('ping', ['-c1', '-W1', '-I', '10.7.9.9', '10.7.0.1']).catch(() => {});
    },
    finds: {
      subject: 'drops',
      state: 'warn',
      text: /^\d+ packets of the peer had a source .*\(disallowed-source\)/,
    },
  });

  describeFault('this machine is behind NAT, without a keepalive', {
    make: async () => {
      const { right } = hosts;
      await right.run('ip', ['address', 'add', '198.51.100.2/32', 'dev', 'wan']);
      await run('ip', 'route', 'add', '198.51.100.2', 'dev', 'wan');
      await addPeer('198.51.100.2:7002');
    },
    undo: () => run('ip', 'route', 'del', '198.51.100.2', 'dev', 'wan'),
    finds: {
      subject: 'keepalive',
      state: 'warn',
      peer: CAROL.publicKey,
      text: /10\.9\.0\.1.* is behind NAT/,
    },
  });

  describeFault('the port of the peer is closed', {
    make: () => addPeer('10.9.0.2:9'),
    finds: {
      subject: 'port',
      state: 'fail',
      peer: CAROL.publicKey,
      text: /^10\.9\.0\.2:9 answers that no program/,
    },
  });

  describeFault(
    'the peer does not know the key of this side, or has another key than this side expects',
    {
      make: () => addPeer('10.9.0.2:7002'),
      finds: {
        subject: 'handshake',
        state: 'fail',
        peer: CAROL.publicKey,
        text: /^2 initiations without an answer: /,
      },
    },
  );

  describeFault('nft drops the datagrams of the peer', {
    make: async () => {
      await addPeer('10.9.0.2:7003');
      await nft('add rule inet q in udp sport 7003 drop');
    },
    undo: () => run('nft', 'delete', 'table', 'inet', 'q'),
    finds: {
      subject: 'firewall',
      state: 'fail',
      peer: CAROL.publicKey,
      text: /^the firewall drops datagrams of the peer: nft inet q in: /,
    },
  });

  describeFault('there is no route to the peer', {
    make: () => addPeer('203.0.113.1:7002'),
    finds: {
      subject: 'route to the peer',
      state: 'fail',
      peer: CAROL.publicKey,
      text: 'there is no route to 203.0.113.1:7002',
    },
  });

  describeFault('there is no route to an IPv6 endpoint', {
    make: () => addPeer('[2001:db8::1]:7002'),
    finds: {
      subject: 'route to the peer',
      state: 'fail',
      peer: CAROL.publicKey,
      remedy: /whether this machine has IPv6/,
    },
  });

  describeFault('the endpoint is inside the tunnel', {
    make: async () => {
      await addPeer('10.88.0.1:7002');
      await run('ip', 'route', 'add', '10.88.0.1', 'dev', NAME);
    },
    undo: () => run('ip', 'route', 'del', '10.88.0.1', 'dev', NAME),
    finds: {
      subject: 'route to the peer',
      state: 'fail',
      peer: CAROL.publicKey,
      text: /in a circle$/,
    },
  });

  describeFault('a peer has no AllowedIPs', {
    make: () => run('wg', 'set', NAME, 'peer', CAROL.publicKey, 'endpoint', '10.9.0.2:7002'),
    finds: {
      subject: 'allowed IPs',
      state: 'fail',
      peer: CAROL.publicKey,
      text: /^the peer has no AllowedIPs/,
    },
  });

  describeFault('a peer has no endpoint', {
    make: () => addPeer(undefined),
    finds: {
      subject: 'endpoint',
      state: 'warn',
      peer: CAROL.publicKey,
      text: /the peer must send the first message/,
    },
  });

  describeFault('the name of an endpoint does not exist', {
    make: async () => {
      await addPeer('10.9.0.2:7002');
      addToFile('Endpoint = nowhere.invalid:7002');
    },
    finds: {
      subject: 'endpoint',
      state: 'fail',
      peer: CAROL.publicKey,
      text: /^the name nowhere\.invalid cannot be resolved: /,
    },
  });

  describeFault('a name that only the daemon has for an endpoint does not exist', {
    make: async () => {
      await addPeer('10.9.0.2:7002');
      const publicKey = CAROL.publicKey;
      const peers = [{ publicKey, updateOnly: true, endpointName: 'nowhere.invalid:7002' }];
      await UapiClient.of(NAME).set({ peers });
    },
    finds: {
      subject: 'endpoint',
      state: 'fail',
      peer: CAROL.publicKey,
      text: /^the name nowhere\.invalid cannot be resolved: /,
    },
  });

  describeFault('the name of an endpoint has another address', {
    make: async () => {
      await addPeer('10.9.0.2:7002');
      addToFile('Endpoint = localhost:7002');
    },
    finds: {
      subject: 'endpoint',
      state: 'fail',
      peer: CAROL.publicKey,
      text: /^10\.9\.0\.2:7002 is not an address of localhost/,
    },
  });

  describeFault('two peers of the file have the same prefix', {
    make: async () => addToFile('AllowedIPs = 10.7.0.2/32'),
    finds: {
      subject: 'allowed IPs',
      state: 'fail',
      text: /gives 10\.7\.0\.2\/32 to several peers/,
    },
  });

  describeFault('a peer of the file has the key of the interface itself', {
    make: async () => appendFileSync(file, `[Peer]\nPublicKey = ${ALICE.publicKey}\n`),
    finds: { subject: 'key', state: 'fail', text: /has the public key of this interface/ },
  });

  describeFault('the file has a mistake', {
    make: async () => appendFileSync(file, 'Endpiont = 1\n'),
    finds: { subject: 'file', state: 'warn', text: /\.conf:9: .*Endpiont/ },
  });

  it.each([
    [Date.UTC(1970, 0), /shows 1970-01-01.*Peers that accepted a handshake with a later time/],
    [Date.now() - 3_600_000, /^the last handshake was at .* the clock went back/],
  ])('finds that the clock of this machine is wrong (%i)', async (clock, text) => {
    expect(await hosts.left.ping('10.7.0.2/32')).toBe(3);
    const { code, findings } = await doctor(file, ['--import', shifted(clock - Date.now())]);
    expect(findings).toContainEqual(
      expect.objectContaining({
        subject: 'clock',
        state: 'fail',
        text: expect.stringMatching(text),
      }),
    );
    expect(code).toBe(1);
  });

  it('finds that the clock of the peer went back', async () => {
    const { left } = hosts;
    await left.run(process.execPath, [LITZ, 'down', NAME]);
    // This device runs on the event loop, so it uses the shifted clock of its process.
    const script = `
      import { Device, MemoryTun } from '@litz/device';
      const peer = { publicKey: '${BOB.publicKey}', endpoint: '10.9.0.2:7002', allowedIps: ['10.7.0.2/32'] };
      const device = await Device.create({ tun: new MemoryTun(), privateKey: '${ALICE.privateKey}', peers: [peer] });
      await device.connected(peer.publicKey, { timeout: 1000 }).catch((error) => console.log(error.code));
      await device.close();`;
    const words = ['--import', shifted(-3_600_000), '--input-type=module', '-e', script];
    const cwd = join(import.meta.dirname, '../..');
    expect(await left.run(process.execPath, words, { cwd })).toBe('ERR_LITZ_TIMEOUT\n');
    const { findings } = await doctor(`${hosts.right.folder}/${OTHER}.conf`, [], 'right');
    expect(findings).toContainEqual(
      expect.objectContaining({
        subject: 'drops',
        state: 'warn',
        peer: ALICE.publicKey,
        text: expect.stringMatching(/were too old.*\(replayed-initiation\)$/),
        remedy: 'Set the clock of the peer',
      }),
    );
  });

  it('finds that the preshared keys differ', async () => {
    const { left } = hosts;
    await left.run(process.execPath, [LITZ, 'down', NAME]).catch(() => {});
    const text = readFileSync(file, 'utf8');
    const wrong = left.writeText(`${NAME}.conf`, `${text}PresharedKey = ${keyPair().privateKey}\n`);
    await left.litz(['up', wrong], { longestMs: 200_000 }).says(/up, listens/);
    const { findings } = await doctor();
    expect(findings).toContainEqual(
      expect.objectContaining({
        subject: 'handshake',
        state: 'fail',
        text: 'the two sides have different keys or preshared keys',
        remedy: expect.stringContaining('preshared keys'),
      }),
    );
  });

  it('finds that an interface is missing, is not a tunnel, has no daemon, or is in another namespace', async () => {
    const missing = await doctor('none0');
    expect(missing.findings).toEqual([
      expect.objectContaining({
        subject: 'daemon',
        text: 'there is no interface none0 in this namespace',
      }),
    ]);
    expect(missing.code).toBe(1);
    await run('ip', 'link', 'add', 'none0', 'type', 'veth');
    expect((await doctor('none0')).findings[0]?.text).toBe(
      'none0 is not a tunnel: its kind is veth',
    );
    await run('ip', 'tuntap', 'add', 'none1', 'mode', 'tun');
    expect((await doctor('none1')).findings[0]?.text).toMatch(/none1.*there is no such socket/);
    const { findings } = await doctor(OTHER);
    expect(findings).toContainEqual(
      expect.objectContaining({
        subject: 'interface',
        text: expect.stringMatching(/not in this namespace/),
      }),
    );
  });

  it('finds that a daemon without a configuration has no key, no working interface and no peer', async () => {
    const name = uniqueName('u');
    const { left } = hosts;
    await left.run(process.execPath, [LITZ, name]);
    onTestFinished(async () => void (await left.run(process.execPath, [LITZ, 'down', name])));
    const { findings } = await doctor(name);
    const failed = findings.filter(({ state }) => state === 'fail').map(({ subject }) => subject);
    expect(failed).toEqual(['key', 'interface', 'peers']);
  });

  it('refuses a wrong name with exit code 2', async () => {
    const wrong = hosts.left.litz(['doctor', 'a/b']);
    expect(await wrong.end()).toBe(2);
    expect(wrong.text).toMatch(/^litz: cannot read the interface name/);
  });
});

interface Fault {
  readonly make: () => Promise<unknown>;
  readonly undo?: () => Promise<unknown>;
  readonly finds: { [Field in keyof Finding]?: Finding[Field] | RegExp };
}

/**
 * Defines a test that makes a fault, expects that `litz doctor` finds the fault, and undoes it.
 * Every finding that is not OK must have a remedy.
 */
function describeFault(name: string, { make, undo, finds }: Fault): void {
  it(`finds that ${name}`, { timeout: 60_000 }, async () => {
    const text = readFileSync(file, 'utf8');
    try {
      await make();
      const { code, findings } = await doctor();
      const fields = Object.entries(finds).map(([field, value]) => [field, matcherOf(value)]);
      expect(findings).toContainEqual(expect.objectContaining(Object.fromEntries(fields)));
      for (const { state, remedy } of findings) expect(state === 'ok').toBe(remedy === undefined);
      expect(code).toBe(findings.some(({ state }) => state === 'fail') ? 1 : 0);
    } finally {
      writeFileSync(file, text);
      await undo?.();
      await run('wg', 'set', NAME, 'peer', CAROL.publicKey, 'remove');
    }
  });
}

function matcherOf(value: unknown): unknown {
  if (!(value instanceof RegExp)) return value;
  return { asymmetricMatch: (text: unknown) => value.test(String(text)) };
}

async function doctor(
  target = file,
  nodeOptions: readonly string[] = [],
  side: 'left' | 'right' = 'left',
): Promise<{ code: unknown; findings: Finding[] }> {
  const started = hosts[side].litz(['doctor', '--json', target], { nodeOptions });
  const code = await started.end();
  const { text } = started;
  const end = text.lastIndexOf('\n}\n');
  if (end < 0) throw new Error(text);
  const { findings } = JSON.parse(text.slice(text.indexOf('{\n'), end + 2)) as {
    findings: Finding[];
  };
  return { code, findings };
}

function run(program: string, ...words: string[]): Promise<string> {
  return hosts.left.run(program, words);
}

async function nft(rule: string): Promise<void> {
  await run('nft', 'add', 'table', 'inet', 'q');
  await run('nft', 'add chain inet q in { type filter hook input priority 0; }');
  await run('nft', rule);
}

/** Adds a peer that does not answer, because nobody has its key. */
async function addPeer(endpoint: string | undefined): Promise<void> {
  const at = endpoint === undefined ? [] : ['endpoint', endpoint];
  await run('wg', 'set', NAME, 'peer', CAROL.publicKey, ...at, 'allowed-ips', '10.7.0.3/32');
}

function addToFile(line: string): void {
  appendFileSync(file, `[Peer]\nPublicKey = ${CAROL.publicKey}\n${line}\n`);
}

/** Returns the URL of a module that moves the clock of a process by `ms`. */
function shifted(ms: number): string {
  return `data:text/javascript,const now=Date.now;Date.now=()=>now()+(${ms})`;
}
