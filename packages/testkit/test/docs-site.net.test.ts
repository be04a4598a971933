import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Browser } from '../../mesh/test/page/browser.ts';
import { describeWith, programRequirement, requirement } from '../src/index.ts';

const out = join(import.meta.dirname, '../../../docs/.site/out');
const builtSite = requirement('the documentation site', () =>
  existsSync(join(out, 'api/index.html')) ? true : 'run `pnpm api-docs` and `pnpm docs:site` first',
);
const TYPEDOC = join(out, '../../typedoc.json');
/** The folder for pictures of the pages. Default: no pictures are made. */
const PICTURES = process.env['LITZ_PAGE_PICTURES'];

describeWith([builtSite, programRequirement('chromium')], 'the documentation site', () => {
  let server: Server;
  let site: string;
  let browser: Browser;

  beforeAll(async () => {
    server = createServer(({ url = '/' }, response) => {
      const path = join(out, url.endsWith('/') ? `${url}index.html` : (url.split('?')[0] ?? ''));
      const found = path.startsWith(out) && existsSync(path);
      response.writeHead(found ? 200 : 404, {
        'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
        // If a page loads something from another host, the browser refuses to load it, and reports
        // this in `browser.complaints`.
        'content-security-policy': POLICY,
      });
      response.end(found ? readFileSync(path) : 'not found');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await Browser.start();
  });

  afterAll(async () => {
    await browser.close();
    server.closeAllConnections();
    server.close();
  });

  beforeEach(() => void browser.complaints.splice(0));
  afterEach(() => browser.show('about:blank', { width: 1280 }));

  test('leads from its first page to every page, and each opens without a fault', async () => {
    await browser.show(`${site}/start.html`, { width: 1280 });
    await browser.until(`document.querySelectorAll('.VPSidebar a').length > 10`);
    const links = await browser.evaluate<string[]>(
      `[...document.querySelectorAll('.VPSidebar a')].map(({ pathname }) => pathname)`,
    );
    expect(links.map((path) => path.replace(/^\/|\.html$/g, ''))).toEqual(
      expect.arrayContaining(PAGES),
    );
    for (const path of links) {
      await browser.show(site + path, { width: 1280 });
      await browser.until(`document.querySelector('.VPDoc h1')`);
      const dead = await browser.evaluate<string[]>(DEAD_ANCHORS);
      expect({ path, dead, complaints: browser.complaints }).toEqual({
        path,
        dead: [],
        complaints: [],
      });
    }
  });

  test('goes from page to page with a click', async () => {
    await browser.show(`${site}/`, { width: 1280 });
    await browser.until(`document.querySelector('.VPHero')`);
    await browser.evaluate(`document.querySelector('.VPHero .action a').click()`);
    await browser.until(`location.pathname === '/start.html'`);
    await browser.until(`document.querySelector('h1').textContent.includes('Start here')`);
    await browser.evaluate(
      `document.querySelector('.VPDoc a[href="/troubleshooting.html"]').click()`,
    );
    await browser.until(`document.querySelector('h1').textContent.includes('Troubleshooting')`);
    expect(browser.complaints).toEqual([]);
  });

  test('finds a page by a word in it', async () => {
    await browser.show(`${site}/start.html`, { width: 1280 });
    await browser.until(`document.querySelector('.VPNavBarSearch button')`);
    await browser.evaluate(`document.querySelector('.VPNavBarSearch button').click()`);
    await browser.until(`document.querySelector('.search-input')`);
    await browser.evaluate(`{
      const input = document.querySelector('.search-input');
      input.value = 'masquerade';
      input.dispatchEvent(new Event('input', { bubbles: true }));
    }`);
    await browser.until(`document.querySelector('.results a[href*="/forwarding.html"]')`);
    if (PICTURES) await browser.screenshot(join(PICTURES, 'docs-search.png'), 900);
    await browser.evaluate(
      `document.querySelector('.results a[href*="/forwarding.html"]').click()`,
    );
    await browser.until(`location.pathname === '/forwarding.html'`);
    expect(browser.complaints).toEqual([]);
  });

  test.each([
    [1280, 'light'],
    [1280, 'dark'],
    [390, 'light'],
    [390, 'dark'],
  ] as const)('fits a screen of %i pixels, %s', async (width, scheme) => {
    for (const page of ['', 'start', 'forwarding', 'packages/bench/results']) {
      await browser.show(`${site}/${page && `${page}.html`}`, { width, scheme });
      await browser.until(`document.querySelector('.VPHero, .VPDoc h1')`);
      const [red = 0] = await browser.evaluate<number[]>(
        `getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)`,
      );
      expect(red < 128).toBe(scheme === 'dark');
      expect(await browser.evaluate('document.documentElement.scrollWidth')).toBe(width);
      const name = `docs-${page.replaceAll('/', '-') || 'home'}-${width}-${scheme}.png`;
      if (PICTURES) await browser.screenshot(join(PICTURES, name), 1400);
    }
    expect(browser.complaints).toEqual([]);
  });

  test('opens the navigation on a narrow screen', async () => {
    await browser.show(`${site}/start.html`, { width: 390 });
    await browser.until(`document.querySelector('.VPLocalNav .menu')`);
    await browser.evaluate(`document.querySelector('.VPLocalNav .menu').click()`);
    await browser.until(`document.querySelector('.VPSidebar.open a[href="/daemon.html"]')`);
    await browser.evaluate(
      `document.querySelector('.VPSidebar.open a[href="/daemon.html"]').click()`,
    );
    await browser.until(`document.querySelector('h1').textContent.includes('The daemon')`);
    expect(browser.complaints).toEqual([]);
  });

  test('switches to dark by its own button', async () => {
    await browser.show(`${site}/start.html`, { width: 1280, scheme: 'light' });
    await browser.until(`document.querySelector('.VPSwitchAppearance')`);
    await browser.evaluate(`document.querySelector('.VPSwitchAppearance').click()`);
    await browser.until(`document.documentElement.classList.contains('dark')`);
    await browser.evaluate(`localStorage.clear()`);
    expect(browser.complaints).toEqual([]);
  });

  test('has the API docs of each package', async () => {
    const { entryPoints } = JSON.parse(readFileSync(TYPEDOC, 'utf8')) as { entryPoints: string[] };
    const folders = new Set(entryPoints.map((path) => path.split('/')[2]));
    expect(folders.size).toBeGreaterThan(10);
    for (const folder of folders) {
      const name = folder === 'cli' ? 'litz' : `@litz/${folder}`;
      const page = name.replaceAll(/[^a-z]/g, '_');
      await browser.show(`${site}/api/modules/${page}.html`, { width: 1280 });
      await browser.until(`document.querySelector('h1').textContent.includes('${name}')`);
    }
    expect(browser.complaints).toEqual([]);
  });

  test('loads nothing from another host in its HTML and CSS', () => {
    const files = readdirSync(out, { recursive: true, encoding: 'utf8' });
    const loads =
      /(?:<(?:script|link|img|iframe)[^>]*?(?:src|href)="|url\(["']?|@import ["'])(?:https?:)?\/\/[^"')]+/g;
    const foreign = files
      .filter((file) => /\.(?:html|css)$/.test(file))
      .flatMap((file) => readFileSync(join(out, file), 'utf8').match(loads) ?? []);
    expect(files.length).toBeGreaterThan(50);
    expect(foreign).toEqual([]);
  });
});

/** Pages that the navigation must list. */
const PAGES = [
  'start',
  'library',
  'daemon',
  'services',
  'forwarding',
  'proxy',
  'mesh',
  'troubleshooting',
  'security',
  'upgrading',
  'packages/bench/results',
  'architecture',
];

/** Links within the page that lead nowhere. */
const DEAD_ANCHORS = `[...document.querySelectorAll('.VPDoc .vp-doc a[href^="#"]')]
  .map((link) => decodeURIComponent(link.getAttribute('href').slice(1)))
  .filter((id) => !document.getElementById(id))`;

const POLICY = "default-src 'self' data: 'unsafe-inline' 'unsafe-eval'";
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};
