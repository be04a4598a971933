import { describeWith, programRequirement } from '@litz/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Host, removeSockets, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { LITZ, realInterfaces } from '../litz-process.ts';
import { OwnMounts } from '../own-mounts.ts';

const OURS = uniqueName('s');
const THEIRS = uniqueName('t');
const EXTRAS =
  // oxlint-disable-next-line no-control-regex -- a colour code begins with ESC
  /^ {2}(\x1b\[\d+m)*(provider|offloads|threads|priority|dropped|handshake)(\x1b\[\d+m)*: .*\n/gm;

let host: Host;
let mounts: OwnMounts;

describeWith([...realInterfaces, programRequirement('wireguard')], 'litz show', () => {
  beforeAll(async () => {
    host = new Host();
    // `all` shows every interface that has a socket, so the test has its own folder of sockets.
    mounts = await OwnMounts.create();
    await inside([process.execPath, LITZ, OURS]);
    await inside(['wireguard', THEIRS]);
    for (const name of [OURS, THEIRS]) {
      const key = host.write('key', [keyPair().privateKey]);
      const psk = host.write('psk', [keyPair().privateKey]);
      const full = `allowed-ips 10.1.0.0/16,fd00::/8 endpoint [fd09::9]:7 persistent-keepalive 3661 preshared-key ${psk}`;
      // wireguard-go lists its peers in any order, so it gets only one peer.
      const more = name === OURS ? ` peer ${keyPair().publicKey}` : '';
      const words = `set ${name} private-key ${key} fwmark 0x2a peer ${keyPair().publicKey} ${full}${more}`;
      await inside(['wg', ...words.split(' ')]);
    }
  });
  afterAll(async () => {
    for (const name of [OURS, THEIRS]) await inside([process.execPath, LITZ, 'down', name]);
    await mounts.close();
    await host.close();
    removeSockets();
  });

  it('for scripts, prints the same bytes as wg, whether the daemon is Litz or wireguard-go', async () => {
    // The wg of 2021 leaves out the interface in the second line of `all endpoints`. So endpoints
    // are compared for one interface at a time.
    const columns = 'public-key private-key listen-port fwmark peers preshared-keys allowed-ips';
    const all = `${columns} latest-handshakes transfer persistent-keepalive dump`.split(' ');
    const single = [`${OURS} dump`, `${OURS} endpoints`, `${THEIRS} endpoints`];
    for (const line of ['interfaces', ...all.map((column) => `all ${column}`), ...single]) {
      const [ours, theirs] = await both(line.split(' '));
      expect(`${line}\n${ours}`).toBe(`${line}\n${theirs}`);
      expect(ours.length).toBeGreaterThan(1);
    }
  });

  it.each(['always', 'never', 'auto'])(
    'for people, prints the same bytes as wg, and some more lines (colours: %s)',
    async (mode) => {
      const env = { ...process.env, WG_COLOR_MODE: mode, WG_HIDE_KEYS: 'never' };
      for (const words of [[OURS], [THEIRS], []]) {
        const [ours, theirs] = await both(words, env);
        expect(ours.replace(EXTRAS, '')).toBe(theirs);
      }
      const [ours] = await both([OURS], env);
      expect(ours).toMatch(/provider.*: (openssl\+wasm|wasm|noble) \(/);
      expect(ours).toMatch(/offloads.*: /);
    },
  );

  it('uses no colours on a terminal if NO_COLOR is set', async () => {
    const command = `${process.execPath} ${LITZ} show ${OURS}`;
    const onTerminal = (env: NodeJS.ProcessEnv): Promise<string> =>
      inside(['script', '-qec', command, '/dev/null'], { ...process.env, ...env });
    expect(await onTerminal({ NO_COLOR: undefined })).toContain('\x1b[32m');
    expect(await onTerminal({ NO_COLOR: '1' })).not.toContain('\x1b[3');
  });

  it('prints JSON without private keys', async () => {
    const text = await inside([process.execPath, LITZ, 'show', OURS, '--json']);
    const secret = (await inside(['wg', 'show', OURS, 'private-key'])).trim();
    expect(JSON.parse(text)).toMatchObject({ name: OURS, fwmark: 42, threads: 1, peers: [{}, {}] });
    expect(text).not.toContain(secret);
  });

  it('says why it cannot show an interface', async () => {
    const wrong = host.litz(['show', 'none0'], { wrapper: mounts.wrapper });
    expect(await wrong.end()).toBe(1);
    expect(wrong.text).toMatch(/^litz: .*none0.*there is no such socket/m);
  });
});

function both(words: readonly string[], env?: NodeJS.ProcessEnv): Promise<[string, string]> {
  const ours = inside([process.execPath, LITZ, 'show', ...words], env);
  return Promise.all([ours, inside(['wg', 'show', ...words], env)]);
}

function inside(words: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const [program = '', ...args] = [...mounts.wrapper, ...words];
  return host.run(program, args, { env });
}
