/**
 * Builds the documentation site to `docs/.site/out`: the guides, the pages of the packages, and the API docs
 * if `pnpm api-docs` has made them. Any server for files serves it. It asks no other host.
 *
 * @module
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'vitepress';
import { siteText } from './links.mjs';
import { root, sitePages } from './pages.mjs';

const site = join(root, 'docs/.site');
const sections = sitePages();
const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const hasApi = existsSync(join(root, 'docs/api/index.html'));

/** Writes the sources of the site into a folder of their own, with links that fit. */
function writePages() {
  rmSync(site, { recursive: true, force: true });
  const all = sections.flatMap((section) => section.pages);
  const places = {
    pages: new Map(all.map(({ source, path }) => [source, path])),
    repository: repository?.url.replace(/^git\+/, '').replace(/\.git$/, ''),
  };
  for (const { source, path } of all) {
    const { text, images } = siteText(readFileSync(join(root, source), 'utf8'), source, places);
    write(`${path}.md`, text);
    for (const image of images) cpSync(join(root, image), join(site, 'public', image));
  }
  write('index.md', HOME);
  const settings = { sections, hasApi, repository: places.repository ?? null };
  write('.vitepress/settings.json', JSON.stringify(settings));
  cpSync(join(root, 'docs/site/favicon.svg'), join(site, 'public/favicon.svg'));
  cpSync(join(root, 'docs/site/config.mjs'), join(site, '.vitepress/config.mjs'));
}

function write(path, text) {
  mkdirSync(dirname(join(site, path)), { recursive: true });
  writeFileSync(join(site, path), text);
}

const HOME = `---
layout: home
hero:
  name: Litz
  text: WireGuard in userspace
  tagline: A daemon that wg and wg-quick drive, sockets over a tunnel without root, and a library in TypeScript
  actions:
    - { theme: brand, text: Start here, link: /start }
    - { theme: alt, text: The library, link: /library }
features:
  - title: The daemon
    details: wg0.conf in, tunnel up. No kernel module, no ip, no wg.
    link: /daemon
  - title: Without root
    details: A SOCKS5 and HTTP proxy, and single ports in both directions.
    link: /proxy
  - title: Between the nodes of a cluster
    details: Transparent encryption beside the installed CNI.
    link: /mesh
---
`;

writePages();
await build(site);
if (hasApi) cpSync(join(root, 'docs/api'), join(site, 'out/api'), { recursive: true });
process.stdout.write(
  `docs/.site/out${hasApi ? '' : ', without the API docs: run pnpm api-docs first'}\n`,
);
