import { describe, expect, it } from 'vitest';
import { etcdFlags } from '../src/index.ts';

describe('etcdFlags', () => {
  const common = {
    dataFolder: '/tmp/data',
    client: 'http://127.0.0.1:1',
    peer: 'http://127.0.0.1:2',
  };

  it('describes a cluster with a single member by default', () => {
    expect(etcdFlags(common)).toContain('--initial-cluster=default=http://127.0.0.1:2');
  });

  it('listens for more clients, and advertises the first URL only', () => {
    const flags = etcdFlags({ ...common, moreClients: ['http://127.0.0.1:3'] });
    expect(flags).toContain('--listen-client-urls=http://127.0.0.1:1,http://127.0.0.1:3');
    expect(flags).toContain('--advertise-client-urls=http://127.0.0.1:1');
  });

  it('joins the named members', () => {
    const member = { name: 'm1', members: 'm0=http://a:1,m1=http://b:1' };
    expect(etcdFlags({ ...common, member })).toEqual(
      expect.arrayContaining(['--name=m1', '--initial-cluster=m0=http://a:1,m1=http://b:1']),
    );
  });
});
