import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Host, removeSockets, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { LITZ, realInterfaces } from '../litz-process.ts';
import { wgQuick, wgQuickPrograms } from '../wg-quick-program.ts';

const NAME = uniqueName('q');

let host: Host;

describeWith(
  [...realInterfaces, ...wgQuickPrograms],
  'wg-quick with litz as its implementation',
  () => {
    beforeEach(() => {
      host = new Host();
    });
    afterEach(async () => {
      // A daemon in the background is not a child of this process, so `host.close` would not end
      // it.
      await wgQuick(host, 'down', `${host.folder}/${NAME}.conf`, LITZ).catch(() => {});
      await host.close();
      removeSockets();
    });

    it('brings up a tunnel that wg shows, with hooks, and takes it down', async () => {
      const before = host.state();
      const file = host.write(`${NAME}.conf`, [
        '[Interface]',
        `PrivateKey = ${keyPair().privateKey}`,
        'Address = 10.5.0.1/24, fd05::1/64',
        'MTU = 1300',
        `PostUp = wg set %i peer ${keyPair().publicKey} allowed-ips 10.6.0.0/16`,
        '[Peer]',
        `PublicKey = ${keyPair().publicKey}`,
        'AllowedIPs = 10.7.0.0/16, fd07::/32',
      ]);
      await wgQuick(host, 'up', file, LITZ);
      expect(host.netlink.linkByName(NAME)).toMatchObject({ up: true, mtu: 1300, kind: 'tun' });
      expect(host.addresses(NAME).toSorted()).toEqual(['10.5.0.1/24', 'fd05::1/64']);
      expect(host.routes()).toEqual(
        expect.arrayContaining([`10.7.0.0/16 ${NAME} table 254`, `fd07::/32 ${NAME} table 254`]),
      );
      expect((await host.run('wg', ['show', NAME, 'peers'])).trim().split('\n')).toHaveLength(2);
      await wgQuick(host, 'down', file, LITZ);
      expect(host.state()).toEqual(before);
    });

    it('accepts a name that resembles a command, with one line of warning', async () => {
      const lines = [
        '[Interface]',
        `PrivateKey = ${keyPair().privateKey}`,
        'Address = 10.5.0.1/24',
      ];
      const file = host.write('server.conf', lines);
      // All namespaces share the folder of the sockets, and another program may use this name. So
      // the script mounts its own folder.
      const script = [
        'mount -t tmpfs -o mode=755 none /var/run/wireguard',
        'wg-quick up "$2" 2>&1',
        'wg show interfaces',
        'wg-quick down "$2" 2>&1',
      ].join(' && ');
      const text = await wgQuick(host, 'up', file, LITZ, script);
      expect(text).toContain('\nserver\n');
      expect(text.match(/^litz: .*$/gm)).toEqual([
        'litz: "server" is not a command (did you mean "serve"?): making an interface with that name',
      ]);
      expect(host.hasLink('server')).toBe(false);
    });
  },
);
