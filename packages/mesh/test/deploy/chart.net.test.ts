import { describeWith } from '@litz/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  applyDefinition,
  applyLitzNodes,
  CILIUM_NODES,
  pathOf,
  type Manifest,
} from '../registry/kubernetes/manifests.ts';
import { kubeRequirements, RealKube } from '../registry/kubernetes/real-kube.ts';
import {
  find,
  helmRequirement,
  lintChart,
  NAMESPACE,
  renderChart,
  type ChartValues,
} from './helm.ts';

const STRICT: ChartValues = {
  'encryption.strictMode.egress.enabled': true,
  'encryption.strictMode.ingress.enabled': true,
  'encryption.strictMode.egress.cidr': '10.244.0.0/16\\,fd00::/48',
};

const ON_DELETE: ChartValues = { 'dataPlane.updateStrategy.type': 'OnDelete' };
const OLD_FIRST: ChartValues = {
  'dataPlane.updateStrategy.rollingUpdate.maxSurge': 0,
  'dataPlane.updateStrategy.rollingUpdate.maxUnavailable': 1,
};

const SETS: [name: string, values: ChartValues][] = [
  ['the default values', {}],
  ['encryption off', { 'encryption.enabled': false }],
  ['node encryption', { 'encryption.nodeEncryption': true }],
  [
    'node encryption without opt-out',
    { 'encryption.nodeEncryption': true, 'encryption.nodeEncryptionOptOutLabels': '' },
  ],
  ['strict mode', STRICT],
  ['the format of Cilium', { recordFormat: 'cilium', prefixes: 'cilium' }],
  ['prefixes of Calico', { prefixes: 'calico' }],
  ['a privileged data plane', { 'tun.mode': 'privileged' }],
  [
    'a device plugin',
    { 'tun.mode': 'devicePlugin', 'tun.devicePluginResource': 'example.com/tun' },
  ],
  ['a data plane that is updated when its pod is deleted', ON_DELETE],
  ['a data plane whose old pod ends first', OLD_FIRST],
  ['a start taint', { 'startTaint.enabled': true }],
  [
    'a service monitor',
    {
      'prometheus.serviceMonitor.enabled': true,
      'prometheus.serviceMonitor.labels.release': 'prometheus',
      'prometheus.serviceMonitor.relabelings[0].targetLabel': 'node',
    },
  ],
  ['no metrics', { 'prometheus.enabled': false }],
  [
    'many other values',
    {
      'image.repository': 'registry.test/litz',
      'image.digest': `sha256:${'a'.repeat(64)}`,
      'imagePullSecrets[0].name': 'pull',
      k8sServiceHost: '192.0.2.1',
      k8sServicePort: 6443,
      'nodeSelector.zone': 'a',
      'tolerations[0].key': 'only',
      'tolerations[0].operator': 'Exists',
      'podAnnotations.a': 'b',
      'podLabels.c': 'd',
      'extraArgs[0]': '--log-level=verbose',
      'extraEnv[0].name': 'NODE_OPTIONS',
      'extraEnv[0].value': '--max-semi-space-size=4',
      'dataPlane.resources.limits.memory': '512Mi',
      'encryption.wireguard.persistentKeepalive': '25s',
      'encryption.rotateKeyEvery': '24h',
      cleanUpOnStop: true,
      'updateStrategy.rollingUpdate.maxUnavailable': 1,
      'serviceAccount.name': 'other',
      'affinity.nodeAffinity': 'null',
    },
  ],
  [
    'no RBAC, service account or admission policy',
    { 'rbac.create': false, 'serviceAccount.create': false, 'admissionPolicy.enabled': false },
  ],
];

describeWith([helmRequirement], 'chart', () => {
  test('passes the lint of helm', () => {
    expect(lintChart()).toContain('0 chart(s) failed');
  });

  test('runs data plane and agent in separate pods, so that neither ends with the other', () => {
    const manifests = renderChart();
    const dataPlane = find(manifests, 'DaemonSet', 'litz-data-plane')['spec'];
    const agent = find(manifests, 'DaemonSet', 'litz-agent')['spec'];
    expect(agent.updateStrategy.type).toBe('RollingUpdate');
    expect(dataPlane.template.spec.automountServiceAccountToken).toBe(false);
    expect(dataPlane.selector).not.toEqual(agent.selector);
    expect(containerOf(dataPlane).resources).not.toHaveProperty('limits');
  });

  test('starts the new data plane beside the old one, and lets it take the tunnel over', () => {
    const dataPlane = find(renderChart(), 'DaemonSet', 'litz-data-plane')['spec'];
    expect(dataPlane.updateStrategy).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
    });
    const container = containerOf(dataPlane);
    const file = '/run/ready/tunnel';
    expect(container.args).toEqual([
      '--foreground',
      '--take-over',
      `--ready-file=${file}`,
      'litz0',
    ]);
    // The old and the new pod use the same ports of the node. If `ports` listed them, Kubernetes
    // would not start the new pod beside the old one.
    expect(container).not.toHaveProperty('ports');
    for (const probe of [container.readinessProbe, container.startupProbe]) {
      expect(probe.exec.command).toEqual(['test', '-f', file]);
    }
    // The folder of the sockets is shared with the other pod, and the file is the pod's own.
    const volumeAt = (path: string) => {
      const { name } = container.volumeMounts.find(
        (mount: { mountPath: string }) => mount.mountPath === path,
      );
      return dataPlane.template.spec.volumes.find(
        (volume: { name: string }) => volume.name === name,
      );
    };
    expect(volumeAt('/var/run/wireguard').hostPath.path).toBe('/var/run/wireguard');
    expect(volumeAt('/run/ready')).toHaveProperty('emptyDir');
  });

  test.each<[ChartValues, object]>([
    [ON_DELETE, { type: 'OnDelete' }],
    [OLD_FIRST, { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } }],
  ])('takes the update strategy of the data plane from the values %j', (values, expected) => {
    const { updateStrategy } = find(renderChart(values), 'DaemonSet', 'litz-data-plane')['spec'];
    expect(updateStrategy).toEqual(expected);
  });

  test('requests capabilities, but not the privileged mode', () => {
    const manifests = renderChart();
    const secure = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsUser: 0 };
    for (const [name, add] of [
      ['litz-data-plane', ['NET_ADMIN']],
      ['litz-agent', ['NET_ADMIN', 'NET_RAW']],
    ] as const) {
      const { spec } = find(manifests, 'DaemonSet', name)['spec'].template;
      const capabilities = { drop: ['ALL'], add };
      expect(spec.containers[0].securityContext).toEqual({ ...secure, capabilities });
      expect(spec.securityContext).toEqual({ seccompProfile: { type: 'RuntimeDefault' } });
      expect(spec).toMatchObject({
        hostNetwork: true,
        priorityClassName: 'system-node-critical',
        tolerations: [{ operator: 'Exists' }],
      });
    }
  });

  test.each<[mode: string, values: ChartValues, expected: object]>([
    ['hostPath', {}, { isPrivileged: false, mounts: true, limits: undefined }],
    ['privileged', {}, { isPrivileged: true, mounts: false, limits: undefined }],
    [
      'devicePlugin',
      { 'tun.devicePluginResource': 'example.com/tun' },
      { isPrivileged: false, mounts: false, limits: { 'example.com/tun': 1 } },
    ],
  ])('makes the TUN device available by %s', (mode, values, expected) => {
    const manifests = renderChart({ 'tun.mode': mode, ...values });
    const { spec } = find(manifests, 'DaemonSet', 'litz-data-plane')['spec'].template;
    const [container] = spec.containers;
    const tun = spec.volumes.find((volume: { name: string }) => volume.name === 'tun');
    expect(tun?.hostPath.type).toBe(
      (expected as { mounts: boolean }).mounts ? 'CharDevice' : undefined,
    );
    expect({
      isPrivileged: container.securityContext.privileged === true,
      mounts: container.volumeMounts.some((mount: { name: string }) => mount.name === 'tun'),
      limits: container.resources.limits,
    }).toEqual(expected);
  });

  test.each<[name: string, values: ChartValues, expected: string[]]>([
    ['the default values', {}, ['--encrypt=pods', '--enforcement=permissive', '--prefixes=node']],
    ['encryption off', { 'encryption.enabled': false }, ['--enforcement=off']],
    [
      'node encryption',
      { 'encryption.nodeEncryption': true },
      ['--encrypt=nodes', '--opt-out=node-role.kubernetes.io/control-plane'],
    ],
    [
      'no opt-out',
      { 'encryption.nodeEncryption': true, 'encryption.nodeEncryptionOptOutLabels': '' },
      ['--encrypt=all'],
    ],
    ['strict mode', STRICT, ['--enforcement=enforce', '--cluster-prefix=10.244.0.0/16,fd00::/48']],
    [
      'a keepalive',
      { 'encryption.wireguard.persistentKeepalive': '25s' },
      ['--persistent-keepalive=25'],
    ],
    [
      'a keepalive in minutes',
      { 'encryption.wireguard.persistentKeepalive': '2m' },
      ['--persistent-keepalive=120'],
    ],
    ['rotation', { 'encryption.rotateKeyEvery': '24h' }, ['--rotate-key-every=24h']],
    [
      'a start taint',
      { 'startTaint.enabled': true },
      ['--start-taint=node.litz.dev/agent-not-ready'],
    ],
    ['another format', { recordFormat: 'cilium' }, ['--format=cilium']],
    [
      'the prefixes of the nodes',
      { nodeCidr: '192.0.2.0/24\\, 2001:db8::/64' },
      ['--node-prefix=192.0.2.0/24,2001:db8::/64'],
    ],
  ])('makes the right command line from %s', (_, values, expected) => {
    const agent = find(renderChart(values), 'DaemonSet', 'litz-agent')['spec'];
    const { args } = containerOf(agent);
    expect(args).toEqual(expect.arrayContaining(['agent', '--registry=kubernetes', ...expected]));
    expect(new Set(args.map((arg: string) => arg.split('=')[0])).size).toBe(args.length);
  });

  test('runs litz agent down before a pod ends if cleanUpOnStop is set', () => {
    const agent = find(renderChart({ cleanUpOnStop: true }), 'DaemonSet', 'litz-agent')['spec'];
    expect(containerOf(agent).lifecycle.preStop.exec.command).toEqual([
      'litz',
      'agent',
      'down',
      '--interface=litz0',
    ]);
  });

  test.each<[what: string, values: ChartValues, message: string]>([
    ['a typo', { 'encryption.enable': true }, "additional properties 'enable' not allowed"],
    ['a typo in the name of a section', { 'prometeus.enabled': true }, "'prometeus' not allowed"],
    ['a text instead of a boolean', { 'encryption.enabled': 'yes' }, '/encryption/enabled'],
    ['IPsec', { 'encryption.type': 'ipsec' }, '/encryption/type'],
    ['a port that is too high', { port: 70000 }, '/port'],
    [
      'a text that is not an interval',
      { 'encryption.rotateKeyEvery': 'daily' },
      '/encryption/rotateKeyEvery',
    ],
    ['an unknown mode', { 'tun.mode': 'magic' }, '/tun/mode'],
    ['an interface name that is too long', { interface: 'litz0123456789abc' }, '/interface'],
    ['two agents on a node', { 'updateStrategy.rollingUpdate.maxSurge': 1 }, 'maxSurge'],
    [
      'strict mode in one direction only',
      { 'encryption.strictMode.ingress.enabled': true },
      'encryption.strictMode.egress.enabled and encryption.strictMode.ingress.enabled differ',
    ],
    [
      'strict mode without encryption',
      { ...STRICT, 'encryption.enabled': false },
      'encryption.strictMode.egress.enabled is true and encryption.enabled is false: set encryption.enabled',
    ],
    [
      'node encryption without encryption',
      { 'encryption.nodeEncryption': true, 'encryption.enabled': false },
      'encryption.nodeEncryption is true and encryption.enabled is false',
    ],
    [
      'a device plugin without a name',
      { 'tun.mode': 'devicePlugin' },
      'tun.devicePluginResource is empty',
    ],
    [
      'the name of a device plugin without its mode',
      { 'tun.devicePluginResource': 'example.com/tun' },
      'set tun.mode to devicePlugin',
    ],
    [
      'a service monitor without metrics',
      { 'prometheus.enabled': false, 'prometheus.serviceMonitor.enabled': true },
      'prometheus.serviceMonitor.enabled is true and prometheus.enabled is false',
    ],
    ['one port for two purposes', { 'health.port': 51872 }, 'must differ'],
  ])('refuses %s', (_, values, message) => {
    expect(() => renderChart(values)).toThrow(message);
  });
});

describeWith([...kubeRequirements, helmRequirement], 'chart on a real API server', () => {
  let kube: RealKube;

  beforeAll(async () => {
    kube = await RealKube.start();
    await applyLitzNodes(kube);
    await applyDefinition(kube, CILIUM_NODES);
    await applyDefinition(kube, SERVICE_MONITORS);
    await namespace(NAMESPACE, 'privileged');
    await namespace('baseline', 'baseline');
  });

  afterAll(() => kube?.close());

  describe('server-side dry-run', () => {
    test.each(SETS)('accepts the output of helm for %s', async (_, values) => {
      const manifests = renderChart(values);
      for (const manifest of manifests) {
        const reply = await kube.apply(
          pathOf(manifest),
          manifest,
          '&dryRun=All&fieldValidation=Strict',
        );
        expect(reply.body.kind).toBe(manifest.kind);
      }
      expect(manifests.length).toBeGreaterThanOrEqual(2);
    });
  });

  test.each(['litz-agent', 'litz-data-plane'])(
    'makes pods of %s that PodSecurity accepts at the level privileged and refuses at the level baseline',
    async (name) => {
      const { template } = find(renderChart(), 'DaemonSet', name)['spec'];
      // The pod that the DaemonSet controller would make, without the priority class, which only a
      // complete cluster has.
      const spec = { ...template.spec, priorityClassName: undefined };
      const pod = (place: string) =>
        kube.send('POST', `/api/v1/namespaces/${place}/pods?dryRun=All`, {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'pod', labels: template.metadata.labels },
          spec,
        });
      expect((await pod(NAMESPACE)).status).toBe(201);
      const refused = await pod('baseline');
      expect(refused.status).toBe(403);
      expect(refused.body.message).toContain('violates PodSecurity "baseline:latest"');
      expect(refused.body.message).toContain('host namespaces (hostNetwork=true)');
    },
  );

  async function namespace(name: string, level: string): Promise<void> {
    const labels = { 'pod-security.kubernetes.io/enforce': level };
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
    await kube.apply(`/api/v1/namespaces/${name}`, object);
  }
});

function containerOf(spec: { template: { spec: { containers: unknown[] } } }) {
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the chart makes
  return spec.template.spec.containers[0] as any;
}

/** Defines ServiceMonitor of the Prometheus operator, with a schema that accepts any fields. */
const SERVICE_MONITORS: Manifest = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'servicemonitors.monitoring.coreos.com' },
  spec: {
    group: 'monitoring.coreos.com',
    scope: 'Namespaced',
    names: { plural: 'servicemonitors', singular: 'servicemonitor', kind: 'ServiceMonitor' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        },
      },
    ],
  },
};
