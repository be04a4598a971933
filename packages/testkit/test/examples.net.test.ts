import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith, programRequirement, requirement } from '../src/index.ts';
import { ExampleProject, readExamples } from './example-project.ts';

const builtPackages = requirement('the built packages', () =>
  existsSync(join(import.meta.dirname, '../../cli/dist/index.d.ts')) ? true : 'run `tsc -b` first',
);
const root = requirement('root', () => process.getuid?.() === 0);
const tunDevices = requirement('/dev/net/tun', () => existsSync('/dev/net/tun'));
const unshare = programRequirement('unshare');
const examples = readExamples().filter(({ needsRoot }) => needsRoot);

describeWith([builtPackages, root, tunDevices, unshare], 'the examples that need root', () => {
  let project: ExampleProject;

  beforeAll(() => {
    project = new ExampleProject(examples);
    project.compile();
  });

  afterAll(() => project.remove());

  test.each(examples)('$place runs in a network namespace', async (example) => {
    const { status, stdout, stderr } = await project.runInNamespace(example);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toBe(example.output ?? stdout);
  });
});
