import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findKubeAccess } from '../../../src/registry/kubernetes/find-access.ts';

const POD = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };

let home = '';
beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'litz-home-'))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('findKubeAccess', () => {
  test('prefers the named kubeconfig, then KUBECONFIG, then the pod, then the home folder', () => {
    const named = write('named');
    const set = write('set');
    mkdirSync(join(home, '.kube'));
    const own = write('.kube/config');
    const from = (options: object): string => findKubeAccess({ home, ...options }).description;
    const env = { KUBECONFIG: set, ...POD };
    expect(from({ kubeconfig: named, env })).toContain(named);
    expect(from({ env })).toContain(set);
    expect(from({ env: POD })).toBe('in-cluster');
    expect(from({ env: {} })).toContain(own);
  });

  test('reports that no API server is configured', () => {
    expect(() => findKubeAccess({ env: {}, home })).toThrow(
      'no Kubernetes API server is configured',
    );
  });

  test('refuses several files at once', () => {
    const env = { KUBECONFIG: '/a:/b' };
    expect(() => findKubeAccess({ env, home })).toThrow('KUBECONFIG names several files (/a:/b)');
  });
});

function write(name: string): string {
  const path = join(home, name);
  const context = { name: 'c', context: { cluster: 'c' } };
  const cluster = { name: 'c', cluster: { server: 'https://a' } };
  const config = { 'current-context': 'c', contexts: [context], clusters: [cluster] };
  writeFileSync(path, JSON.stringify(config));
  return path;
}
