import { describeWith } from '@litz/testkit';
import { afterEach, expect, it } from 'vitest';
import { removeSockets } from '../../host.ts';
import { realInterfaces } from '../../litz-process.ts';
import { MeshCluster } from './mesh-cluster.ts';

let cluster: MeshCluster;

afterEach(async () => {
  await cluster.close();
  removeSockets();
});

describeWith(realInterfaces, 'litz agent', () => {
  it('encrypts the packets between pods of two nodes', async () => {
    cluster = await MeshCluster.create(2);
    const [one, two] = cluster.nodes as [
      MeshCluster['nodes'][number],
      MeshCluster['nodes'][number],
    ];
    expect(await one.pod.ping(two.podAddress)).toBe(3);
    for (const node of cluster.nodes) {
      await node.daemon();
      node.agent();
    }
    await one.hasMet(1);
    await two.hasMet(1);
    const capture = cluster.capture();
    expect(await one.pod.ping(two.podAddress)).toBe(3);
    const lines = capture.lines();
    capture.close();
    expect(lines.filter((line) => line.startsWith('icmp'))).toEqual([]);
    expect(lines.filter((line) => line.includes(':51871')).length).toBeGreaterThanOrEqual(6);
    process.stderr.write(await one.ask('status'));
  });
});
