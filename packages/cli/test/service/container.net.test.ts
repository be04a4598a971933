/**
 * Tests `litz` in a container. runc makes the container with the rights, the device and the mounts
 * that docs/services.md tells users to give to podman or docker.
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

let host: Host;

describeWith(required, 'litz in a container', () => {
  beforeEach(() => {
    host = new Host();
  });
  afterEach(() => host.close());

  it.each([
    ['of root', false],
    ['in a user namespace', true],
  ])('%s works with CAP_NET_ADMIN, /dev/net/tun and a /run', async (_, hasUsers) => {
    const output = await runContainer({ capabilities: ['CAP_NET_ADMIN'], hasUsers });
    expect(output).toMatch(/^interface: wg0\n {2}listening port: 51820\n {2}fwmark: 0x7$/m);
    // There is no other capability, not even in the bounding set.
    expect(output).toMatch(
      /^CapPrm:\t0000000000001000\nCapEff:\t0000000000001000\nCapBnd:\t0000000000001000$/m,
    );
    expect(output).toMatch(/^NoNewPrivs:\t1$/m);
    expect(output).toMatch(/^ended 0, no socket$/m);
  });

  it('says in one line what is missing', async () => {
    const output = await runContainer({ capabilities: [], hasUsers: false });
    expect(output).toMatch(
      /^litz: cannot open the TUN device wg0: CAP_NET_ADMIN is missing: .*--cap-add NET_ADMIN/m,
    );
  });
});

interface ContainerOptions {
  readonly capabilities: readonly string[];
  readonly hasUsers: boolean;
}

/** Runs SCRIPT in a container. @returns its output */
async function runContainer({ capabilities, hasUsers }: ContainerOptions): Promise<string> {
  const bundle = join(host.folder, 'bundle');
  const rootfs = join(bundle, 'rootfs');
  for (const folder of 'usr etc run tmp proc sys dev app var'.split(' ')) {
    mkdirSync(join(rootfs, folder), { recursive: true, mode: 0o755 });
  }
  for (const folder of 'bin sbin lib lib64'.split(' '))
    symlinkSync(`usr/${folder}`, join(rootfs, folder));
  symlinkSync('/run', join(rootfs, 'var/run'));
  const mappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const types = ['pid', 'network', 'ipc', 'uts', 'mount', ...(hasUsers ? ['user'] : [])];
  const tun = { type: 'c', major: 10, minor: 200 };
  const config = {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args: ['sh', '-c', SCRIPT],
      env: ['PATH=/usr/local/sbin:/usr/sbin:/usr/bin'],
      cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      { destination: '/run', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      { destination: '/usr', type: 'bind', source: '/usr', options: ['rbind', 'ro'] },
      { destination: '/app', type: 'bind', source: '/mnt', options: ['bind', 'ro'] },
    ],
    linux: {
      namespaces: types.map((type) => ({ type })),
      ...(hasUsers && { uidMappings: mappings, gidMappings: mappings }),
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
  const words = ['-m', 'sh', '-ec', BOOT, process.execPath, REPOSITORY, bundle, uniqueName('c')];
  return host.run('unshare', words, { timeout: 60_000 });
}

/**
 * $0 is node, $1 the repository, $2 the bundle, $3 the name. In a user namespace, runc mounts the
 * device of the machine. So the script makes a /dev/net/tun with the mode that udev gives it.
 */
const BOOT = `
mount -t tmpfs dev /dev/net
mknod -m 666 /dev/net/tun c 10 200
mount --bind "$1" /mnt
mount -t tmpfs -o mode=755 sbin /usr/local/sbin
touch /usr/local/sbin/node
mount --bind "$0" /usr/local/sbin/node
mount -t tmpfs -o mode=755 run /run
mkdir /run/bundle
mount --bind "$2" /run/bundle
exec runc --root /run/runc run --bundle /run/bundle "$3" 2>&1
`;
const SCRIPT = `
node /app/packages/cli/bin/litz.js -f wg0 &
litz=$!
for try in 1 2 3 4 5 6 7 8 9 10; do
  test -S /run/wireguard/wg0.sock && break
  kill -0 $litz || break
  sleep 1
done
test -S /run/wireguard/wg0.sock || exit 0
wg set wg0 listen-port 51820 fwmark 7
wg show wg0
grep -E '^(Cap|NoNew)' /proc/$litz/status
kill $litz
wait $litz
echo "ended $?, $(test -e /run/wireguard/wg0.sock && echo socket || echo no socket)"
`;
