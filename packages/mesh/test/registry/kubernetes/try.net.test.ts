import { test } from 'vitest';
import { RealKube } from './real-kube.ts';
import { applyLitzNodes } from './manifests.ts';
test('x', async () => {
  const t0 = Date.now();
  const kube = await RealKube.start();
  console.log('up', Date.now() - t0);
  try {
    await applyLitzNodes(kube);
    console.log('crd', Date.now() - t0);
    const spec = {
      version: 1,
      addresses: ['192.0.2.1'],
      port: 51871,
      keys: [
        {
          publicKey: 'y3fctWqJEnWrZ4cUeokIos6xu0ecHHgJOKY0tALubVU=',
          generation: 1,
          createdAt: '2026-01-31T12:00:00.000Z',
        },
      ],
      prefixes: ['10.244.1.0/24', 'fd00::/64'],
      later: 1,
    };
    const o = (s: object) => ({
      apiVersion: 'litz.dev/v1',
      kind: 'LitzNode',
      metadata: { name: 'a' },
      spec: { ...spec, ...s },
    });
    console.log((await kube.apply('/apis/litz.dev/v1/litznodes/a', o({}))).body.spec);
    for (const s of [
      { addresses: ['x'] },
      { addresses: ['2001:db8::1'] },
      { prefixes: ['10.0.0.0'] },
      { prefixes: ['10.0.0.0/33'] },
      { port: 0 },
      { keys: [] },
      { keys: [{ ...spec.keys[0], publicKey: 'AAAA' }] },
      { keys: [{ ...spec.keys[0], publicKey: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' }] },
      { keys: [{ ...spec.keys[0], createdAt: 'yesterday' }] },
      { keys: [{ ...spec.keys[0], generation: -1 }] },
    ]) {
      const r = await kube.send(
        'PATCH',
        '/apis/litz.dev/v1/litznodes/a?fieldManager=test&force=true',
        o(s),
        { contentType: 'application/apply-patch+yaml' },
      );
      console.log(JSON.stringify(s), r.status, r.body.message);
    }
    console.log(
      JSON.stringify(
        (
          await kube.send('GET', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices')
        ).body.items?.map((i: any) => [i.metadata.name, i.metadata.labels, i.endpoints, i.ports]),
      ),
    );
  } finally {
    await kube.close();
  }
  console.log('done', Date.now() - t0);
});
