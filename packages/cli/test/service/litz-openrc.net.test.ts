/**
 * Tests the init script for OpenRC with a real OpenRC.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Host, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { realInterfaces } from '../litz-process.ts';
import { OpenRc, unpackedOpenRc } from './openrc.ts';

const root = requirement('root', () => process.geteuid?.() === 0 || 'this is not root');
const NAME = uniqueName('o');
const SERVICE = `litz.${NAME}`;
/** The longest time to wait, in ms. It is long, because other programs share the machine. */
const LONGEST_MS = 60_000;
/** The exit code of `rc-service NAME status` if the service is stopped. */
const STOPPED = 3;

let host: Host;
let openRc: OpenRc;

describeWith([...realInterfaces, root, unpackedOpenRc], 'litz.openrc', () => {
  beforeEach(async () => {
    host = new Host();
    openRc = await OpenRc.start(host, NAME);
  });
  afterEach(async () => {
    await openRc.stop();
    await host.close();
  });

  it(
    'starts a daemon with few rights, restarts it after a crash, and stops it',
    { timeout: 240_000 },
    async () => {
      // Not every machine allows as many files as the script asks for.
      openRc.configure(SERVICE, ['rc_ulimit="-n 4000"']);
      const started = await openRc.service(SERVICE, 'start');
      expect(started).toMatchObject({ code: 0 });
      expect(started.text).not.toMatch(/unable|error|not found/i);
      await vi.waitUntil(isServed, { timeout: LONGEST_MS });
      expect((await openRc.service(SERVICE, 'status')).text).toContain('status: started');
      const pid = await daemonPid();
      const status = await openRc.run('cat', `/proc/${pid}/status`, `/proc/${pid}/limits`);
      expect(status).toMatch(/^Uid:\t961\t961\t961\t961$/m);
      expect(status).toMatch(/^Max open files +4000 +4000 /m);
      expect(status).toMatch(/^Max core file size +0 /m);
      await host.run('ip', ['link', 'set', NAME, 'up']);
      await openRc.run('wg', 'set', NAME, 'listen-port', '443', 'fwmark', '7');
      await openRc.run('kill', '-KILL', pid);
      await vi.waitUntil(async () => (await isServed()) && (await daemonPid()) !== pid, {
        timeout: LONGEST_MS,
      });
      const second = await daemonPid();
      expect(await openRc.service(SERVICE, 'restart')).toMatchObject({ code: 0 });
      await vi.waitUntil(async () => (await isServed()) && (await daemonPid()) !== second, {
        timeout: LONGEST_MS,
      });
      expect(await openRc.service(SERVICE, 'stop')).toMatchObject({ code: 0 });
      expect(await openRc.service(SERVICE, 'status')).toMatchObject({ code: STOPPED });
      expect(host.hasLink(NAME)).toBe(false);
      expect(await openRc.run('ls', '-A', '/run/wireguard')).toBe('');
      expect(await daemonPid()).toBe('');
    },
  );

  it(
    'brings up the tunnel of a file, reloads it, and takes it down',
    { timeout: 180_000 },
    async () => {
      const [own, one, two] = [keyPair(), keyPair(), keyPair()];
      const lines = (peer: string): string[] => [
        '[Interface]',
        `PrivateKey = ${own.privateKey}`,
        'Address = 10.7.0.1/24',
        '[Peer]',
        `PublicKey = ${peer}`,
        'AllowedIPs = 10.8.0.0/16',
      ];
      host.write(`${NAME}.conf`, lines(one.publicKey));
      openRc.configure(SERVICE, [`litz_conf="/run/host/${NAME}.conf"`]);
      expect(await openRc.service(SERVICE, 'start')).toMatchObject({ code: 0 });
      const peers = async (): Promise<string> =>
        openRc.run('sh', '-c', `wg show ${NAME} peers 2>/dev/null || true`);
      await vi.waitUntil(async () => (await peers()) === `${one.publicKey}\n`, {
        timeout: LONGEST_MS,
      });
      await vi.waitUntil(() => host.routes().some((route) => route.startsWith('10.8.0.0/16')), {
        timeout: LONGEST_MS,
      });
      writeFileSync(join(host.folder, `${NAME}.conf`), `${lines(two.publicKey).join('\n')}\n`);
      expect(await openRc.service(SERVICE, 'reload')).toMatchObject({ code: 0 });
      expect(await peers()).toBe(`${two.publicKey}\n`);
      expect(await openRc.service(SERVICE, 'stop')).toMatchObject({ code: 0 });
      expect(host.hasLink(NAME)).toBe(false);
    },
  );

  it('does not start without the name of an interface, and says what to do', async () => {
    const { code, text } = await openRc.service('litz', 'start');
    expect(code).toBe(1);
    expect(text).toContain('ln -s litz /etc/init.d/litz.wg0');
  });
});

async function isServed(): Promise<boolean> {
  return openRc.run('wg', 'show', NAME).then(
    () => true,
    () => false,
  );
}

/** Returns the process ID of the daemon inside OpenRC's namespace; empty if there is none. */
async function daemonPid(): Promise<string> {
  const script = `pgrep -f '[n]ode.*litz.* -f .*${NAME}' | head -n 1`;
  return (await openRc.run('sh', '-c', script)).trim();
}
