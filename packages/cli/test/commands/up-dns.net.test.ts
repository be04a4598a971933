import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, expect, it } from 'vitest';
import { Host, removeSockets, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { realInterfaces, type LitzProcess } from '../litz-process.ts';
import { OwnMounts } from '../own-mounts.ts';

const NAME = uniqueName('d');
const OTHER = uniqueName('e');
const RESOLV_CONF = '/etc/resolv.conf';
const BEFORE = 'nameserver 198.51.100.1\n';

let host: Host;
let mounts: OwnMounts;

describeWith(
  [...realInterfaces, programRequirement('unshare')],
  'the DNS servers of litz up',
  () => {
    afterEach(async () => {
      await host.close();
      await mounts.close();
      removeSockets();
    });

    it('are in /etc/resolv.conf while the tunnel is up', async () => {
      await open();
      const tunnel = await up();
      expect(text()).toMatch(
        /^# Written by litz .*\nnameserver 192\.0\.2\.53\nsearch home\.example\n$/,
      );
      expect(await tunnel.end('SIGTERM')).toBe(0);
      expect(text()).toBe(BEFORE);
      expect(left()).toEqual([]);
    });

    it('take the place of a link to the stub of systemd-resolved, and the link comes back', async () => {
      await open(
        'mkdir -p /run/systemd/resolve; echo "nameserver 127.0.0.53" > /run/systemd/resolve/stub-resolv.conf',
        'rm /etc/resolv.conf; ln -s ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf',
      );
      const tunnel = await up();
      expect(text()).toContain('192.0.2.53');
      expect(await tunnel.end('SIGTERM')).toBe(0);
      expect(readlinkSync(mounts.at(RESOLV_CONF))).toBe('../run/systemd/resolve/stub-resolv.conf');
    });

    it('are set by resolvectl while systemd-resolved runs', async () => {
      await open('mkdir -p /run/systemd/resolve');
      record('resolvectl');
      const tunnel = await up();
      expect(calls()).toEqual([
        `resolvectl dns ${NAME} 192.0.2.53`,
        `resolvectl domain ${NAME} home.example ~.`,
      ]);
      expect(await tunnel.end('SIGTERM')).toBe(0);
      expect(calls().at(-1)).toBe(`resolvectl revert ${NAME}`);
      expect(text()).toBe(BEFORE);
    });

    it('are set by resolvconf if there is such a program, also while systemd-resolved runs', async () => {
      await open('mkdir -p /run/systemd/resolve');
      record('resolvectl');
      record('resolvconf');
      const tunnel = await up();
      await tunnel.end('SIGTERM');
      expect(calls()).toEqual([`resolvconf -a ${NAME} -m 0 -x`, `resolvconf -d ${NAME} -f`]);
    });

    it('make the start fail if resolvconf fails, and nothing is left', async () => {
      await open();
      const before = host.state();
      mounts.program('resolvconf', ['cat > /dev/null; echo "no signature" >&2; exit 3']);
      const tunnel = start();
      expect(await tunnel.end()).toBe(1);
      expect(tunnel.text).toMatch(
        /:4: DNS: cannot set DNS servers .*: exit code 3: no signature\n$/,
      );
      expect(host.state()).toEqual(before);
      expect(left()).toEqual([]);
    });

    it('that a killed litz up has left are removed by the next litz up, and the earlier servers come back', async () => {
      await open();
      await (await up()).end('SIGKILL');
      expect(text()).toContain('192.0.2.53');
      const tunnel = litz(['up', '--ignore', 'dns', write(NAME)]);
      await tunnel.says(/: up,/);
      expect(tunnel.text).toContain(`put back the DNS servers that a killed ${NAME} left`);
      expect(text()).toBe(BEFORE);
      expect(left()).toEqual([]);
    });

    it('that a killed litz up has left are removed by litz down, and the earlier servers come back', async () => {
      await open();
      await (await up()).end('SIGKILL');
      expect(await litz(['down', NAME]).end()).toBe(0);
      expect(text()).toBe(BEFORE);
      expect(left()).toEqual([]);
    });

    it('are not touched at the end if another program has changed the file meanwhile, and litz reports this', async () => {
      await open();
      const tunnel = await up();
      writeFileSync(mounts.at(RESOLV_CONF), 'nameserver 203.0.113.7\n');
      expect(await tunnel.end('SIGTERM')).toBe(0);
      expect(tunnel.text).toContain('/etc/resolv.conf was changed by another program meanwhile');
      expect(text()).toBe('nameserver 203.0.113.7\n');
    });

    it('work in a container, where the file is a mount', async () => {
      await open('echo "nameserver 203.0.113.8" > work/r; mount --bind work/r /etc/resolv.conf');
      const tunnel = await up();
      expect(text()).toContain('192.0.2.53');
      expect(await tunnel.end('SIGTERM')).toBe(0);
      expect(text()).toBe('nameserver 203.0.113.8\n');
    });

    it.each([
      ['a read-only /run', 'mount -o remount,ro /run', /EROFS|ENOENT/],
      [
        'a full /run',
        'mkdir -m 700 /run/litz; mount -t tmpfs -o size=8k,mode=700 none /run/litz; dd if=/dev/zero of=/run/litz/full bs=4k 2>/dev/null || :',
        /ENOSPC/,
      ],
    ])(
      'are refused on a machine with %s, because the earlier servers could not be put back',
      async (_, script, reason) => {
        await open(script);
        const before = host.state();
        const tunnel = start();
        expect(await tunnel.end()).toBe(1);
        expect(tunnel.text).toMatch(
          /DNS: cannot set DNS servers .*cannot record what must be put back/,
        );
        expect(tunnel.text).toMatch(reason);
        expect(text()).toBe(BEFORE);
        expect(host.state()).toEqual(before);
      },
    );

    it('are removed at the end although the disk of /run is full, and the earlier servers come back', async () => {
      await open('mkdir -m 700 /run/litz; mount -t tmpfs -o size=64k,mode=700 none /run/litz');
      const tunnel = await up();
      await host.run('sh', [
        '-c',
        `dd if=/dev/zero of=${mounts.at('/run/litz/full')} bs=4k 2>/dev/null || :`,
      ]);
      expect(await tunnel.end('SIGTERM')).toBe(0);
      expect(text()).toBe(BEFORE);
    });

    it('are removed after the last of two tunnels that start and end at the same time', async () => {
      await open();
      const tunnels = [start(NAME), start(OTHER)];
      await Promise.all(tunnels.map((tunnel) => tunnel.says(/: up,/)));
      expect(text()).toContain('192.0.2.53');
      await Promise.all(tunnels.map((tunnel) => tunnel.end('SIGTERM')));
      expect(text()).toBe(BEFORE);
      expect(left()).toEqual([]);
    });
  },
);

async function open(...script: readonly string[]): Promise<void> {
  host = new Host();
  mounts = await OwnMounts.create(script.join('\n'));
}

function litz(words: readonly string[]): LitzProcess {
  return host.litz(words, { wrapper: mounts.wrapper, env: { PATH: mounts.path } });
}

function start(name = NAME): LitzProcess {
  return litz(['up', write(name)]);
}

async function up(): Promise<LitzProcess> {
  const tunnel = start();
  await tunnel.says(/: up,/);
  return tunnel;
}

function write(name: string): string {
  const port = name === NAME ? 51820 : 51821;
  return host.write(`${name}.conf`, [
    '[Interface]',
    `PrivateKey = ${keyPair().privateKey}`,
    `ListenPort = ${port}`,
    'DNS = 192.0.2.53, home.example',
  ]);
}

function text(): string {
  return readFileSync(mounts.at(RESOLV_CONF), 'utf8');
}

/** Returns the records that are left in /run, and the temporary files beside /etc/resolv.conf. */
function left(): string[] {
  const beside = readdirSync(mounts.at('/etc')).filter((name) => name.startsWith('resolv.conf.'));
  const folder = mounts.at('/run/litz/dns');
  if (!lstatSync(folder, { throwIfNoEntry: false })) return beside;
  const records = readdirSync(folder, { recursive: true }) as string[];
  return [...beside, ...records.filter((name) => name !== 'tunnels')];
}

/** Makes a program with this name that records how it is called. */
function record(name: string): void {
  mounts.program(name, [
    '[ "$1" = -a ] && cat > /dev/null',
    `echo "${name} $*" >> ${mounts.programs}/calls`,
  ]);
}

function calls(): string[] {
  const file = `${mounts.programs}/calls`;
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
}
