import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatCidr } from '@litz/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readCni, type CniOptions } from '../../src/host/cni-configuration.ts';
import type { CniFacts, CniFamily } from '../../src/host/host-facts.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'litz-cni-'))));
afterEach(() => rmSync(folder, { recursive: true }));

describe('readCni', () => {
  test('reads the prefixes of host-local in the old form and in the new form', () => {
    write('10-a.conf', { type: 'bridge', ipam: { type: 'host-local', subnet: '10.1.2.0/24' } });
    expect(prefixes()).toEqual(['10.1.2.0/24']);

    const ranges = [[{ subnet: '10.3.0.0/24' }], [{ subnet: 'fd00:0:0:3::/64' }]];
    write('05-b.conflist', {
      name: 'b',
      plugins: [{ type: 'ptp', ipam: { type: 'host-local', ranges } }],
    });
    expect(prefixes()).toEqual(['10.3.0.0/24', 'fd00:0:0:3::/64']);
  });

  test('reads the configuration whose file name sorts first, and skips files that are not configurations', () => {
    write('20-b.conflist', { name: 'b', plugins: [{ type: 'bridge' }] });
    write('10-a.conflist.bak', { name: 'bak', plugins: [{ type: 'calico' }] });
    write('15-a.conflist', { name: 'a', plugins: [{ type: 'ptp' }, { type: 'portmap' }] });

    expect(read()).toMatchObject({ network: 'a', plugins: ['ptp', 'portmap'], family: 'routed' });
  });

  test("reads flannel's prefixes from the file of its daemon", () => {
    const file = join(folder, 'subnet.env');
    writeFileSync(
      file,
      'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.3.1/24\nFLANNEL_IPV6_SUBNET=fd44:0:0:3::1/64\n',
    );
    write('10-flannel.conflist', { name: 'cbr0', plugins: [{ type: 'flannel' }] });

    expect(prefixes({ flannelFile: file })).toEqual(['10.244.3.0/24', 'fd44:0:0:3::/64']);
    expect(prefixes({ flannelFile: '/no/such/file' })).toEqual([]);
  });

  test('refuses a file if reading it would block, never end or take too much memory, and says why', () => {
    symlinkSync('/dev/zero', join(folder, '30-zero.conf'));
    expect(read().trouble).toMatch('30-zero.conf: it is a device instead of a file');
    execFileSync('mkfifo', [join(folder, '20-pipe.conf')]);
    expect(read().trouble).toMatch('20-pipe.conf: it is a pipe instead of a file');
    write('10-long.conf', { type: 'bridge', name: 'x'.repeat(2 ** 20) });
    expect(read()).toMatchObject({ family: 'unknown' });
    expect(read().trouble).toMatch('10-long.conf: it has more than 1048576 bytes');
  });

  test.each<[string, CniOptions['links'], CniFamily]>([
    ['bridge', [], 'routed'],
    ['flannel', [{ name: 'flannel.1', kind: 'vxlan' }], 'overlay'],
    ['calico', [], 'calico'],
    ['cilium-cni', [{ name: 'cilium_vxlan', kind: 'vxlan' }], 'cilium-overlay'],
    ['cilium-cni', [{ name: 'cilium_host', kind: 'veth' }], 'cilium-native'],
    ['aws-cni', [], 'aws-vpc'],
    ['azure-vnet', [], 'azure'],
    ['antrea', [], 'antrea'],
    ['ovn-k8s-cni-overlay', [], 'ovn'],
    ['somebody-else', [], 'unknown'],
  ])('detects %s with the links %j as %s', (type, links, family) => {
    write('10-a.conflist', { name: 'a', plugins: [{ type }] });

    expect(read({ links }).family).toBe(family);
  });

  test('detects some CNIs by their links alone', () => {
    expect(read().family).toBe('none');
    expect(read({ links: [{ name: 'cilium_host', kind: 'veth' }] }).family).toBe('cilium-native');
    expect(read({ links: [{ name: 'antrea-gw0', kind: undefined }] }).family).toBe('antrea');
  });

  test('reports why a file cannot be read as JSON', () => {
    writeFileSync(join(folder, '10-a.conf'), '{ nonsense');

    expect(read().trouble).toMatch(/10-a\.conf: .*JSON/);
    expect(read().family).toBe('unknown');
  });
});

function write(name: string, content: unknown): void {
  writeFileSync(join(folder, name), JSON.stringify(content));
}

function read(more: Partial<CniOptions> = {}): CniFacts {
  return readCni({ folder, links: [], ...more });
}

function prefixes(more: Partial<CniOptions> = {}): string[] {
  return read(more).prefixes.map(formatCidr);
}
