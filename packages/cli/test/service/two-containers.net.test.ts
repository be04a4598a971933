/**
 * Tests that the daemon of one container takes the tunnel over from the daemon of another one. runc
 * makes both, with the rights, the device and the mounts of the chart's data plane: the network of
 * the node, a read-only root, and only CAP_NET_ADMIN.
 */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Host, uniqueName } from '../host.ts';
import { realInterfaces } from '../litz-process.ts';

const REPOSITORY = fileURLToPath(new URL('../../../..', import.meta.url));
const root = requirement('root', () => process.geteuid?.() === 0 || 'this is not root');
const required = [
  ...realInterfaces,
  root,
  programRequirement('runc'),
  programRequirement('unshare'),
];
const RIGHTS = ['CAP_NET_ADMIN'];

let host: Host;

describeWith(required, 'two containers', () => {
  beforeEach(() => {
    host = new Host();
  });
  afterEach(() => host.close());

  it('hand the tunnel over, and the old one waits until it is ended', async () => {
    const bundles = [makeBundle(1), makeBundle(2)];
    const words = ['-m', 'sh', '-ec', BOOT, process.execPath, REPOSITORY, ...bundles];
    const output = await host.run('unshare', [...words, uniqueName('t')], { timeout: 60_000 });
    const lines = output.trim().split('\n');
    const [waits] = lines.splice(
      lines.findIndex((line) => line.startsWith('ERROR')),
      1,
    );
    expect(waits).toContain('another process has taken wg0 over; this one only waits for its end');
    expect(lines).toEqual([
      '1 ready',
      '1 has port 51820',
      '2 ready',
      '1 not ready',
      '1 runs',
      '1 ended 0',
      '2 has port 51820',
      '2 ended 0',
      'no socket',
    ]);
    expect(host.hasLink('wg0')).toBe(false);
  }, 90_000);
});

/** Returns the path of a bundle for runc. @param number of the container */
function makeBundle(number: number): string {
  const bundle = join(host.folder, `bundle${number}`);
  const rootfs = join(bundle, 'rootfs');
  for (const folder of 'usr etc run/wireguard run/ready tmp proc sys dev app var'.split(' ')) {
    mkdirSync(join(rootfs, folder), { recursive: true, mode: 0o755 });
  }
  for (const folder of 'bin sbin lib lib64'.split(' '))
    symlinkSync(`usr/${folder}`, join(rootfs, folder));
  symlinkSync('/run', join(rootfs, 'var/run'));
  const tun = { type: 'c', major: 10, minor: 200 };
  const config = {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args: [
        'node',
        '/app/packages/cli/bin/litz.js',
        '--foreground',
        '--take-over',
        '--ready-file=/run/ready/tunnel',
        'wg0',
      ],
      env: ['PATH=/usr/local/sbin:/usr/sbin:/usr/bin'],
      cwd: '/',
      capabilities: { bounding: RIGHTS, effective: RIGHTS, permitted: RIGHTS },
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      bind('/usr', '/usr', 'ro'),
      bind('/app', '/mnt', 'ro'),
      bind('/run/wireguard', '/run/wireguard', 'rw'),
      bind('/run/ready', `/run/ready${number}`, 'rw'),
    ],
    linux: {
      namespaces: ['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      devices: [{ ...tun, path: '/dev/net/tun', fileMode: 0o666, uid: 0, gid: 0 }],
      resources: {
        devices: [
          { allow: false, access: 'rwm' },
          { ...tun, allow: true, access: 'rw' },
        ],
      },
    },
  };
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
  return bundle;
}

/** Returns a bind mount. */
function bind(destination: string, source: string, way: 'ro' | 'rw'): object {
  return { destination, type: 'bind', source, options: ['rbind', way] };
}

/** $0 is node, $1 the repository, $2 and $3 the bundles, $4 the name. */
const BOOT = `
mount -t tmpfs dev /dev/net
mknod -m 666 /dev/net/tun c 10 200
mount --bind "$1" /mnt
mount -t tmpfs -o mode=755 sbin /usr/local/sbin
touch /usr/local/sbin/node
mount --bind "$0" /usr/local/sbin/node
mount -t tmpfs -o mode=755 run /run
mkdir /run/bundle1 /run/bundle2 /run/ready1 /run/ready2 /run/wireguard
mount --bind "$2" /run/bundle1
mount --bind "$3" /run/bundle2
run() { exec runc --root /run/runc run --bundle "/run/bundle$1" "$2$1" < /dev/null 2>&1; }
await() {
  for try in $(seq 150); do test -f "/run/ready$1/tunnel" && echo "$1 ready" && return; sleep 0.1; done
  echo "$1 did not become ready"
}
port() { echo "$1 has port $(wg show wg0 listen-port)"; }
run 1 "$4" & first=$!
await 1
wg set wg0 listen-port 51820
port 1
run 2 "$4" & second=$!
await 2
for try in $(seq 50); do test -f /run/ready1/tunnel || break; sleep 0.1; done
sleep 1
test -f /run/ready1/tunnel || echo "1 not ready"
kill -0 "$first" && echo "1 runs"
runc --root /run/runc kill "\${4}1" TERM
wait "$first" && code=0 || code=$?
echo "1 ended $code"
port 2
runc --root /run/runc kill "\${4}2" TERM
wait "$second" && code=0 || code=$?
echo "2 ended $code"
test -S /run/wireguard/wg0.sock && echo socket || echo "no socket"
`;
