/**
 * A project of a user's, into which the packages are installed as they would be published.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const packages = join(import.meta.dirname, '../..');

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

/**
 * Nothing is fetched: Litz comes out of tarballs, and what it depends on out of the workspace, where
 * the lockfile has put it.
 */
export class PackedProject {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'litz-packed-'));
  /** Paths in the tarball, by package. */
  readonly contents: Map<string, readonly string[]> = new Map<string, readonly string[]>();
  readonly #published: readonly { folder: string; manifest: Manifest }[] = publishedPackages();

  /** @throws {Error} packing or installing failed, with what pnpm said */
  install(): void {
    const overrides: Record<string, string> = {};
    for (const { folder, manifest } of this.#published) {
      overrides[manifest.name] = `file:${this.#pack(folder, manifest.name)}`;
      for (const name of foreignDependencies(manifest)) {
        overrides[name] = `link:${realpathSync(join(folder, 'node_modules', name))}`;
      }
    }
    const types = realpathSync(join(packages, '../node_modules/@types/node'));
    this.write('package.json', {
      name: 'project-of-a-user',
      private: true,
      type: 'module',
      dependencies: Object.fromEntries(
        this.#published.map(({ manifest }) => [manifest.name, overrides[manifest.name]]),
      ),
      devDependencies: { '@types/node': `link:${types}` },
    });
    // JSON is YAML.
    this.write('pnpm-workspace.yaml', { overrides });
    const store = join(this.folder, 'store');
    this.#check('pnpm', ['install', '--offline', '--ignore-scripts', '--store-dir', store]);
  }

  /** @param content a text, or an object for JSON */
  write(file: string, content: string | object): void {
    const text = typeof content === 'string' ? content : JSON.stringify(content, undefined, 2);
    writeFileSync(join(this.folder, file), text);
  }

  /** Runs a program in the project. */
  run(program: string, args: readonly string[], cwd: string = this.folder): Run {
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      cwd,
      encoding: 'utf8',
      timeout: 60_000,
      env: environment(),
    });
    if (error) throw error;
    return { status, stdout, stderr };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** @returns the path of the tarball */
  #pack(folder: string, name: string): string {
    const output = this.#check(
      'pnpm',
      ['pack', '--json', '--pack-destination', this.folder],
      folder,
    );
    const { filename, files } = JSON.parse(output) as {
      filename: string;
      files: { path: string }[];
    };
    this.contents.set(
      name,
      files.map(({ path }) => path),
    );
    return filename;
  }

  #check(program: string, args: string[], cwd?: string): string {
    const { status, stdout, stderr } = this.run(program, args, cwd);
    if (status === 0) return stdout;
    throw new Error(`${program} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  }
}

function publishedPackages(): { folder: string; manifest: Manifest }[] {
  return readdirSync(packages)
    .map((name) => join(packages, name))
    .map((folder) => ({
      folder,
      manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest,
    }))
    .filter(({ manifest }) => !manifest.private);
}

/** What is not Litz. */
function foreignDependencies({ dependencies, optionalDependencies }: Manifest): string[] {
  return Object.entries({ ...dependencies, ...optionalDependencies })
    .filter(([, version]) => !version.startsWith('workspace:'))
    .map(([name]) => name);
}

/** Without what the surrounding pnpm and vitest tell their children. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:npm_|pnpm_|NODE_|VITEST)/i.test(name)),
  );
}
