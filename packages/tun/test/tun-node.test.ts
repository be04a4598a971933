import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { nodeFault, nodevMount } from '../src/tun-node.ts';

describe('nodeFault', () => {
  test('names a plain file, and says what to do', () => {
    const path = inFolder();
    writeFileSync(path, '');

    expect(nodeFault(path)).toBe(
      'it is a plain file instead of a device: remove it; ' +
        'a container needs --cap-add NET_ADMIN --device /dev/net/tun; ' +
        'on a host: modprobe tun, mkdir -p /dev/net, mknod -m 0666 /dev/net/tun c 10 200',
    );
  });

  test('names a directory', () => {
    const path = inFolder();
    mkdirSync(path);

    expect(nodeFault(path)).toMatch(/^it is a directory instead of a device: remove it;/);
  });

  test('names a socket', async () => {
    const path = inFolder();
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));

    expect(nodeFault(path)).toMatch(/^it is a socket instead of a device: remove it;/);
    server.close();
  });

  test.runIf(existsSync('/dev/null'))('names another device by its type and numbers', () => {
    expect(nodeFault('/dev/null')).toMatch(/^it is another device \(c 1 3\): remove it;/);
  });

  test('returns undefined if nothing is at the path', () => {
    expect(nodeFault(inFolder())).toBeUndefined();
  });
});

describe('nodevMount', () => {
  test.each([
    [
      'the mount of the path itself',
      [line('/', 'rw'), line('/dev/net/tun', 'rw,nodev')],
      '/dev/net/tun',
    ],
    ['the innermost mount above', [line('/', 'rw'), line('/dev', 'rw,nosuid,nodev')], '/dev'],
    ['the root', [line('/', 'rw,nodev')], '/'],
    [
      'nothing if an inner mount allows devices',
      [line('/', 'rw,nodev'), line('/dev', 'rw')],
      undefined,
    ],
    [
      'only the top one of several mounts at one place',
      [line('/dev', 'rw,nodev'), line('/dev', 'rw')],
      undefined,
    ],
    [
      'no mount of another file whose path begins with the same text',
      [line('/', 'rw'), line('/dev/net/tunnel', 'rw,nodev')],
      undefined,
    ],
    [
      'no mount of a folder whose path is only the beginning of a name',
      [line('/', 'rw'), line('/dev/ne', 'rw,nodev')],
      undefined,
    ],
    ['no mount with an option that only begins with nodev', [line('/', 'rw,nodevice')], undefined],
    ['nothing in a text that is no list of mounts', ['', 'nonsense\n'], undefined],
  ])('finds %s', (_name, lines, expected) => {
    expect(nodevMount('/dev/net/tun', lines.join(''))).toBe(expected);
  });

  test('reads the escape sequences of a mount point', () => {
    expect(nodevMount('/my dev/tun', line('/my\\040dev', 'rw,nodev'))).toBe('/my dev');
  });
});

function line(point: string, options: string): string {
  return `36 35 98:0 / ${point} ${options} shared:1 - ext4 /dev/root rw,errors=continue\n`;
}

function inFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'litz-node-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'tun');
}
