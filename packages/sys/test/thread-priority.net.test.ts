/**
 * Tests that a thread can set its real-time priority, and who may do so.
 */
import { text } from 'node:stream/consumers';
import {
  canRaiseRealtimeLimit,
  describeWith,
  programRequirement,
  realtimePriorities,
  requirement,
} from '@litz/testkit';
import { expect, test } from 'vitest';
import { builtSys, runInProcess, WITHOUT_CAPABILITIES } from './built.ts';
import { linuxCalls } from './requirements.ts';

const root = requirement('root', () => process.geteuid?.() === 0 || 'this is not root');
const required = [linuxCalls, builtSys, root, programRequirement('setpriv'), realtimePriorities];

/** `policy()`: the policy and the real-time priority of a thread, as /proc/PID/stat has them. */
const POLICY = `
  const { readFileSync } = await import('node:fs');
  const policy = (of = 'thread-self') =>
    readFileSync('/proc/' + of + '/stat', 'latin1').split(') ')[1].split(' ').slice(37, 39).reverse().join(' ');`;
const NORMAL = '0 0';
const REALTIME = '2 1';
/** The soft and the hard limit, and what is expected with them. */
const LARGER_LIMITS: [limits: string, expected: string][] = [
  ['0:5', `false,true,true ${REALTIME}`],
  ['1:1', `true,true,true ${REALTIME}`],
];

describeWith(required, 'setThreadPriority', () => {
  test('changes the priority of the calling thread only, and changes it back', async () => {
    const child = runInProcess(`${POLICY}
      const { readdirSync } = await import('node:fs');
      const before = policy();
      const results = [sys.setThreadPriority('realtime'), policy()];
      const others = readdirSync('/proc/self/task').filter((id) => policy('self/task/' + id) !== '${NORMAL}');
      results.push(others.length, sys.setThreadPriority('normal'), policy());
      console.log([before, ...results].join(', '));`);

    expect(await text(child.stdout)).toBe(`${NORMAL}, true, ${REALTIME}, 1, true, ${NORMAL}\n`);
  });

  test('gives threads and processes that start later the normal priority', async () => {
    const child = runInProcess(`${POLICY}
      const { execFileSync } = await import('node:child_process');
      sys.setThreadPriority('realtime');
      const started = execFileSync('cat', ['/proc/self/stat']).toString().split(') ')[1].split(' ');
      console.log(policy(), ',', started.slice(37, 39).reverse().join(' '));`);

    expect(await text(child.stdout)).toBe(`${REALTIME} , ${NORMAL}\n`);
  });

  test('returns false without the capability and without a limit', async () => {
    expect(await asUser(`sys.setThreadPriority('realtime')`, '0:0')).toBe(`false ${NORMAL}\n`);
  });
});

describeWith(required, 'setThreadPriority, in a process with a policy of its own', () => {
  test.each([
    ['--fifo 5', '1 5'],
    ['--batch 0', '3 0'],
  ])('leaves the policy of chrt %s as it is', async (flags, policy) => {
    const child = runInProcess(
      `${POLICY}
      console.log([sys.setThreadPriority('realtime'), sys.setThreadPriority('normal'), policy()].join(', '));`,
      ['chrt', ...flags.split(' ')],
    );
    expect(await text(child.stdout)).toBe(`false, false, ${policy}\n`);
  });
});

describeWith(required, 'allowRealtimePriority', () => {
  test.each([
    ['0:0', `false,false,false ${NORMAL}`],
    ...(canRaiseRealtimeLimit() ? LARGER_LIMITS : []),
  ])(
    'in a process without capabilities and with the limits %s, lets threads set the priority if the hard limit is large enough',
    async (limits, expected) => {
      const calls = `[sys.setThreadPriority('realtime'), sys.allowRealtimePriority(), sys.setThreadPriority('realtime')].join()`;
      expect(await asUser(calls, limits)).toBe(`${expected}\n`);
    },
  );
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
