import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LIVE_PAGE_FILES, LivePage } from '../../src/serve/live-page.ts';
import { exampleDevice, examplePeer, exampleSource, NOW } from '../live/examples.ts';
import { Browser } from '../../../mesh/test/page/browser.ts';

/** The folder for screenshots of the page. If it is undefined, no screenshots are taken. */
const PICTURES = process.env['LITZ_PAGE_PICTURES'];
const folder = join(import.meta.dirname, '../../page');

let count: number;
/** How much later each reading is than the reading before it, in ms. */
let step: number;
let clock: { ms: number };
let page: LivePage;

beforeEach(async () => {
  [count, step] = [3, 1000];
  const example = exampleSource(['wg0'], new Map([['wg0', () => device()]]));
  clock = example.clock;
  page = await LivePage.open({ source: example.source, host: '127.0.0.1', port: 0 });
});
afterEach(() => page.close());

describe('LIVE_PAGE_FILES', () => {
  test('contains all files of the folder and all modules that they import, and only files that exist', () => {
    const locations = [...LIVE_PAGE_FILES.values()].map(({ location }) => location);
    for (const file of locations) expect([file.href, existsSync(file)]).toEqual([file.href, true]);
    const own = readdirSync(folder).filter((name) => /\.(?:js|css|html)$/.test(name));
    for (const name of own) {
      const path = name === 'index.html' ? '/' : `/cli/page/${name}`;
      expect([path, LIVE_PAGE_FILES.has(path)]).toEqual([path, true]);
      if (!name.endsWith('.js')) continue;
      for (const [, to = ''] of readFileSync(join(folder, name), 'utf8').matchAll(
        /^import .* from '(.*)'/gm,
      )) {
        const { pathname } = new URL(to, `http://localhost${path}`);
        expect([path, pathname, LIVE_PAGE_FILES.has(pathname)]).toEqual([path, pathname, true]);
      }
    }
  });
});

describe('LivePage', () => {
  test('serves a page that loads nothing from other servers, and a status without secrets', async () => {
    expect(await text(await ask('/'))).not.toMatch(/https?:|<script(?![^>]*src=)|style=|\son\w+=/);
    const status = await text(await ask('/status.json'));
    expect(JSON.parse(status)).toMatchObject({ version: 1, interfaces: [{ name: 'wg0' }] });
    expect(status).not.toContain(Buffer.alloc(32, 1).toString('base64'));
  });

  test('refuses other host names, cross-site requests, POST, and paths of other files', async () => {
    expect((await ask('/', { host: 'rebound.example' })).statusCode).toBe(403);
    expect((await ask('/events', { 'sec-fetch-site': 'cross-site' })).statusCode).toBe(403);
    expect((await ask('/status.json', {}, 'POST')).statusCode).toBe(405);
    expect((await ask('/cli/page/../package.json')).statusCode).toBe(404);
  });

  test('gives a new viewer the history first', async () => {
    for (let turn = 0; turn < 3; turn++) await text(await ask('/status.json'));
    const answer = await ask('/events');
    answer.setEncoding('utf8');
    let got = '';
    for await (const part of answer) {
      got += part as string;
      if (got.includes('\ndata: {"version"')) break;
    }
    const [, history = ''] = /event: history\ndata: (.*)\n/.exec(got) ?? [];
    // The three requests above have made three readings with rates. The reading before them, which
    // was made when the page was opened, has no rates.
    expect((JSON.parse(history) as { times: number[] }).times.length).toBe(3);
    expect(got.indexOf('history')).toBeLessThan(got.indexOf('"version"'));
  });

  test('reports that the port is in use, and closes its source', async () => {
    const port = Number(new URL(page.url).port);
    const { source, closed } = exampleSource(['wg0'], new Map());
    await expect(LivePage.open({ source, host: '127.0.0.1', port })).rejects.toThrow('EADDRINUSE');
    expect(closed).toEqual(['wg0']);
  });
});

describeWith([programRequirement('chromium')], 'the page of litz serve in Chromium', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await Browser.start();
    if (PICTURES !== undefined) mkdirSync(PICTURES, { recursive: true });
  });
  afterAll(() => browser.close());
  beforeEach(() => void browser.complaints.splice(0));
  // The browser leaves the page before the server closes. If the server closed first, the browser
  // would report an error.
  afterEach(() => browser.show('about:blank', { width: 1280 }));

  const screens = [1280, 360].flatMap((width) =>
    (['light', 'dark'] as const).map((scheme) => ({ width, scheme })),
  );
  test.each(screens)(
    'fits into $width pixels with the $scheme scheme',
    async ({ width, scheme }) => {
      count = 12;
      step = 20_000;
      // Seven minutes of history before the page is opened.
      for (let turn = 0; turn < 21; turn++) await text(await ask('/status.json'));
      await browser.show(page.url, { width, scheme });
      await browser.until(`document.querySelectorAll('#rows tr').length === 12`);
      const points = `document.querySelector('#chart .sum').getAttribute('d').split('L').length`;
      await browser.until(`${points} > 20`);
      await browser.evaluate(`document.querySelector('#rows tr:nth-child(2) .peer').click()`);
      expect(await browser.evaluate('document.documentElement.scrollWidth')).toBe(width);
      const background = await browser.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(background).toBe(scheme === 'dark' ? 'rgb(16, 21, 27)' : 'rgb(246, 247, 249)');
      if (PICTURES !== undefined) {
        await browser.screenshot(join(PICTURES, `live-${width}-${scheme}.png`));
      }
      expect(browser.complaints).toEqual([]);
    },
  );

  test('shows the values of a peer, the summary, the details of the interface, and the chart', async () => {
    await browser.show(page.url, { width: 1280 });
    await browser.until(`document.querySelector('#connection').textContent === 'live'`);
    const row = `document.querySelector('#rows tr').innerText.replaceAll('\\t', '|').replaceAll('\\n', '')`;
    await browser.until(`/Mbit/.test(${row})`);
    expect(await browser.evaluate(row)).toMatch(
      /^AAMD…DAwM\|connected\|wg0\|192\.0\.2\.3:51820\|.* s\|3\.0 ms\|2\.4 Mbit\/s\|0 bit\/s\|300\/s\|[\d,]+\|/,
    );
    const summary = await browser.evaluate<string>(`document.querySelector('#summary').innerText`);
    expect(summary).toMatch(/Connected\n2 of 3\n+Failing\n1\n+Receiving\n4\.0 Mbit\/s/);
    expect(await browser.evaluate(`document.querySelector('#detail').innerText`)).toMatch(
      /public key\n.*=\n+UDP port\n51820\n+cryptography\nopenssl\+wasm\n/,
    );
    await browser.evaluate(`document.querySelector('input[value="packets"]').click()`);
    const legend = `document.querySelector('#legend').innerText`;
    await browser.until(`/All tunnels\\n?500\\/s/.test(${legend})`);
  });

  test('can be used with the keyboard', async () => {
    await browser.show(page.url, { width: 1280 });
    await browser.until(`document.querySelectorAll('#rows tr').length === 3`);
    const focused = (): Promise<string> =>
      browser.evaluate(`document.activeElement.id || document.activeElement.textContent.trim()`);
    const seen: string[] = [];
    for (let turn = 0; turn < 9; turn++) {
      await browser.press('Tab');
      seen.push(await focused());
    }
    expect(seen.slice(0, 2)).toEqual(['To the peers', 'pause']);
    expect(seen.slice(3, 5)).toEqual(['filter', 'order']);
    expect(seen.slice(6)).toEqual(['AAMD…DAwM', 'AAIC…CAgI', 'AAEB…BAQE']);
    await browser.press('Enter');
    const title = `document.querySelector('#detail-title').textContent`;
    await browser.until(`${title} === 'Peer AAEB…BAQE'`);
    expect(await browser.evaluate(`document.querySelector('#detail').innerText`)).toMatch(
      /failing: 5 initiations without an answer/,
    );
    await browser.press('Escape');
    expect(await browser.evaluate(title)).toBe('Interfaces');
    expect(await focused()).toBe('AAEB…BAQE');
  });

  test('filters and sorts the peers', async () => {
    await browser.show(page.url, { width: 1280 });
    await browser.until(`document.querySelectorAll('#rows tr').length === 3`);
    const set = (id: string, value: string): Promise<void> =>
      browser.evaluate(
        `{ const e = document.getElementById('${id}'); e.value = '${value}'; e.dispatchEvent(new Event('input')); }`,
      );
    const names = `[...document.querySelectorAll('#rows .peer')].map((e) => e.textContent).join(' ')`;
    await set('order', 'state');
    expect(await browser.evaluate(names)).toBe('AAEB…BAQE AAIC…CAgI AAMD…DAwM');
    await set('filter', '10.0.0.2');
    expect(await browser.evaluate(names)).toBe('AAIC…CAgI');
  });

  test('with 10,000 peers, shows the sum of the rates and one page of the table', async () => {
    count = 10_000;
    await browser.show(page.url, { width: 1280 });
    await browser.until(`document.querySelectorAll('#rows tr').length === 50`);
    await browser.until(`document.querySelector('#chart .sum').getAttribute('d').includes('L')`);
    expect(await browser.evaluate(`document.querySelectorAll('#chart path').length`)).toBe(1);
    expect(await browser.evaluate(`document.querySelector('#more').textContent`)).toBe(
      'Show more (9950 left)',
    );
  });
});

/**
 * Returns the status at the next reading. Peer 1 does not answer. From each other peer, the device
 * receives 100 * `number` messages of 1000 bytes per second. If `step` is more than 1000 ms, the
 * number of bytes goes up and down, so that the chart shows waves.
 */
function device() {
  clock.ms += step;
  const seconds = clock.ms / 1000;
  const peers = Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    if (number === 1) return examplePeer(1, { lastHandshakeUnixMs: 0, unansweredInitiations: 5 });
    const wave = step > 1000 ? 1 + Math.sin(seconds / 60 + number) / 2 : 1;
    return examplePeer(number, {
      lastHandshakeUnixMs: NOW + clock.ms - 9000 * (number % 20),
      receivedBytes: Math.round(100_000 * number * seconds * wave),
      receivedMessages: 100 * number * seconds,
      sentBytes: number % 2 === 0 ? Math.round(40_000 * seconds) : 0,
      roundTripMs: number,
      drops: number === 3 ? { 'replayed-counter': Math.round(seconds) } : {},
    });
  });
  const status = exampleDevice(peers);
  status.details!.drops = { 'replayed-counter': Math.round(seconds), 'no-peer': 4 };
  return status;
}

async function ask(
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<IncomingMessage> {
  const sent = request(page.url, { path, method, headers, agent: false });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}
