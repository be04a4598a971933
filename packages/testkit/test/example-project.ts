/**
 * `ExampleProject`: a project outside of the repository, with the examples of all packages.
 *
 * The packages are linked into its `node_modules`, so an example gets what a user gets: the built
 * code, and the built types.
 *
 * @module
 */
import { execFile, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { examplesIn, type Example } from './examples.ts';
import { sourceFiles } from './imports.ts';

export interface PlacedExample extends Example {
  /** `packages/core/src/engine.ts:31`, as editors open it. */
  readonly place: string;
  /** The file of the project, without its extension. */
  readonly file: string;
}

export interface ExampleRun {
  /** null if the example did not end in time. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class ExampleProject {
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'litz-examples-'));
  readonly #examples: readonly PlacedExample[];

  constructor(examples: readonly PlacedExample[]) {
    this.#examples = examples;
    for (const name of readdirSync(packages)) this.#link(join(packages, name));
    this.#link(join(root, 'node_modules/@types/node'), '@types/node');
    writeFileSync(join(this.#folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
    writeFileSync(join(this.#folder, 'loopback-up.mjs'), LOOPBACK_UP);
    for (const { file, code } of examples) writeFileSync(join(this.#folder, `${file}.mts`), code);
  }

  /**
   * Compiles all examples in one run of `tsc`.
   *
   * @returns the errors; each begins with its place in the sources of the packages
   */
  compile(): string[] {
    const { stdout } = spawnSync(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc')],
      {
        cwd: this.#folder,
        encoding: 'utf8',
        timeout: 60_000,
      },
    );
    const errors = stdout.split('\n').filter((line) => line !== '');
    return errors.map((error) => this.#inSource(error));
  }

  /** Runs a compiled example in a process of its own. */
  run({ file }: PlacedExample): Promise<ExampleRun> {
    return this.#run(process.execPath, [`${file}.mjs`]);
  }

  /**
   * Runs a compiled example as root of this machine, in network and mount namespaces of its own.
   */
  runInNamespace({ file }: PlacedExample): Promise<ExampleRun> {
    const words = ['--net', '--mount', 'sh', '-ec', IN_NAMESPACE, process.execPath, `${file}.mjs`];
    return this.#run('unshare', words);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(program: string, args: readonly string[]): Promise<ExampleRun> {
    return new Promise((resolve) => {
      const child = execFile(
        program,
        args,
        { cwd: this.#folder, timeout: EXAMPLE_MS, killSignal: 'SIGKILL' },
        (_error, stdout, stderr) => resolve({ status: child.exitCode, stdout, stderr }),
      );
    });
  }

  #link(folder: string, name: string = nameOf(folder)): void {
    const link = join(this.#folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(folder, link);
  }

  /**
   * `core-src-engine-ts-31.mts(2,10): error ...` becomes
   * `packages/core/src/engine.ts:32:10: error ...`.
   */
  #inSource(error: string): string {
    const [, file, line, column, text] = /^(.+)\.mts\((\d+),(\d+)\): (.*)$/.exec(error) ?? [];
    const example = this.#examples.find((candidate) => candidate.file === file);
    if (!example) return error;
    const source = example.place.slice(0, example.place.lastIndexOf(':'));
    return `${source}:${example.line + Number(line) - 1}:${column}: ${text}`;
  }
}

/** Reads the examples in the sources of all packages. */
export function readExamples(): PlacedExample[] {
  return readdirSync(packages)
    .flatMap((name) => sourceFiles(join(packages, name, 'src')))
    .flatMap((path) =>
      examplesIn(readFileSync(path, 'utf8')).map((example) => ({
        ...example,
        place: `${relative(root, path)}:${example.line}`,
        file: `${relative(packages, path).replaceAll(/\W+/g, '-')}-${example.line}`,
      })),
    );
}

function nameOf(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name?: string;
  };
  return manifest.name ?? basename(folder);
}

const root = join(import.meta.dirname, '../../..');
const packages = join(root, 'packages');

/** In ms: enough for a repeated handshake on a busy machine. */
const EXAMPLE_MS = 30_000;

/**
 * Runs an example ($1) in new namespaces. At first, the loopback interface is down there, and the
 * folder of UAPI sockets is that of the machine. So the script mounts an empty folder, and sets the
 * interface up.
 */
const IN_NAMESPACE = `
mkdir -p /var/run/wireguard
mount -t tmpfs -o mode=755 tmpfs /var/run/wireguard
"$0" loopback-up.mjs
exec "$0" "$1"
`;

const LOOPBACK_UP = `import { Netlink } from '@litz/sys';
const netlink = new Netlink();
netlink.setLink(1, { up: true });
netlink.close();
`;

const TSCONFIG = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023'],
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noUnusedLocals: true,
    types: ['node'],
  },
  include: ['*.mts'],
};
