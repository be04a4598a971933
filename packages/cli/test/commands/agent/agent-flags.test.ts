import { formatCidr } from '@litz/core';
import { describe, expect, it } from 'vitest';
import { readAgentFlags, type AgentFlags } from '../../../src/commands/agent/agent-flags.ts';
import { readEtcdFlags } from '../../../src/commands/agent/registry-flags.ts';
import { DEFAULT_FLAGS } from './default-flags.ts';

const GOOD: AgentFlags = {
  ...DEFAULT_FLAGS,
  registry: 'file:/shared/nodes',
  node: 'n1',
  nodeIp: ['192.0.2.1'],
  prefixes: 'static:10.244.1.0/24',
  clusterPrefix: ['10.244.0.0/16'],
};

describe('readAgentFlags', () => {
  it('reads the registry, the prefixes and the settings of an agent', () => {
    const { settings, registry, prefixes } = readAgentFlags(GOOD);
    expect(registry).toEqual({ type: 'file', folder: '/shared/nodes' });
    expect(prefixes.type === 'static' && prefixes.prefixes.map(formatCidr)).toEqual([
      '10.244.1.0/24',
    ]);
    expect(settings).toMatchObject({ node: 'n1', addresses: ['192.0.2.1'], encryptsNode: true });
    expect(settings).toMatchObject({ table: 51871, priority: 900 });
  });

  it.each<[string, Partial<Record<keyof AgentFlags, unknown>>, RegExp]>([
    ['a table of the kernel', { table: 254 }, /^--table 254 is the table "main"/],
    ['a missing registry', { registry: undefined }, /^--registry file:.* is needed$/],
    ['a registry of another kind', { registry: 'consul://x' }, /^--registry expected .*consul/],
    ['a missing node name', { node: undefined }, /^--node NAME is needed$/],
    [
      'two addresses of a family',
      { nodeIp: ['192.0.2.1', '192.0.2.2'] },
      /--node-ip expected at most one address/,
    ],
    [
      'a host name instead of an address',
      { nodeIp: ['n1.example'] },
      /--node-ip expected addresses, got "n1.example"/,
    ],
    ['a name that is a path', { node: '../x' }, /^--node: "..\/x" is not a valid node name/],
    [
      'an address that no machine can have',
      { nodeIp: ['0.0.0.0'] },
      /^--node-ip: "0.0.0.0" cannot be the address of a node/,
    ],
    [
      'a node address inside the pod prefix',
      { nodeIp: ['10.244.1.1'] },
      /^--prefixes: 10.244.1.0\/24 covers 10.244/,
    ],
    [
      'a cluster prefix with all addresses',
      { clusterPrefix: ['0.0.0.0/0'], enforcement: 'enforce' },
      /^--cluster-prefix: 0.0.0.0\/0 contains every address/,
    ],
    [
      'a cluster prefix with the node in it',
      { nodeIp: ['10.9.0.1'], clusterPrefix: ['10.0.0.0/8'] },
      /^--cluster-prefix: 10.0.0.0\/8 covers 10.9.0.1, an address of this node/,
    ],
    [
      'a node address outside of the node prefix',
      { nodePrefix: ['10.0.0.0/8'] },
      /^--node-ip: \S+ is outside the prefix of the nodes, 10.0.0.0\/8/,
    ],
    [
      'a node prefix with all addresses',
      { nodePrefix: ['::/0'] },
      /^--node-prefix: ::\/0 contains every address/,
    ],
    ['a prefix without a length', { clusterPrefix: ['10.244.0.0'] }, /--cluster-prefix expected/],
    [
      'pods outside of the cluster prefix',
      { clusterPrefix: ['10.0.0.0/16'] },
      /static:10.244.1.0\/24 contradicts/,
    ],
    [
      'enforce without a cluster prefix',
      { enforcement: 'enforce', clusterPrefix: [] },
      /needs --cluster/,
    ],
    ['--force without enforce', { force: true }, /--force contradicts --enforcement permissive/],
    [
      'an opt-out in mode all',
      { optOut: true, encrypt: 'all' },
      /--opt-out contradicts --encrypt all/,
    ],
    [
      'labels with a directory as registry',
      { optOut: 'a=b' },
      /--opt-out a=b contradicts --registry file/,
    ],
    [
      'a start taint with a directory as registry',
      { startTaint: 'a/b' },
      /--start-taint contradicts --registry file/,
    ],
    [
      'podCIDRs with a directory as registry',
      { prefixes: 'node' },
      /--prefixes node contradicts --registry file/,
    ],
    [
      'a certificate with a directory as registry',
      { etcdCa: 'ca.crt' },
      /--etcd-ca contradicts --registry file/,
    ],
    [
      'a lease with a directory as registry',
      { etcdLease: '5m' },
      /--etcd-lease contradicts --registry file/,
    ],
    [
      'a page that other machines can reach',
      { page: '0.0.0.0:80' },
      /--page expected a loopback address/,
    ],
    ['a port that is too large', { metrics: ':70000' }, /--metrics expected \[ADDRESS\]:PORT/],
    ['a time with an unknown unit', { rotateKeyEvery: '1x' }, /--rotate-key-every expected a time/],
    ['rotations that overlap', { rotateKeyEvery: '5m' }, /--rotate-key-every 5m contradicts/],
    [
      'an interface name that is not valid',
      { interface: 'a/b' },
      /"a\/b" is not an interface name/,
    ],
  ])('refuses %s, and says why', (_, flags, message) => {
    const given = Object.fromEntries(
      Object.entries({ ...GOOD, ...flags }).filter(([, value]) => value !== undefined),
    ) as unknown as AgentFlags;
    expect(() => readAgentFlags(given)).toThrow(message);
    expect(() => readAgentFlags(given)).toThrow(expect.objectContaining({ exitCode: 2 }));
  });

  it('reads the addresses of the page, the metrics and the health checks', () => {
    const { page, metrics, health } = readAgentFlags({
      ...GOOD,
      page: '[::1]:51872',
      metrics: ':9586',
      health: '[2001:db8::1]:9587',
    });
    expect(page).toEqual({ host: '::1', port: 51_872 });
    expect(metrics).toEqual({ host: undefined, port: 9586 });
    expect(health).toEqual({ host: '2001:db8::1', port: 9587 });
  });
});

describe('readEtcdFlags', () => {
  it('reads the files, the user and the lease', () => {
    const { tls, user, leaseSeconds } = readEtcdFlags(
      withMore({
        etcdCa: 'ca.crt',
        etcdCert: 'n1.crt',
        etcdKey: 'n1.key',
        etcdUser: 'litz',
        etcdPasswordFile: 'password',
        etcdLease: '5m',
      }),
    );
    expect(tls).toEqual({ ca: 'ca.crt', certificate: 'n1.crt', key: 'n1.key' });
    expect(user).toEqual({ name: 'litz', passwordFile: 'password' });
    expect(leaseSeconds).toBe(300);
  });

  it.each<[string, Partial<AgentFlags>, RegExp]>([
    [
      'a certificate without a key',
      { etcdCert: 'n1.crt' },
      /--etcd-cert and --etcd-key must be given together/,
    ],
    [
      'a user without a password file',
      { etcdUser: 'litz' },
      /--etcd-user and --etcd-password-file must be given together/,
    ],
    ['a lease of zero seconds', { etcdLease: '0s' }, /--etcd-lease expected a time/],
    [
      'a cluster name with the format of Litz',
      { cluster: 'a' },
      /--cluster contradicts --format litz/,
    ],
  ])('refuses %s, and names the flag', (_, more, message) => {
    expect(() => readEtcdFlags(withMore(more))).toThrow(message);
  });
});

function withMore(more: Partial<AgentFlags>): AgentFlags {
  return { ...GOOD, ...more };
}
