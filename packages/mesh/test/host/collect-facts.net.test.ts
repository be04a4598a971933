import { formatCidr, parseAddress } from '@litz/core';
import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { dropChains } from '../../src/host/collect-facts.ts';
import type { HostFacts } from '../../src/host/host-facts.ts';
import {
  TestNetwork,
  networkRequirements,
  type TestNetworkOptions,
} from '../network/test-network.ts';

describeWith(networkRequirements, 'collectFacts', () => {
  test('finds the CNI, its prefixes, the underlay and the version of nft', async () => {
    const facts = await collect();

    expect(facts).toMatchObject({
      cni: { family: 'routed', network: 'pods', plugins: ['bridge', 'portmap'] },
      underlay: { mtu: 1500, links: ['eth0'], podLinks: ['eth0'] },
      nodeAddresses: ['192.168.50.11', 'fd50::11'],
      foreignEncryption: [],
      forwardDrops: [],
      forwarding: { 4: true, 6: true },
      foreignRoutes: [],
      foreignRules: [],
      addressTaken: [],
    });
    expect(facts.prefixes.map(formatCidr)).toEqual(['10.244.1.0/24', 'fd44:0:0:1::/64']);
    expect(facts.reversePathFilters).toEqual(new Map([['eth0', 1]]));
    expect(facts.nft).toMatch(/nftables/);
    expect(facts.portTaken).toBeUndefined();
    expect(facts.foreignInterface).toBeUndefined();
  });

  test('finds an overlay, and that a link of the overlay already has the address of the tunnel', async () => {
    const { cni, underlay, addressTaken } = await collect({ overlay: 'vxlan' });

    expect(cni.family).toBe('overlay');
    expect(underlay.podLinks).toEqual(['eth0', 'flannel.1']);
    expect(addressTaken).toEqual(['flannel.1 10.244.1.0/32']);
  });

  test('finds settings of other programs that conflict with the mesh', async () => {
    const facts = await collect({}, ({ ip, run }) => {
      ip('route add 10.9.9.0/24 via 192.168.50.12 table 51871');
      ip('rule add to 10.9.9.0/24 lookup 77 pref 900');
      ip('link add kubespan type bridge');
      ip('link add litz0 type bridge');
      run('nft', 'add', 'table', 'ip', 'fw');
      run(
        'nft',
        'add',
        'chain',
        'ip',
        'fw',
        'through',
        '{ type filter hook forward priority 0; policy drop; }',
      );
    });

    expect(facts.foreignRoutes).toEqual([expect.stringContaining('10.9.9.0/24')]);
    expect(facts.foreignRules).toEqual(['IPv4 rule of priority 900 to table 77']);
    expect(facts.foreignEncryption).toEqual(['kubespan']);
    expect(facts.foreignInterface).toBe('bridge');
    expect(facts.forwardDrops).toEqual(['nft ip fw through']);
  });
});

test('dropChains returns forwarding chains that drop packets, and no others', () => {
  const text = `table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy drop;
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
}
table inet fw {
	chain fwd {
		type filter hook forward priority filter; policy accept;
	}
}`;
  expect(dropChains(text)).toEqual(['nft ip filter FORWARD']);
});

interface Tools {
  readonly ip: (text: string) => void;
  readonly run: (program: string, ...words: string[]) => void;
}

async function collect(
  options: TestNetworkOptions = {},
  prepare: (tools: Tools) => void = () => {},
): Promise<HostFacts> {
  const network = await TestNetwork.create(options);
  onTestFinished(() => network.close());
  const [a, b] = network.nodes as [TestNetwork['nodes'][number], TestNetwork['nodes'][number]];
  prepare({
    ip: (text) => a.namespace.ip(text),
    run: (program, ...words) => a.namespace.run(program, ...words),
  });
  const host = await a.openHost();
  const endpoint = { address: parseAddress(b.address) };
  const request = {
    interfaceName: 'litz0',
    port: 51871,
    peers: [{ endpoint, prefixes: b.prefixes }],
  };
  const facts = await host.facts(request);
  expect(await host.underlay(request)).toEqual(facts.underlay);
  return facts;
}
