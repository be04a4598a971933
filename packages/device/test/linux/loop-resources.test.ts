import { describe, expect, it } from 'vitest';
import { LoopResources } from '../../src/linux/loop-resources.ts';

describe('LoopResources', () => {
  it('returns the resource that it keeps', () => {
    const { resources } = create();
    const resource = { fd: 5, close: () => {} };
    expect(resources.keep(resource)).toBe(resource);
    expect(resources.keepDescriptors(resource)).toBe(resource);
  });

  it('closes from the last to the first, and forgets descriptors before it closes them', () => {
    const { resources, calls, resource } = create();
    resources.keepDescriptors({ fd: 5, ...resource('one') });
    resources.keep(resource('two'));
    resources.keepDescriptors({ fd: 6, fds: [6, 7], ...resource('three') });
    expect(calls.splice(0)).toEqual(['record 5', 'record 6', 'record 7']);
    resources.close();
    resources.close();
    expect(calls).toEqual([
      'forget 6',
      'forget 7',
      'close three',
      'close two',
      'forget 5',
      'close one',
    ]);
  });

  it('closes the others if one cannot be closed, and throws the first error', () => {
    const { resources, calls, resource } = create();
    resources.keep(failing('one'));
    resources.keep(resource('two'));
    resources.keep(failing('three'));
    expect(() => resources.close()).toThrow('three fails');
    expect(calls).toEqual(['close two']);
  });

  it('closes a resource whose descriptor could not be recorded', () => {
    const { resources, calls, resource } = create();
    expect(() => resources.keepDescriptors({ fd: -1, ...resource('one') })).toThrow(RangeError);
    resources.close();
    expect(calls).toEqual(['forget -1', 'close one']);
  });
});

function failing(name: string): { close(): void } {
  return {
    close() {
      throw new Error(`${name} fails`);
    },
  };
}

function create(): {
  resources: LoopResources;
  calls: string[];
  resource: (name: string) => { close(): void };
} {
  const calls: string[] = [];
  const resources = new LoopResources({
    recordDescriptor(fd) {
      if (fd < 0) throw new RangeError('too many');
      calls.push(`record ${fd}`);
    },
    forgetDescriptor: (fd) => void calls.push(`forget ${fd}`),
  });
  return {
    resources,
    calls,
    resource: (name) => ({ close: () => void calls.push(`close ${name}`) }),
  };
}
