/**
 * `PackedProject`: a project of a user in which the packages are installed as they would be
 * published.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
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

/** The package managers that a user may have. */
export type PackageManager = 'npm' | 'pnpm';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

/**
 * Nothing is fetched. Litz and its dependencies are installed from tarballs. The dependencies are
 * packed from the workspace, in the versions of the lockfile. Install scripts are not switched off,
 * so a dependency with such a script makes pnpm fail, as it does for a user.
 */
export class PackedProject {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'litz-packed-'));
  /** The paths in the tarball of each package. */
  readonly contents: Map<string, readonly string[]> = new Map<string, readonly string[]>();
  readonly #published: readonly { folder: string; manifest: Manifest }[] = publishedPackages();

  /**
   * Packs and installs all packages.
   *
   * @throws {Error} a program failed; the message has the output of this program
   */
  install(manager: PackageManager): void {
    const tarballs: Record<string, string> = {};
    for (const { name, file, contents } of this.#packAll()) {
      tarballs[name] = `file:${file}`;
      this.contents.set(name, contents);
    }
    for (const { folder, manifest } of this.#published) {
      this.#packForeign(folder, manifest, tarballs);
    }
    const types = realpathSync(join(packages, '../node_modules/@types/node'));
    this.write('package.json', {
      name: 'project-of-a-user',
      private: true,
      type: 'module',
      dependencies: Object.fromEntries(
        this.#published.map(({ manifest }) => [manifest.name, tarballs[manifest.name]]),
      ),
      ...(manager === 'npm' ? { overrides: npmOverrides(this.#published, tarballs) } : {}),
    });
    if (manager === 'pnpm') {
      // Each JSON text is also YAML.
      this.write('pnpm-workspace.yaml', { overrides: tarballs });
      this.#check('pnpm', ['install', '--offline', '--store-dir', join(this.folder, 'store')]);
    } else {
      const cache = join(this.folder, 'cache');
      this.#check('npm', ['install', '--offline', '--no-audit', '--no-fund', '--cache', cache]);
    }
    mkdirSync(join(this.folder, 'node_modules/@types'), { recursive: true });
    symlinkSync(types, join(this.folder, 'node_modules/@types/node'));
  }

  /** Writes a file of the project. @param content a text, or an object for JSON */
  write(file: string, content: string | object): void {
    const text = typeof content === 'string' ? content : JSON.stringify(content, undefined, 2);
    writeFileSync(join(this.folder, file), text);
  }

  /** Runs a program in the project. */
  run(program: string, args: readonly string[], cwd: string = this.folder): Run {
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      cwd,
      encoding: 'utf8',
      timeout: 120_000,
      env: environment(),
    });
    if (error) throw error;
    return { status, stdout, stderr };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Packs the packages of Litz with the program that is used to publish them. */
  #packAll(): { name: string; file: string; contents: string[] }[] {
    const program = join(packages, '../release/pack.mjs');
    const output = this.#check(process.execPath, [program, join(this.folder, 'packed')]);
    return JSON.parse(output) as { name: string; file: string; contents: string[] }[];
  }

  /**
   * Packs the dependencies of a package except Litz, and their dependencies. Adds the tarballs to
   * `tarballs`.
   */
  #packForeign(folder: string, manifest: Manifest, tarballs: Record<string, string>): void {
    for (const name of foreignDependencies(manifest)) {
      if (tarballs[name]) continue;
      const linked = join(folder, 'node_modules', name);
      const source = existsSync(linked) ? realpathSync(linked) : this.#standIn(name, manifest);
      tarballs[name] = `file:${this.#tar(source, name)}`;
      // In pnpm's store, the dependencies of a package are beside it.
      const beside = name.includes('/') ? '../../..' : '../..';
      this.#packForeign(join(source, beside), manifestOf(source), tarballs);
    }
  }

  /**
   * Packs a package that pnpm has installed, with all its files. `npm pack` is not used, because
   * npm 11 fails with some packages ("Exit handler never called").
   *
   * @returns the path of the tarball
   */
  #tar(source: string, name: string): string {
    const folder = mkdtempSync(join(this.folder, 'foreign-'));
    cpSync(source, join(folder, 'package'), {
      recursive: true,
      filter: (path) => !path.slice(source.length).startsWith('/node_modules'),
    });
    const tarball = join(this.folder, `${name.replace('@', '').replace('/', '-')}.tgz`);
    this.#check('tar', ['-czf', tarball, '-C', folder, 'package']);
    return tarball;
  }

  /**
   * Makes an empty package in place of a binary for another machine, which is not installed here.
   *
   * @returns its folder
   */
  #standIn(name: string, { optionalDependencies }: Manifest): string {
    if (!optionalDependencies?.[name]) throw new Error(`${name} is not installed`);
    const [, system, processor] = /-(\w+)-(\w+)$/.exec(name) ?? [];
    const folder = join(this.folder, 'stand-ins', name);
    mkdirSync(folder, { recursive: true });
    const manifest = { name, version: '0.0.0', os: [system], cpu: [processor] };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    return folder;
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
      manifest: manifestOf(folder),
    }))
    .filter(({ manifest }) => !manifest.private);
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/**
 * Returns the overrides for npm, which wants a reference to each direct dependency of the project.
 */
function npmOverrides(
  published: readonly { manifest: Manifest }[],
  tarballs: Record<string, string>,
): Record<string, string> {
  const direct = published.map(({ manifest }) => [manifest.name, `$${manifest.name}`]);
  return { ...tarballs, ...(Object.fromEntries(direct) as Record<string, string>) };
}

/** Returns the dependencies that are not packages of Litz. */
function foreignDependencies({ dependencies, optionalDependencies }: Manifest): string[] {
  return Object.entries({ ...dependencies, ...optionalDependencies })
    .filter(([, version]) => !version.startsWith('workspace:'))
    .map(([name]) => name);
}

/** Returns the environment without the variables of the surrounding pnpm and vitest. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:npm_|pnpm_|NODE_|VITEST)/i.test(name)),
  );
}
