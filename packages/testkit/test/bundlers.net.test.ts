import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { describeWith, programRequirement, requirement } from '../src/index.ts';
import { PackedProject } from './packed-project.ts';

const root = join(import.meta.dirname, '../../..');
const requirements = [
  programRequirement('npm'),
  programRequirement('unshare'),
  requirement('root', () => process.getuid?.() === 0),
  requirement('/dev/net/tun', () => existsSync('/dev/net/tun')),
  requirement('the built packages', () =>
    existsSync(join(root, 'packages/cli/dist/main.js')) ? true : 'run `tsc -b` first',
  ),
];

type Entries = Record<string, string>;

/** The bundlers that docs/library.md names: how each makes files from entries. */
const BUNDLERS: Record<string, (entryPoints: Entries, outdir: string) => Promise<unknown>> = {
  esbuild: async (entryPoints, outdir) =>
    build({
      entryPoints,
      outdir,
      bundle: true,
      platform: 'node',
      format: 'esm',
      absWorkingDir: project.folder,
      logLevel: 'silent',
    }),
  async rolldown(input, dir) {
    const bundle = await rolldown({ input, platform: 'node', cwd: project.folder });
    await bundle.write({ dir, format: 'esm' });
    await bundle.close();
  },
};

let project: PackedProject;

describeWith(requirements, 'a program that a bundler has made', () => {
  beforeAll(() => {
    project = new PackedProject();
    project.install('npm');
    project.write('device.js', DEVICE);
    project.write('threads.js', THREADS);
    project.write('stream.js', STREAM);
  });

  afterAll(() => project.remove());

  test.each(Object.keys(BUNDLERS))('can open a device with an interface (%s)', async (bundler) => {
    const threads = { 'linux-worker': '@litz/device/linux-worker' };
    const folder = await bundle(bundler, { program: './device.js', ...threads });
    expect(runIn(folder)).toEqual({ status: 0, stdout: 'litzbundle0 true\n', stderr: '' });
  });

  test.each(Object.keys(BUNDLERS))(
    'can open a device with several threads (%s)',
    async (bundler) => {
      const threads = {
        'linux-worker': '@litz/device/linux-worker',
        'cipher-worker': '@litz/device/cipher-worker',
      };
      const folder = await bundle(bundler, { program: './threads.js', ...threads });
      expect(runIn(folder)).toEqual({ status: 0, stdout: '2\n', stderr: '' });
    },
  );

  test.each(Object.keys(BUNDLERS))('can open a stream of packets (%s)', async (bundler) => {
    const threads = { 'readiness-worker': '@litz/tun/readiness-worker' };
    const folder = await bundle(bundler, { program: './stream.js', ...threads });
    expect(runIn(folder)).toEqual({ status: 0, stdout: 'litzbundle1 closed\n', stderr: '' });
  });

  test.each(Object.keys(BUNDLERS))(
    'fails without the entry of the thread, and names that entry (%s)',
    async (bundler) => {
      const folder = await bundle(bundler, { program: './device.js' });
      const { status, stderr } = runIn(folder);
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringContaining('from the entry @litz/device/linux-worker') as string,
      });
    },
  );
});

/** Makes the files in a folder that has nothing else but the binary of koffi. */
async function bundle(bundler: string, entries: Entries): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'litz-bundle-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const koffi = `node_modules/@koromix/koffi-linux-${process.arch}`;
  mkdirSync(dirname(join(folder, koffi)), { recursive: true });
  cpSync(join(project.folder, koffi), join(folder, koffi), { recursive: true });
  await BUNDLERS[bundler]?.(entries, folder);
  return folder;
}

function runIn(cwd: string): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['--net', process.execPath, 'program.js'],
    { cwd, encoding: 'utf8', timeout: 30_000, env: { PATH: process.env['PATH'] } },
  );
  return { status, stdout, stderr };
}

const DEVICE = `import { generateKeyPair } from '@litz/core';
import { Device } from '@litz/device';

const { privateKey } = generateKeyPair();
const device = await Device.create({ tun: 'litzbundle0', privateKey });
const { listenPort } = await device.status();
console.log(device.name, listenPort > 0);
await device.close();
`;

const THREADS = `import { setTimeout } from 'node:timers/promises';
import { Device } from '@litz/device';

const device = await Device.create({ tun: 'litzbundle2', threads: 2 });
let threads = 1;
for (let i = 0; i < 200 && threads < 2; i++) {
  await setTimeout(50);
  ({ threads } = await device.stats());
}
console.log(threads);
await device.close();
`;

const STREAM = `import { TunStream } from '@litz/tun';

const stream = new TunStream({ name: 'litzbundle1' });
stream.on('data', () => {});
stream.on('close', () => console.log(stream.name, 'closed'));
await new Promise((resolve) => setTimeout(resolve, 200));
stream.destroy();
`;
