import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describeWith, programRequirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { built, SUCCESS } from './trial.ts';

const program = join(import.meta.dirname, 'print.mjs');
const runtimes = [
  // No remote modules and no permissions, because the two packages need none.
  { command: 'deno', args: ['run', '--no-remote', '--node-modules-dir=manual', '--no-prompt'] },
  { command: 'bun', args: ['run', '--no-install'] },
];

for (const { command, args } of runtimes) {
  describeWith(
    [built, programRequirement(command)],
    `@litz/core and @litz/wasm in ${command}`,
    () => {
      it('seal as noble does and carry a packet, with and without SIMD', () => {
        const options = { encoding: 'utf8', timeout: 60_000 } as const;
        expect(execFileSync(command, [...args, program], options).trim()).toBe(SUCCESS);
      });
    },
  );
}
