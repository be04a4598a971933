/**
 * The settings of VitePress. `build.mjs` copies this file beside the pages.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const file = join(import.meta.dirname, 'settings.json');
const { sections, hasApi, repository } = JSON.parse(readFileSync(file, 'utf8'));

// For a server that has the site in a folder: LITZ_DOCS_BASE=/litz/
const base = process.env.LITZ_DOCS_BASE ?? '/';

const sidebar = sections.map(({ title, pages }) => ({
  text: title,
  collapsed: title === 'Packages' ? true : undefined,
  items: pages.map(({ title: text, path }) => ({ text, link: `/${path}` })),
}));

export default {
  title: 'Litz',
  description: 'WireGuard in userspace, in TypeScript',
  lang: 'en',
  outDir: 'out',
  base,
  head: [['link', { rel: 'icon', href: `${base}favicon.svg` }]],
  metaChunk: true,
  vite: { logLevel: 'warn' },
  themeConfig: {
    nav: [
      { text: 'Start here', link: '/start' },
      { text: 'Library', link: '/library' },
      { text: 'Daemon', link: '/daemon' },
      ...(hasApi ? [{ text: 'API', link: '/api/index.html', target: '_self' }] : []),
    ],
    sidebar,
    outline: [2, 3],
    search: { provider: 'local' },
    ...(repository && { socialLinks: [{ icon: 'git', link: repository }] }),
  },
};
