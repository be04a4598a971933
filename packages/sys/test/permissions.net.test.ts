import { text } from 'node:stream/consumers';
import { describeWith, programRequirement } from '@litz/testkit';
import { expect, test } from 'vitest';
import { builtSys, runInProcess, WITHOUT_CAPABILITIES } from './built.ts';
import { linuxCalls } from './requirements.ts';

const setpriv = programRequirement('setpriv');

describeWith([linuxCalls, builtSys, setpriv], 'without privileges', () => {
  test.each([
    ['NetworkNamespace.create()', 'unshare', 'CAP_SYS_ADMIN'],
    ['new Netlink().setLink(1, { mtu: 1500 })', 'RTM_NEWLINK', 'CAP_NET_ADMIN'],
    ['new RawSocket(4, [0])', 'socket', 'CAP_NET_RAW'],
    ['new PacketSocket(1)', 'socket', 'CAP_NET_RAW'],
  ])('%s names the errno and the capability', async (call, syscall, capability) => {
    const error = await errorOf(call);

    expect(error).toMatchObject({ code: 'ERR_LITZ_PERMISSION', errno: 'EPERM', syscall });
    expect(error.message).toContain(capability);
  });

  test('links and routes can be read', async () => {
    const output = await evaluate('new sys.Netlink().linkByName("lo").index');

    expect(output).toBe(1);
  });

  test('hasNamespacePrivilege returns false', async () => {
    expect(await evaluate('sys.hasNamespacePrivilege()')).toBe(false);
  });
});

async function errorOf(call: string): Promise<Record<string, unknown>> {
  const [all, tools] = [await import('../src/index.ts'), await import('../src/tools/index.ts')];
  const names = Object.keys({ ...all, ...tools }).join(', ');
  return (await evaluate(`(() => {
    const { ${names} } = sys;
    try { ${call} } catch (error) { return { ...error, message: error.message }; }
  })()`)) as Record<string, unknown>;
}

async function evaluate(expression: string): Promise<unknown> {
  const body = `process.stdout.write(JSON.stringify(${expression}));`;
  const child = runInProcess(body, WITHOUT_CAPABILITIES);
  return JSON.parse(await text(child.stdout)) as unknown;
}
