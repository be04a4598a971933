/**
 * Tests that a thread can set its real-time priority, and who may do so.
 */
import { text } from 'node:stream/consumers';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { expect, test } from 'vitest';
import { readRights } from '../src/index.ts';
import { builtSys, runInProcess, WITHOUT_CAPABILITIES } from './built.ts';
import { linuxCalls } from './requirements.ts';

const root = requirement('root', () => process.geteuid?.() === 0 || 'this is not root');
const required = [linuxCalls, builtSys, root, programRequirement('setpriv')];
/** Some containers and virtual machines do not have this capability. */
const mayRaiseLimits = (readRights().effective & (1n << 24n)) !== 0n; // CAP_SYS_RESOURCE

/** `policy()`: the policy and the real-time priority of a thread, as /proc/PID/stat has them. */
const POLICY = `
  const { readFileSync } = await import('node:fs');
  const policy = (of = 'thread-self') =>
    readFileSync('/proc/' + of + '/stat', 'latin1').split(') ')[1].split(' ').slice(37, 39).reverse().join(' ');`;
const NORMAL = '0 0';
const REALTIME = '2 1';

describeWith(required, 'setRealtime', () => {
  test('changes the priority of the calling thread only, and changes it back', async () => {
    const child = runInProcess(`${POLICY}
      const { readdirSync } = await import('node:fs');
      const before = policy();
      const results = [sys.setRealtime(true), policy()];
      const others = readdirSync('/proc/self/task').filter((id) => policy('self/task/' + id) !== '${NORMAL}');
      results.push(others.length, sys.setRealtime(false), policy());
      console.log([before, ...results].join(', '));`);

    expect(await text(child.stdout)).toBe(`${NORMAL}, true, ${REALTIME}, 1, true, ${NORMAL}\n`);
  });

  test('gives threads and processes that start later the normal priority', async () => {
    const child = runInProcess(`${POLICY}
      const { execFileSync } = await import('node:child_process');
      sys.setRealtime(true);
      const started = execFileSync('cat', ['/proc/self/stat']).toString().split(') ')[1].split(' ');
      console.log(policy(), ',', started.slice(37, 39).reverse().join(' '));`);

    expect(await text(child.stdout)).toBe(`${REALTIME} , ${NORMAL}\n`);
  });

  test('returns false without the capability and without a limit', async () => {
    expect(await asUser('sys.setRealtime(true)', '0:0')).toBe(`false ${NORMAL}\n`);
  });

  test.runIf(mayRaiseLimits)(
    'needs no capability if the limit of real-time priorities is 1, and can be repeated',
    async () => {
      const calls = '[true, false, true].map((is) => sys.setRealtime(is)).join()';
      expect(await asUser(calls, '1:1')).toBe(`true,true,true ${REALTIME}\n`);
    },
  );
});

describeWith(required, 'allowRealtime', () => {
  const calls = '[sys.setRealtime(true), sys.allowRealtime(), sys.setRealtime(true)].join()';

  test('returns false if the hard limit is 0', async () => {
    expect(await asUser(calls, '0:0')).toBe(`false,false,false ${NORMAL}\n`);
  });

  test.runIf(mayRaiseLimits)('raises a soft limit up to the hard limit', async () => {
    expect(await asUser(calls, '0:5')).toBe(`false,true,true ${REALTIME}\n`);
  });
});

/** Runs an expression without capabilities, and returns its value and the priority after it. */
async function asUser(expression: string, limit: string): Promise<string> {
  const wrapper = ['prlimit', `--rtprio=${limit}`, ...WITHOUT_CAPABILITIES];
  const child = runInProcess(
    `${POLICY}
    console.log(${expression}, policy());`,
    wrapper,
  );
  return text(child.stdout);
}
