import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { wireguardGo } from '../../packages/cli/test/interop/implementation.ts';
import { eventually } from '../../packages/cli/test/interop/underlay.ts';
import { realInterfaces } from '../../packages/cli/test/litz-process.ts';
import { ProxyWorld } from '../../packages/cli/test/proxy/proxy-world.ts';
import { Browser } from '../../packages/mesh/test/page/browser.ts';
import { builtExamples } from './run-example.ts';

const RELAY = join(import.meta.dirname, '../dist/browser/relay.js');
const URL_OF_PAGE = 'http://127.0.0.1:8100/';

let world: ProxyWorld;
let browser: Browser | undefined;

describeWith(
  [builtExamples, ...realInterfaces, ...wireguardGo.requirements, programRequirement('chromium')],
  'browser: a node in Chromium',
  () => {
    beforeEach(async () => {
      world = await ProxyWorld.create();
    });
    afterEach(async () => {
      await browser?.close();
      await world.close();
    });

    test('fetches from a server behind a real wireguard-go, over the relay', async () => {
      const body = 'behind the tunnel, '.repeat(20_000);
      writeFileSync(join(world.folder, 'page.txt'), body);
      await startRelay('192.168.77.2:51820');
      browser = await Browser.start(['ip', 'netns', 'exec', world.a.name]);
      const answer = await ask('http://10.77.0.2/page.txt');
      const [head = '', received] = answer.split('\r\n\r\n');
      expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(received).toBe(body);
      expect(browser.complaints).toEqual([]);
    });

    test('cannot use the relay for an endpoint that the relay does not know, or from a page of another site', async () => {
      await startRelay('192.0.2.99:51820');
      browser = await Browser.start(['ip', 'netns', 'exec', world.a.name]);
      expect(await ask('http://10.77.0.2/')).toBe(
        'Error: the relay refused the connection (does it know this endpoint?)',
      );
      const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
      const fields = [...upgrade, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
      const status = (path: string, ...more: readonly string[]): Promise<string> =>
        world.a.run(
          ...(['curl', '-s', '-m', '5', '-o', '/dev/null', '-w', '%{http_code}'] as const),
          ...more.flatMap((field) => ['-H', field]),
          `${URL_OF_PAGE}${path}`,
        );
      const path = 'relay/192.0.2.99:51820';
      const evil = 'Origin: http://evil.example';
      expect(await status(path, ...fields, evil)).toBe('403');
      expect(await status(path, ...fields, evil, 'Host: evil.example')).toBe('403');
      expect(await status('relay/%', ...fields, 'Origin: http://127.0.0.1:8100')).toBe('404');
      expect(await status('litz/no-such-package/x.js')).toBe('404');
      expect(await status('')).toBe('200');
    });
  },
);

async function startRelay(endpoint: string): Promise<void> {
  expect(existsSync(RELAY)).toBe(true);
  const relay = world.a.start(process.execPath, [RELAY, endpoint]);
  await eventually('the relay listens', () => relay.output().includes(`open ${URL_OF_PAGE}`));
}

/** Fills in the form of the page and submits it. Returns the text that the page then shows. */
async function ask(address: string): Promise<string> {
  const page = browser!;
  await page.show(URL_OF_PAGE, { width: 800 });
  await page.until("document.querySelector('button')?.disabled === false");
  const config = readFileSync(world.conf, 'utf8');
  await page.evaluate(`document.getElementById('config').value = ${JSON.stringify(config)}`);
  await page.evaluate(`document.getElementById('address').value = ${JSON.stringify(address)}`);
  await page.evaluate(`document.querySelector('button').click()`);
  await page.until(`document.getElementById('answer').textContent !== ''`);
  return page.evaluate<string>(`document.getElementById('answer').textContent`);
}
