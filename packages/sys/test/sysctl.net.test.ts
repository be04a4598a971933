import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { readSysctl, writeSysctl } from '../src/index.ts';
import { linuxCalls, namespaces } from './requirements.ts';
import { createNamespace, createNetlink } from './two-namespaces.ts';

describeWith([linuxCalls, namespaces], 'writeSysctl', () => {
  test("changes the calling thread's namespace only", () => {
    const name = 'net.ipv4.conf.all.src_valid_mark';
    const outside = readSysctl(name);
    const namespace = createNamespace();
    const value = outside === '1' ? 0 : 1;

    namespace.run(() => writeSysctl(name, value));

    expect(namespace.run(() => readSysctl(name))).toBe(String(value));
    expect(readSysctl(name)).toBe(outside);
  });

  test('accepts names with slashes for interfaces with dots', () => {
    const namespace = createNamespace();
    createNetlink(namespace).createVeth('eth0.1', 'peer0');
    const name = 'net/ipv6/conf/eth0.1/disable_ipv6';

    namespace.run(() => writeSysctl(name, 1));

    expect(namespace.run(() => readSysctl(name))).toBe('1');
  });

  test('names the parameter and the errno', () => {
    expect(() => writeSysctl('net.ipv4.no_such_thing', 1)).toThrow(
      expect.objectContaining({
        errno: 'ENOENT',
        message: expect.stringContaining('/proc/sys/net/ipv4/no_such_thing') as string,
      }),
    );
    const refused = createNamespace();
    expect(() => refused.run(() => writeSysctl('net.ipv4.ip_forward', 'many'))).toThrow(
      expect.objectContaining({ errno: 'EINVAL' }),
    );
  });
});
