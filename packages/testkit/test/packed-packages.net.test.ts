import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { describeWith, programRequirement, requirement } from '../src/index.ts';
import { PackedProject, type PackageManager } from './packed-project.ts';

const root = join(import.meta.dirname, '../../..');
const builtPackages = requirement('the built packages', () =>
  existsSync(join(root, 'packages/cli/dist/main.js')) ? true : 'run `tsc -b` first',
);

let project: PackedProject;

describeWith(
  [programRequirement('pnpm'), programRequirement('npm'), builtPackages],
  'the packages as published',
  () => {
    beforeAll(() => {
      project = new PackedProject();
      project.install('pnpm');
    });

    afterAll(() => project.remove());

    test('have code, types, sources and the licence, and nothing else', () => {
      for (const [name, files] of project.contents) {
        const isCode = /^(?:dist|src|assembly)\/.*\.(?:js|ts|map)$/;
        // Status pages are published as the files that browsers load.
        const hasPage = name === '@litz/mesh' || name === 'litz';
        const isPage = hasPage ? /^page\/[\w-]+\.(?:js|css|html)$/ : /^$/;
        const others = files.filter((file) => !isCode.test(file) && !isPage.test(file));
        const ofCommand =
          name === 'litz'
            ? ['bin/litz.js', 'grafana/litz.json', ...manualPages(), ...SERVICES]
            : [];
        expect([name, others.toSorted()]).toEqual([
          name,
          ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json', ...ofCommand].toSorted(),
        ]);
        expect(files).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.d.ts']));
      }
      expect(project.contents.size).toBeGreaterThanOrEqual(7);
    });

    test('run the example of the README', () => {
      const readme = readFileSync(join(root, 'README.md'), 'utf8');
      const [, example = ''] = /```js\n(.*?)```/s.exec(readme) ?? [];
      project.write('readme.js', example);
      expect(project.run(process.execPath, ['readme.js'])).toEqual({
        status: 0,
        stdout: 'hello\n',
        stderr: '',
      });
    });

    test('provide their types to a strict program', () => {
      const example = readFileSync(join(root, 'examples/two-peers-in-memory/main.ts'), 'utf8');
      const packets = readFileSync(join(root, 'examples/udp-packet.ts'), 'utf8');
      project.write('peers.ts', example.replace('../udp-packet.ts', './udp-packet.ts'));
      project.write('udp-packet.ts', packets);
      project.write('wrong.ts', WRONG);
      project.write('tsconfig.json', TSCONFIG);
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      const { stdout } = project.run(process.execPath, [tsc]);
      expect(stdout).toBe(
        'wrong.ts(5,3): error TS2322: ' +
          "Type 'number' is not assignable to type 'string | PrivateKey | null'.\n",
      );
    });

    test('run `litz genkey` in at most 60 ms more than an empty program takes', () => {
      const litz = join(project.folder, 'node_modules/litz/bin/litz.js');
      const times = { bare: [] as number[], litz: [] as number[] };
      for (let round = 0; round < 20; round++) {
        times.bare.push(millisecondsOf(['--eval', '0']));
        times.litz.push(millisecondsOf([litz, 'genkey']));
      }
      // The shortest times are compared, because other programs on the machine only add to a time.
      expect(Math.min(...times.litz) - Math.min(...times.bare)).toBeLessThan(60);
    });

    test('install the command litz', () => {
      const litz = join(project.folder, 'node_modules/.bin/litz');
      const { status, stdout, stderr } = project.run(litz, ['genkey']);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
    });
  },
);

for (const manager of ['npm', 'pnpm'] satisfies PackageManager[]) {
  const requirements = [programRequirement('npm'), programRequirement(manager), builtPackages];
  describeWith(requirements, `${manager} install`, () => {
    test('installs all that system calls need, without install scripts, which pnpm refuses', () => {
      const own = new PackedProject();
      onTestFinished(() => own.remove());
      own.install(manager);
      own.write('ffi.js', FFI);
      expect(own.run(process.execPath, ['ffi.js'])).toEqual({
        status: 0,
        stdout: process.platform === 'linux' ? 'true\n' : 'ERR_LITZ_UNSUPPORTED_PLATFORM\n',
        stderr: '',
      });
    });
  });
}

/** Returns the time that a program takes, in ms. */
function millisecondsOf(args: string[]): number {
  const start = performance.now();
  expect(project.run(process.execPath, args).status).toBe(0);
  return performance.now() - start;
}

/**
 * Returns the pages that `npm install --global` links into the folders of man, by their paths in
 * the tarball.
 */
function manualPages(): string[] {
  const manifest = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8')) as {
    man: string[];
  };
  return manifest.man.map((page) => page.replace('./', ''));
}

const WRONG = `import { Device } from '@litz/device';

export const device: Promise<Device> = Device.create({
  tun: 'wg0',
  privateKey: 5,
});
`;

const FFI = `import { boottimeMs } from '@litz/sys';
try {
  console.log(boottimeMs() > 0);
} catch (error) {
  console.log(error.code);
}
`;

const TSCONFIG = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    types: ['node'],
  },
  include: ['*.ts'],
};

/** The files for service managers. */
const SERVICES = ['litz-up@.service', 'litz.openrc', 'litz@.service', 'sysusers.conf'].map(
  (file) => `service/${file}`,
);
