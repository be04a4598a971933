import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { built, SUCCESS } from './trial.ts';

const packages = join(import.meta.dirname, '../../..');

let server: Server;
let profile: string;
/** Resolves with the text that the page sends. */
let result: Promise<string>;

describeWith(
  [built, programRequirement('chromium')],
  '@litz/core and @litz/wasm in Chromium',
  () => {
    beforeEach(async () => {
      profile = mkdtempSync(join(tmpdir(), 'litz-browser-'));
      server = createServer();
      result = new Promise((resolve) => {
        server.on('request', (request, response) => {
          const { url = '/', method } = request;
          if (method === 'POST') {
            response.end();
            resolve(text(request));
          } else {
            const content = contentOf(url);
            response.writeHead(content === undefined ? 404 : 200, { 'content-type': typeOf(url) });
            response.end(content);
          }
        });
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    });
    afterEach(() => {
      server.closeAllConnections();
      server.close();
      // The other processes of the browser write to the folder until they have ended too.
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    });

    it('seal as noble does and carry a packet, with and without SIMD', async () => {
      const { port } = server.address() as AddressInfo;
      const browser = startBrowser(`http://127.0.0.1:${port}/`);
      const ended = once(browser, 'exit');
      try {
        const outcome = await Promise.race([result, ended.then(() => 'the browser ended')]);
        expect(outcome).toBe(SUCCESS);
      } finally {
        killGroup(browser);
        await ended;
      }
    });
  },
);

function startBrowser(url: string): ChildProcess {
  const options = [
    '--headless=new',
    // Root cannot use the sandbox. The page is our own.
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    `--user-data-dir=${profile}`,
  ];
  // In a process group of its own, because a browser has many processes.
  const browser = spawn('chromium', [...options, url], { stdio: 'ignore', detached: true });
  const timer = setTimeout(() => killGroup(browser), 60_000);
  browser.on('exit', () => clearTimeout(timer));
  return browser;
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

function contentOf(url: string): string | Buffer | undefined {
  if (url === '/') return PAGE;
  const file = fileOf(url);
  return file !== undefined && existsSync(file) ? readFileSync(file) : undefined;
}

/**
 * Returns the path for a URL: a file of the test, a built file of a package, or a file of noble.
 */
function fileOf(url: string): string | undefined {
  const [, kind, name = '', ...path] = url.split('/');
  if (path.includes('..')) return undefined;
  if (kind === 'page.mjs' || kind === 'trial.mjs') return join(import.meta.dirname, kind);
  if (kind === 'litz') return join(packages, name, 'dist', ...path);
  if (kind === 'noble') {
    return join(realpathSync(join(packages, 'core/node_modules/@noble', name)), ...path);
  }
  return undefined;
}

function typeOf(url: string): string {
  return /\.m?js$/.test(url) ? 'text/javascript' : 'text/html';
}

const IMPORTS = {
  '@litz/core': '/litz/core/index.js',
  '@litz/core/internals': '/litz/core/internals.js',
  '@litz/wasm': '/litz/wasm/index.js',
  '@noble/ciphers/': '/noble/ciphers/',
  '@noble/curves/': '/noble/curves/',
  '@noble/hashes/': '/noble/hashes/',
};

const PAGE = `<!doctype html><title>litz</title>
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<body><script type="module" src="/page.mjs"></script></body>`;
