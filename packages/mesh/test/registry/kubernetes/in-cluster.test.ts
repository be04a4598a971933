import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inClusterAccess } from '../../../src/registry/kubernetes/in-cluster.ts';
import { ManualClock } from '../../manual-clock.ts';

describe('inClusterAccess', () => {
  test('finds the server in the environment, and reads the token again after a minute', () => {
    const directory = mkdtempSync(join(tmpdir(), 'litz-account-'));
    try {
      writeFileSync(join(directory, 'token'), 'old');
      writeFileSync(join(directory, 'ca.crt'), 'CA');
      const clock = new ManualClock();
      const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };
      const access = inClusterAccess({ env, directory, clock });
      expect([access.server.hostname, access.authority?.text()]).toEqual(['10.96.0.1', 'CA']);
      expect(access.token?.text()).toBe('old');
      writeFileSync(join(directory, 'token'), 'new');
      clock.advance(60_000);
      expect(access.token?.text()).toBe('new');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test('puts an IPv6 address in brackets', () => {
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };
    expect(inClusterAccess({ env }).server.origin).toBe('https://[fd00::1]:6443');
  });

  test('reports that this is not a pod', () => {
    expect(() => inClusterAccess({ env: {} })).toThrow(
      'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set',
    );
  });
});
