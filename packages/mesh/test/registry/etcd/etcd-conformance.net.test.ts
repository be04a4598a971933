import { describeWith } from '@litz/testkit';
import { EtcdRegistry } from '../../../src/registry/etcd/etcd-registry.ts';
import { describeRegistry, type RegistryFixture } from '../conformance.ts';
import { EtcdAdministrator } from './etcd-administrator.ts';
import { etcdProgram, RealEtcd } from './real-etcd.ts';

describeWith([etcdProgram], 'a real etcd', () => {
  describeRegistry('etcd with records of Litz', () => fixture('litz', 'litz/nodes/v1/'));

  describeRegistry('etcd with nodes of Cilium', () =>
    fixture('cilium', 'cilium/state/nodes/v1/default/'),
  );
});

async function fixture(format: 'litz' | 'cilium', prefix: string): Promise<RegistryFixture> {
  const etcd = await RealEtcd.start();
  const administrator = new EtcdAdministrator(etcd.administrationPort);
  const read = async (name: string) => (await administrator.read(prefix + name))!;
  return {
    open: async () => new EtcdRegistry(etcd.url, { format }),
    version: async (name) => (await read(name)).modRevision,
    addUnknownField: async (name) => {
      const { value, lease } = await read(name);
      const changed = JSON.stringify({ ...JSON.parse(value), later: { x: 1 } });
      await administrator.put(prefix + name, changed, lease);
    },
    hasUnknownField: async (name) => JSON.parse((await read(name)).value).later?.x === 1,
    writeBadRecord: (name) => administrator.put(prefix + name, '{"Name":7,"version":"x"}'),
    deleteByHand: (name) => administrator.delete(prefix + name),
    breakOff: () => etcd.killServer(),
    mend: () => etcd.startServer(),
    clear: () => administrator.deleteAll(),
    close: () => etcd.close(),
  };
}
