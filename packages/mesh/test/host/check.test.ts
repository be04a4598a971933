import { parseCidr } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { checkHost } from '../../src/host/check.ts';
import { formatCheckLine, holds, type CheckRequest } from '../../src/host/check-line.ts';
import type { CniFamily, HostFacts } from '../../src/host/host-facts.ts';
import { RecordError, type ReadRecord } from '../../src/record/node-record.ts';
import { plainFacts } from '../host-facts.ts';
import { recordOf } from '../records.ts';

describe('checkHost', () => {
  test('finds no problem on a plain node', () => {
    const lines = checkHost(plainFacts(), request());

    expect(lines.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(holds(lines)).toBe(true);
  });

  test.each<[string, Partial<HostFacts>, Partial<CheckRequest>, RegExp]>([
    [
      'native routing of Cilium',
      family('cilium-native'),
      { mode: 'nodes' },
      /REFUSED CNI: Cilium with native/,
    ],
    [
      'pods mode with an overlay of Cilium',
      family('cilium-overlay'),
      {},
      /REFUSED CNI.*--encrypt nodes/,
    ],
    ['pods mode with Antrea', family('antrea'), {}, /REFUSED CNI: Antrea/],
    ['enforce with AWS VPC CNI', family('aws-vpc'), {}, /REFUSED CNI: AWS VPC CNI/],
    ['a node without a prefix', { prefixes: [] }, {}, /REFUSED own prefixes.*static:/],
    [
      'enforce without a cluster prefix',
      {},
      { clusterPrefixes: [] },
      /REFUSED cluster.*--cluster-prefix/,
    ],
    [
      'an address of the node among pods',
      { nodeAddresses: ['10.244.7.1'] },
      {},
      /REFUSED cluster.*10\.244\.7\.1/,
    ],
    [
      'a prefix outside of the cluster',
      { prefixes: [parseCidr('10.1.0.0/24')] },
      {},
      /REFUSED cluster.*10\.1\.0\.0\/24/,
    ],
    [
      'another encryption',
      { foreignEncryption: ['flannel-wg'] },
      {},
      /REFUSED other encryption: flannel-wg/,
    ],
    [
      'an address of this node outside of the node prefixes',
      {},
      { nodePrefixes: [parseCidr('10.9.0.0/16')] },
      /REFUSED node prefixes: 192\.168\.50\.11, an address of this node, .*--node-ip/,
    ],
    [
      'a record outside of the node prefixes, with enforce',
      {},
      { nodePrefixes: NODES, records: RECORDS },
      /REFUSED node prefixes: records .*192\.168\.50\.0\/24 .*: n2 \(192\.0\.2\.2\)\. Add/,
    ],
    [
      'node prefixes among pods',
      {},
      { nodePrefixes: [parseCidr('10.244.5.0/24'), ...NODES] },
      /REFUSED node prefixes: 10\.244\.5\.0\/24 is in 10\.244\.0\.0\/16/,
    ],
    [
      'node prefixes with every address',
      {},
      { nodePrefixes: [parseCidr('0.0.0.0/0')] },
      /REFUSED node prefixes: 0\.0\.0\.0\/0 contains every address/,
    ],
    ['enforce without nft', { nft: undefined }, {}, /REFUSED nft.*package nftables/],
    ['a table in use', { foreignRoutes: ['10.0.0.0/8'] }, {}, /REFUSED table 51871/],
    ['a priority in use', { foreignRules: ['IPv4 rule'] }, {}, /REFUSED priority 900/],
    [
      'another interface with the name',
      { foreignInterface: 'dummy' },
      {},
      /REFUSED interface litz0/,
    ],
    ['a port in use', { portTaken: 'UDP port 51871' }, {}, /REFUSED port 51871.*--port/],
  ])('refuses %s, and says what to do', (_, found, asked, text) => {
    const lines = checkHost(plainFacts(found), request(asked));

    expect(holds(lines)).toBe(false);
    const refused = lines.filter(({ state }) => state === 'refused');
    expect(refused.map(formatCheckLine)).toEqual([expect.stringMatching(text)]);
  });

  test.each<[string, Partial<HostFacts>, Partial<CheckRequest>, RegExp]>([
    ['a CNI that is not there yet', { ...family('none') }, {}, /note {4}CNI: no configuration/],
    ['Calico', family('calico'), {}, /note {4}CNI: Calico.*strictAffinity/],
    ['an unknown CNI', family('unknown'), {}, /note {4}CNI: unknown/],
    [
      'no nft in permissive',
      { nft: undefined },
      { enforcement: 'permissive' },
      /note {4}nft.*no SNAT/,
    ],
    [
      'AWS VPC CNI in permissive with prefixes',
      family('aws-vpc'),
      { enforcement: 'permissive' },
      /^$/,
    ],
    [
      'a strict filter',
      { reversePathFilters: new Map([['eth0', 1]]) },
      {},
      /note {4}rp_filter: strict on eth0/,
    ],
    [
      'a chain that drops forwarded packets',
      { forwardDrops: ['nft ip filter FORWARD'] },
      {},
      /note {4}forwarding: nft ip filter FORWARD/,
    ],
    [
      'forwarding that is off',
      { forwarding: { 4: false, 6: true } },
      {},
      /note {4}forwarding: IPv4/,
    ],
    [
      'systemd-networkd',
      { networkd: 'deletes-foreign' },
      {},
      /note {4}systemd-networkd.*ManageForeign/,
    ],
    [
      'an address in use',
      { addressTaken: ['flannel.1 10.244.1.0/32'] },
      {},
      /note {4}address: flannel\.1/,
    ],
    [
      'missing node prefixes in the mode nodes',
      {},
      { mode: 'nodes' },
      /note {4}node prefixes: not set.*--node-prefix/,
    ],
    [
      'a record outside of the node prefixes',
      {},
      { nodePrefixes: NODES, records: RECORDS, enforcement: 'permissive' },
      /note {4}node prefixes: records .*: n2 \(192\.0\.2\.2\)/,
    ],
    ['what MTU an overlay needs', family('overlay'), { mode: 'nodes' }, /note {4}underlay.*1370/],
    ['an underlay without a route', { underlay: NO_UNDERLAY }, {}, /note {4}underlay: no route/],
  ])('prints the expected note, or none, about %s', (_, found, asked, text) => {
    const lines = checkHost(plainFacts(found), request(asked));

    expect(holds(lines)).toBe(true);
    const notes = lines.filter(({ state }) => state === 'note').map(formatCheckLine);
    expect(notes.join('\n')).toMatch(text);
  });

  test('counts the records inside the node prefixes, and skips invalid and revoked records', () => {
    const records = new Map<string, ReadRecord>([
      ['n2', { ...recordOf(2), addresses: ['192.168.50.12'] }],
      ['n3', { ...recordOf(3), revoked: true }],
      ['n4', new RecordError('n4', 'port', 'is bad')],
    ]);
    const lines = checkHost(plainFacts(), request({ nodePrefixes: NODES, records }));

    expect(lines.map(formatCheckLine)).toContain(
      'ok      node prefixes: 192.168.50.0/24; they contain the addresses of this node and of the known records (1)',
    );
  });

  test('accepts, in the mode nodes, a CNI whose pods do not use the routes of the host', () => {
    const found = plainFacts({ ...family('cilium-overlay'), prefixes: [] });

    expect(holds(checkHost(found, request({ mode: 'nodes' })))).toBe(true);
  });
});

function family(family: CniFamily): Partial<HostFacts> {
  return { cni: { ...plainFacts().cni, family } };
}

const NODES = [parseCidr('192.168.50.0/24')];
const RECORDS = new Map([['n2', recordOf(2)]]);
const NO_UNDERLAY = { mtu: undefined, links: [], podLinks: [] };

function request(more: Partial<CheckRequest> = {}): CheckRequest {
  return {
    mode: 'pods',
    enforcement: 'enforce',
    clusterPrefixes: [parseCidr('10.244.0.0/16')],
    nodePrefixes: [],
    records: new Map(),
    port: 51871,
    interfaceName: 'litz0',
    table: 51871,
    priority: 900,
    ...more,
  };
}
