import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import {
  hasNamespacePrivilege,
  Netlink,
  NetworkNamespace,
  networkNamespaceId,
} from '../src/index.ts';
import { builtSys, runInWorker } from './built.ts';
import { linuxCalls, namespaces } from './requirements.ts';

describeWith([linuxCalls, namespaces], 'NetworkNamespace', () => {
  test('leaves the calling thread in its namespace after create and run', () => {
    const before = currentNamespace();

    const namespace = createNamespace();

    expect(currentNamespace()).toBe(before);
    expect(namespace.run(currentNamespace)).not.toBe(before);
    expect(currentNamespace()).toBe(before);
  });

  test('contains only a loopback link that is up', () => {
    const links = createNamespace().run(listLinks);

    expect(links.map(({ name, up }) => [name, up])).toEqual([['lo', true]]);
  });

  test('returns to the earlier namespace after an error', () => {
    const before = currentNamespace();

    expect(() =>
      createNamespace().run(() => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(currentNamespace()).toBe(before);
  });

  test('has an id that no other existing namespace has', () => {
    const [one, other] = [createNamespace(), createNamespace()];

    expect(one.id).toBe(one.run(networkNamespaceId));
    expect(one.id).not.toBe(other.id);
    other.close();
    expect(other.id).toBeUndefined();
  });

  test('returns to the outer namespace if run is called inside another run', () => {
    const [outer, inner] = [createNamespace(), createNamespace()];

    const seen = outer.run(() => [
      currentNamespace(),
      inner.run(currentNamespace),
      currentNamespace(),
    ]);

    expect(seen).toEqual([
      outer.run(currentNamespace),
      inner.run(currentNamespace),
      outer.run(currentNamespace),
    ]);
  });

  test('is inherited by child processes that are started inside', () => {
    const namespace = createNamespace();

    const inside = namespace.run(() =>
      execFileSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' }).trim(),
    );

    expect(inside).toBe(namespace.run(currentNamespace));
  });

  test('can be opened by its path', () => {
    const namespace = createNamespace();
    const again = NetworkNamespace.open(namespace.path);
    onTestFinished(() => again.close());

    expect(again.run(currentNamespace)).toBe(namespace.run(currentNamespace));
  });

  test('keeps sockets in the namespace in which they were made', () => {
    const namespace = createNamespace();
    const netlink = namespace.run(() => new Netlink());
    onTestFinished(() => netlink.close());

    expect(netlink.links().map(({ name }) => name)).toEqual(['lo']);
  });

  test('throws the errno for a wrong path', () => {
    expect(() => NetworkNamespace.open('/proc/self/ns/none')).toThrow(
      expect.objectContaining({ syscall: 'open', errno: 'ENOENT' }),
    );
  });

  test('does not pass its descriptor to other programs', () => {
    const namespace = createNamespace();

    const open = execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });

    expect(open).not.toContain(namespace.run(currentNamespace));
  });
});

describeWith([linuxCalls, namespaces], 'hasNamespacePrivilege', () => {
  test('returns true if a namespace can be made', () => {
    expect(hasNamespacePrivilege()).toBe(true);
  });
});

describeWith([linuxCalls, namespaces, builtSys], 'NetworkNamespace in a worker', () => {
  test('moves only its own thread', async () => {
    const before = currentNamespace();

    const [inWorker, links] = (await runInWorker(`
      sys.NetworkNamespace.create().enter();
      const links = new sys.Netlink().links().map(({ name }) => name);
      return [require('node:fs').readlinkSync('/proc/thread-self/ns/net'), links];
    `)) as [string, string[]];

    expect(links).toEqual(['lo']);
    expect(inWorker).not.toBe(before);
    expect(currentNamespace()).toBe(before);
  });
});

function createNamespace(): NetworkNamespace {
  const namespace = NetworkNamespace.create();
  onTestFinished(() => namespace.close());
  return namespace;
}

function currentNamespace(): string {
  return readlinkSync('/proc/thread-self/ns/net');
}

function listLinks(): ReturnType<Netlink['links']> {
  const netlink = new Netlink();
  try {
    return netlink.links();
  } finally {
    netlink.close();
  }
}
