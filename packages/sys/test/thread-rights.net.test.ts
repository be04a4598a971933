/**
 * Tests which rights each thread of a program has after the program has replaced a process.
 */
import { readdirSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describeWith, requirement } from '@litz/testkit';
import { expect, test } from 'vitest';
import { capabilitySet, readRights, type ThreadRights } from '../src/index.ts';
import { builtSys, runInProcess } from './built.ts';
import { linuxCalls } from './requirements.ts';

const root = requirement('root', () => process.geteuid?.() === 0 || 'this is not root');
const KEPT = capabilitySet(['CAP_NET_ADMIN', 'CAP_NET_RAW']);

describeWith([linuxCalls, builtSys, root], 'dropThreadRights and replaceProcess', () => {
  test('leave every thread of the new program with the kept capabilities only', async () => {
    const { threads, uid } = await afterDrop(`sys.dropThreadRights(${NAMES})`);

    expect(uid).toBe(0);
    expect(threads.length).toBeGreaterThan(4);
    for (const rights of threads) {
      expect(rights).toEqual({
        effective: KEPT,
        permitted: KEPT,
        inheritable: KEPT,
        bounding: KEPT,
        ambient: 0n,
        noNewPrivileges: true,
      });
    }
  });

  test('change the user of every thread; the ambient set keeps the capabilities', async () => {
    const user = '{ uid: 12345, gid: 12346, groups: [] }';

    const { threads, uid, gid, groups } = await afterDrop(
      `sys.dropThreadRights(${NAMES}, ${user})`,
    );

    expect({ uid, gid, groups }).toEqual({ uid: 12_345, gid: 12_346, groups: [12_346] });
    for (const rights of threads) expect(rights).toMatchObject({ effective: KEPT, ambient: KEPT });
  });

  test('give no capability that the thread did not have', async () => {
    const drop = `sys.dropThreadRights(['CAP_NET_RAW']); sys.dropThreadRights(${NAMES})`;

    const { threads } = await afterDrop(drop);

    const only = capabilitySet(['CAP_NET_RAW']);
    for (const rights of threads) expect(rights).toMatchObject({ permitted: only, bounding: only });
  });

  test('name the right that a change of the user needs', async () => {
    const child = runInProcess(`
      sys.dropThreadRights([]);
      try { sys.dropThreadRights([], { uid: 1, gid: 1, groups: [] }); } catch (error) { console.log(error.code, error.message); }`);

    expect(await text(child.stdout)).toMatch(
      /^ERR_LITZ_PERMISSION cannot change the user, .*CAP_SETUID.*: setuid: EPERM\n$/,
    );
  });
});

interface Found {
  readonly threads: ThreadRights[];
  readonly uid: number;
  readonly gid: number;
  readonly groups: number[];
}

/**
 * Drops rights in a process, replaces the process with a Node.js that waits, and reads the rights
 * of all threads of this Node.js.
 */
async function afterDrop(drop: string): Promise<Found> {
  const code =
    'console.log(JSON.stringify([process.getuid(), process.getgid(), process.getgroups()])); process.stdin.resume(); setInterval(() => {}, 1e6)';
  const child = runInProcess(`
    ${drop};
    sys.replaceProcess(process.execPath, ['node', '-e', ${JSON.stringify(code)}]);`);
  try {
    const line = await new Promise<string>((resolve) =>
      child.stdout.setEncoding('utf8').once('data', resolve),
    );
    const [uid, gid, groups] = JSON.parse(line) as [number, number, number[]];
    const folder = `/proc/${child.pid}/task`;
    const threads = readdirSync(folder).map((id) => readRights(`${folder}/${id}/status`));
    return { threads, uid, gid, groups };
  } finally {
    child.kill('SIGKILL');
  }
}

const NAMES = "['CAP_NET_ADMIN', 'CAP_NET_RAW']";
