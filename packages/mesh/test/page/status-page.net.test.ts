import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describeWith, programRequirement } from '@litz/testkit';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
} from 'vitest';
import { StatusPage } from '../../src/page/status-page.ts';
import type { MeshStatus } from '../../src/status/mesh-status.ts';
import { Browser } from './browser.ts';
import { exampleStatus } from './example-status.ts';

/** The folder for screenshots of the page; absent: none are taken. */
const PICTURES = process.env['LITZ_PAGE_PICTURES'];

/** Each status shows the next second of the example. */
let second: number;
let status: () => MeshStatus | Promise<MeshStatus>;
let page: StatusPage;

beforeEach(async () => {
  second = 0;
  status = () => exampleStatus({ count: 3, second: second++ });
  page = await StatusPage.open({ status: () => status() }, { port: 0 });
});
afterEach(() => page.close());

describe('StatusPage', () => {
  test('serves the page with a policy that allows nothing from other origins', async () => {
    const answer = await ask('/');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.headers).toMatchObject({
      'content-security-policy': expect.stringMatching(
        /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/,
      ) as string,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    });
    const html = await text(answer);
    expect(html).not.toMatch(/https?:|<script(?![^>]*src=)|style=|\son\w+=/);
  });

  test('serves the status that the agent reports', async () => {
    const answer = await ask('/status.json');
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(JSON.parse(await text(answer))).toEqual(
      JSON.parse(JSON.stringify(exampleStatus({ count: 3 }))),
    );
  });

  test('refuses other host names, and every method except GET and HEAD', async () => {
    expect((await ask('/', { host: 'rebound.example' })).statusCode).toBe(403);
    expect((await ask('/status.json', { 'sec-fetch-site': 'cross-site' })).statusCode).toBe(403);
    const posted = await ask('/', {}, 'POST');
    expect(posted.statusCode).toBe(405);
    expect(posted.headers.allow).toBe('GET, HEAD');
    expect((await ask('/nothing')).statusCode).toBe(404);
    expect((await ask('/favicon.ico')).statusCode).toBe(204);
  });

  test('answers HEAD without a body, and adds no viewer', async () => {
    for (const path of ['/', '/status.json', '/events']) {
      const answer = await ask(path, {}, 'HEAD');
      expect([path, answer.statusCode, await text(answer)]).toEqual([path, 200, '']);
    }
    expect(page.viewers).toBe(0);
  });

  test('says why there is no status', async () => {
    status = () => Promise.reject(new Error('no daemon'));
    const answer = await ask('/status.json');
    expect([answer.statusCode, await text(answer)]).toEqual([503, 'no daemon\n']);
  });

  test('sends events while the page is open', async () => {
    const answer = await ask('/events');
    expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    answer.setEncoding('utf8');
    let got = '';
    for await (const part of answer) {
      got += part as string;
      if (got.includes('data: ')) break;
    }
    expect(got).toMatch(/^retry: 2000\n\ndata: \{"version":1,/);
    await expect.poll(() => page.viewers).toBe(0);
  });

  test('accepts a limited number of viewers', async () => {
    const answers = await Promise.all(Array.from({ length: 17 }, () => ask('/events')));
    const codes = answers.map(({ statusCode }) => statusCode);
    expect(codes.filter((code) => code === 200).length).toBe(16);
    expect(codes.filter((code) => code === 503).length).toBe(1);
    for (const answer of answers) answer.destroy();
  });

  test('serves other viewers while some viewers never read, and keeps at most one status for each viewer that never reads', async () => {
    // Longer than the send buffer of a socket.
    const long = 'x'.repeat(8 * 1024 * 1024);
    let count = 0;
    const own = await StatusPage.open({ status: () => ({ long, count: count++ }) }, { port: 0 });
    onTestFinished(() => own.close());
    const { port } = new URL(own.url);
    // The number is below the limit of the server. Above it, the server closes old connections.
    const silent = Array.from({ length: 40 }, () => createConnection(Number(port), '127.0.0.1'));
    onTestFinished(() => silent.forEach((one) => one.destroy()));
    const before = process.memoryUsage().rss;
    for (const one of silent) {
      one.on('error', () => {}).pause();
      one.write(`GET /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`.repeat(100));
    }
    await expect.poll(() => count, { timeout: 20_000 }).toBeGreaterThan(1);
    expect(own.viewers).toBeLessThanOrEqual(16);
    const answer = await ask('/events', {}, 'GET', own.url);
    expect(answer.statusCode).toBe(200);
    answer.setEncoding('utf8');
    let length = 0;
    for await (const part of answer) if ((length += part.length) > long.length) break;
    expect((await ask('/', {}, 'GET', own.url)).statusCode).toBe(200);
    // At most one status waits for each viewer.
    expect(process.memoryUsage().rss - before).toBeLessThan(600 * 1024 * 1024);
  });

  test('listens on loopback only', async () => {
    await expect(
      StatusPage.open({ status }, { port: 0, host: '0.0.0.0' as '127.0.0.1' }),
    ).rejects.toThrow('"host" expected 127.0.0.1 or ::1, got 0.0.0.0');
    await expect(StatusPage.open({ status }, { port: 70_000 })).rejects.toThrow('"port" expected');
    expect(page.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  });

  test('rejects when another program has the port', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await expect(StatusPage.open({ status }, { port })).rejects.toThrow('EADDRINUSE');
  });

  test('ends the streams of its viewers when it closes', async () => {
    const own = await StatusPage.open({ status }, { port: 0 });
    const answer = await ask('/events', {}, 'GET', own.url);
    answer.resume();
    // The client sees an error, because the server did not end the stream properly.
    answer.on('error', () => {});
    const ended = new Promise((resolve) => answer.on('close', resolve));
    await own.close();
    await ended;
    expect(own.viewers).toBe(0);
  });
});

describeWith([programRequirement('chromium')], 'the status page in Chromium', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await Browser.start();
    if (PICTURES !== undefined) mkdirSync(PICTURES, { recursive: true });
  });
  afterAll(() => browser.close());
  beforeEach(() => void browser.complaints.splice(0));
  // The page is left before the server closes. The browser would report the closing as an error.
  afterEach(() => browser.show('about:blank', { width: 1280 }));

  const screens = [1280, 360].flatMap((width) =>
    (['light', 'dark'] as const).flatMap((scheme) =>
      [3, 200].map((count) => ({ width, scheme, count })),
    ),
  );
  test.each(screens)('fits $width pixels, $scheme, with $count peers', async (screen) => {
    const { width, scheme, count } = screen;
    status = () => exampleStatus({ count, second: 5 * second++ });
    await browser.show(page.url, { width, scheme });
    await browser.until(`document.querySelectorAll('#picture .node').length === ${count}`);
    // A line needs two rates, and each rate is computed from two statuses. So the page must have
    // got three statuses.
    await browser.until(`document.querySelector('#chart .sum').getAttribute('d').includes('L')`);
    expect(await browser.evaluate('document.documentElement.scrollWidth')).toBe(width);
    const background = await browser.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(background).toBe(scheme === 'dark' ? 'rgb(16, 21, 27)' : 'rgb(246, 247, 249)');
    // The picture has names only if there is space for them. The table has up to 50 names.
    expect(await browser.evaluate(`document.querySelectorAll('#rows tr').length`)).toBe(
      Math.min(count, 50),
    );
    if (PICTURES !== undefined) {
      await browser.screenshot(join(PICTURES, `${count}-${width}-${scheme}.png`));
    }
    expect(browser.complaints).toEqual([]);
  });

  test('shows sums by state instead of a picture for more than 200 peers', async () => {
    status = () => exampleStatus({ count: 1000 });
    await browser.show(page.url, { width: 1280 });
    await browser.until(`document.querySelectorAll('#aggregates tbody tr').length === 3`);
    const texts = await browser.evaluate<string[]>(
      `[...document.querySelectorAll('#aggregates tbody tr')].map((row) => row.cells[0].textContent + ' ' + row.cells[1].textContent)`,
    );
    expect(texts).toEqual(['connected 899', 'waiting 57', 'refused 44']);
    expect(await browser.evaluate(`document.querySelector('#picture').checkVisibility()`)).toBe(
      false,
    );
    expect(await browser.evaluate(`document.querySelector('#more').textContent`)).toBe(
      'Show more (950 left)',
    );
  });

  test('explains each age in the table and in the details of a peer', async () => {
    await browser.show(page.url, { width: 1280 });
    await browser.until(`document.querySelectorAll('#rows tr').length === 3`);
    await browser.evaluate(`document.querySelector('#rows tr:last-child .peer').click()`);
    const detail = await browser.evaluate<string>(`document.querySelector('#detail').innerText`);
    expect(detail).toMatch(/Session age\n\d+ s, key 1\n/);
    expect(detail).toMatch(/Age of key 1\n10 h\n/);
    const note = await browser.evaluate<string>(`document.querySelector('#peers .note').innerText`);
    expect(note).toMatch(/Session age is the time since the last handshake.*Key age is how long/s);
  });

  test('shows the name of a node as text, even if it looks like HTML', async () => {
    const names = [
      '<img src=x onerror=alert(1)>',
      '</script><script>alert(2)</script>',
      '"><b>&amp;',
    ];
    status = () => exampleStatus({ count: 3, names });
    await browser.show(page.url, { width: 1280 });
    await browser.until(`document.querySelectorAll('#rows tr').length === 3`);
    const shown = await browser.evaluate<string[]>(
      `[...document.querySelectorAll('#rows .peer')].map(({ textContent }) => textContent)`,
    );
    expect(shown.toSorted()).toEqual(names.toSorted());
    expect(await browser.evaluate(`document.querySelectorAll('img, b').length`)).toBe(0);
    expect(browser.complaints).toEqual([]);
  });

  test('lets the keyboard reach, select and leave a peer in the picture', async () => {
    await browser.show(page.url, { width: 1280 });
    await browser.until(`document.querySelectorAll('#picture .node').length === 3`);
    const focused = (): Promise<string> =>
      browser.evaluate(
        `document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent`,
      );
    await browser.press('Tab');
    expect(await focused()).toBe('To the peers');
    await browser.press('Tab');
    expect(await focused()).toBe('Pause');
    await browser.press('Tab');
    expect(await focused()).toBe('node-1, connected');
    await browser.press('ArrowRight');
    expect(await focused()).toBe('node-2, waiting: no answer yet');
    await browser.press('End');
    await browser.press('Enter');
    expect(await focused()).toMatch(/^node-3, refused: /);
    const title = `document.querySelector('#detail-title').textContent`;
    expect(await browser.evaluate(title)).toBe('Peer node-3');
    // A new status changes neither the focus nor the selection.
    const seen = second;
    await expect.poll(() => second, { timeout: 5000 }).toBeGreaterThan(seen + 1);
    expect(await focused()).toMatch(/^node-3, refused: /);
    await browser.press('Escape');
    expect(await browser.evaluate(title)).toBe('This node');
  });

  test('announces to screen readers that a peer has changed its state', async () => {
    status = () => {
      const example = exampleStatus({ count: 3, second: second++ });
      const [first, waiting, third] = example.peers;
      return second < 3
        ? example
        : {
            ...example,
            peers: [first, { ...waiting, state: 'connected', reason: undefined }, third],
          };
    };
    await browser.show(page.url, { width: 1280 });
    await browser.until(`document.querySelector('#announcement').textContent !== ''`);
    expect(await browser.evaluate(`document.querySelector('#announcement').textContent`)).toBe(
      'node-2 is connected',
    );
    expect(
      await browser.evaluate(`document.querySelector('#announcement').getAttribute('role')`),
    ).toBe('status');
  });

  test('shows no animation if the user wants less motion', async () => {
    const animation = `getComputedStyle(document.querySelector('.flow[data-active="true"]')).animationName`;
    for (const [reducedMotion, name] of [
      [true, 'none'],
      [false, 'flow'],
    ] as const) {
      await browser.show(page.url, { width: 1280, reducedMotion });
      await browser.until(`document.querySelector('.flow[data-active="true"]')`);
      expect(await browser.evaluate(animation)).toBe(name);
    }
  });

  test('sends no request while it is paused, reports that the agent is gone, and connects again', async () => {
    await browser.show(page.url, { width: 1280 });
    const connection = `document.querySelector('#connection').textContent`;
    await browser.until(`${connection} === 'live'`);
    await browser.evaluate(`document.querySelector('#pause').click()`);
    await expect.poll(() => page.viewers).toBe(0);
    expect(await browser.evaluate(connection)).toBe('paused');
    await browser.evaluate(`document.querySelector('#pause').click()`);
    await browser.until(`${connection} === 'live'`);
    const { port } = new URL(page.url);
    await page.close();
    await browser.until(`${connection}.startsWith('no agent')`);
    // The page connects again by itself.
    page = await StatusPage.open({ status }, { port: Number(port) });
    await browser.until(`${connection} === 'live'`);
  });

  test('shows the requested enforcement while it is not in effect yet', async () => {
    status = () => {
      const example = exampleStatus({ count: 1 });
      return { ...example, node: { ...example.node, wantedEnforcement: 'enforce' } };
    };
    await browser.show(page.url, { width: 1280 });
    await browser.until(`document.querySelector('#detail dt')`);
    expect(await browser.evaluate(`document.querySelector('#detail').innerText`)).toMatch(
      /Enforcement\npermissive: .*\nRequested enforcement\nenforce, which waits until every peer has answered\n/,
    );
  });

  test('shows problems', async () => {
    status = () => {
      const example = exampleStatus({ count: 1, troubles: ['nft is missing'] });
      return { ...example, interface: { ...example.interface, isUp: false } };
    };
    await browser.show(page.url, { width: 1280 });
    await browser.until(`document.querySelectorAll('#troubles li').length === 2`);
    expect(await browser.evaluate(`document.querySelector('#troubles').innerText`)).toBe(
      'No daemon answers for litz0\nnft is missing',
    );
    status = () => Promise.reject(new Error('broken'));
    await browser.until(
      `document.querySelector('#troubles').innerText === 'The agent cannot read its status: broken\\nNo daemon answers for litz0\\nnft is missing'`,
    );
  });
});

async function ask(
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
  base = page.url,
): Promise<IncomingMessage> {
  const sent = request(new URL(path, base), { method, headers, agent: false });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}
