/**
 * `sitePages`: which files of the repository are pages of the documentation site, and where.
 *
 * The sections are made from the files that exist. A new file in docs/ needs no entry here: it gets a place
 * among the guides.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/**
 * @typedef {object} Page
 * @property {string} source the file, as a path in the repository
 * @property {string} path the page, as a path in the site without `.md`
 * @property {string} title what the navigation calls it
 */

/** @typedef {{ title: string, pages: Page[] }} Section */

/** @returns {Section[]} */
export function sitePages() {
  const placed = new Set(ORDER.flatMap(({ sources }) => sources));
  const others = readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .map((name) => `docs/${name}`)
    .filter((source) => !placed.has(source));
  return ORDER.map(({ title, sources }) => ({
    title,
    pages: [...sources, ...(title === OTHERS ? others : [])]
      .filter((source) => existsSync(join(root, source)))
      .map((source) => ({ source, path: pathOf(source), title: titleOf(source) })),
  }));
}

/** `docs/mesh.md` is the page `mesh`, `packages/net/README.md` is `packages/net`. */
function pathOf(source) {
  return source
    .replace(/^docs\//, '')
    .replace(/(?:\/README)?\.md$/, '')
    .toLowerCase();
}

function titleOf(source) {
  if (TITLES[source]) return TITLES[source];
  const [, heading] = /^# (.+)$/m.exec(readFileSync(join(root, source), 'utf8')) ?? [];
  return (heading ?? pathOf(source)).replaceAll('`', '');
}

const OTHERS = 'Guides';
const PACKAGES = ['cli', 'device', 'net', 'config', 'core', 'netstack', 'tun', 'udp', 'wasm'];

/** The known files in the order of the navigation. Those that do not exist are left out. */
const ORDER = [
  {
    title: 'Begin',
    sources: ['docs/start.md', 'docs/daemon.md', 'docs/library.md', 'docs/proxy.md'],
  },
  {
    title: OTHERS,
    sources: ['docs/services.md', 'docs/forwarding.md', 'docs/mesh.md', 'deploy/README.md'],
  },
  {
    title: 'Operation',
    sources: [
      'docs/troubleshooting.md',
      'docs/capture.md',
      'docs/watching.md',
      'docs/upgrading.md',
      'SECURITY.md',
    ],
  },
  {
    title: 'Packages',
    sources: [...PACKAGES, 'openssl', 'sys', 'mesh'].map((name) => `packages/${name}/README.md`),
  },
  {
    title: 'Benchmarks',
    sources: ['packages/bench/RESULTS.md', 'packages/bench/README.md'],
  },
  {
    title: 'How it is built',
    sources: [
      'ARCHITECTURE.md',
      'CONTRIBUTING.md',
      'docs/recipes.md',
      'examples/README.md',
      'test-vectors/README.md',
      'docs/mutation.md',
    ],
  },
];

/** Titles that differ from the first heading. */
const TITLES = {
  'docs/services.md': 'Containers and systemd',
  'docs/proxy.md': 'Without root',
  'packages/bench/RESULTS.md': 'Results',
  'packages/bench/README.md': 'How they are measured',
};
