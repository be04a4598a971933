/**
 * `Browser`: a headless Chromium with one page. It is controlled over two pipes with the DevTools
 * protocol.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/** The screen on which the page is shown. */
export interface Screen {
  readonly width: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
  readonly reducedMotion?: boolean;
}

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

export class Browser {
  /** Log lines and errors of the page, and violations of its content security policy. */
  readonly complaints: string[] = [];
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #pending = new Map<number, (answer: Answer) => void>();
  #lastId = 0;
  #session: string | undefined;
  #isLoaded = false;

  private constructor(profile: string, wrapper: readonly string[]) {
    this.#profile = profile;
    const own = ['chromium', ...FLAGS, `--user-data-dir=${profile}`, 'about:blank'];
    const [program = '', ...words] = [...wrapper, ...own];
    this.#process = spawn(program, words, {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      // Chromium has many processes. `close` ends all of them by their process group.
      detached: true,
    });
    this.#listen(this.#process.stdio[4] as Readable);
  }

  /** @param wrapper a command that starts Chromium, for instance `['ip', 'netns', 'exec', ...]` */
  static async start(wrapper: readonly string[] = []): Promise<Browser> {
    const browser = new Browser(mkdtempSync(join(tmpdir(), 'litz-page-')), wrapper);
    try {
      await browser.#attach();
    } catch (error) {
      await browser.close();
      throw error;
    }
    return browser;
  }

  async show(
    url: string,
    { width, height = 900, scheme = 'light', reducedMotion = false }: Screen,
  ) {
    await this.#send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 600,
    });
    await this.#send('Emulation.setEmulatedMedia', {
      features: [
        { name: 'prefers-color-scheme', value: scheme },
        { name: 'prefers-reduced-motion', value: reducedMotion ? 'reduce' : 'no-preference' },
      ],
    });
    this.#isLoaded = false;
    await this.#send('Page.navigate', { url });
    for (let turns = 0; turns < 200 && !this.#isLoaded; turns++) await delay(25);
  }

  /** Returns the value of an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.#send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (answer['exceptionDetails']) throw new Error(JSON.stringify(answer['exceptionDetails']));
    return (answer['result'] as { value: T }).value;
  }

  /** Waits until an expression is true in the page. */
  async until(expression: string): Promise<void> {
    for (let turns = 0; turns < 200; turns++) {
      if (await this.evaluate<boolean>(`Boolean(${expression})`)) return;
      await delay(50);
    }
    throw new Error(`this expression did not become true: ${expression}`);
  }

  async press(key: string): Promise<void> {
    const text = key === 'Enter' ? '\r' : undefined;
    const windowsVirtualKeyCode = KEY_CODES[key];
    const common = { key, code: key, windowsVirtualKeyCode };
    await this.#send('Input.dispatchKeyEvent', { type: 'keyDown', ...common, text });
    await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', ...common });
  }

  /** Writes a PNG of the page, or of its upper `most` pixels, to a file. */
  async screenshot(file: string, most = Infinity): Promise<void> {
    const height = await this.evaluate<number>('document.documentElement.scrollHeight');
    const { data } = await this.#send('Page.captureScreenshot', {
      format: 'png',
      captureBeyondViewport: true,
      clip: {
        x: 0,
        y: 0,
        scale: 1,
        width: await this.evaluate<number>('document.documentElement.clientWidth'),
        height: Math.min(height, most),
      },
    });
    writeFileSync(file, Buffer.from(data as string, 'base64'));
  }

  async close(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#process;
    if (pid !== undefined && exitCode === null && signalCode === null) {
      const ended = once(this.#process, 'exit');
      process.kill(-pid, 'SIGKILL');
      await ended;
    }
    // The other processes of Chromium write files until they end too.
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }

  async #attach(): Promise<void> {
    const { targetInfos } = (await this.#send('Target.getTargets')) as {
      targetInfos: { type: string; targetId: string }[];
    };
    let targetId = targetInfos.find(({ type }) => type === 'page')?.targetId;
    targetId ??= (await this.#send('Target.createTarget', { url: 'about:blank' }))[
      'targetId'
    ] as string;
    const attached = await this.#send('Target.attachToTarget', { targetId, flatten: true });
    this.#session = attached['sessionId'] as string;
    for (const domain of ['Page', 'Runtime', 'Log', 'Network'])
      await this.#send(`${domain}.enable`);
  }

  async #send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#lastId;
    const answered = new Promise<Answer>((resolve) => this.#pending.set(id, resolve));
    const message = { id, method, params, sessionId: this.#session };
    (this.#process.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    const { result = {}, error } = await answered;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  #listen(stream: Readable): void {
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', (part: string) => {
      const messages = (text + part).split('\0');
      text = messages.pop() ?? '';
      for (const message of messages) this.#take(JSON.parse(message) as Answer);
    });
    this.#process.on('exit', () => {
      for (const resolve of this.#pending.values()) {
        resolve({ error: { message: 'the browser has ended' } });
      }
    });
  }

  #take(answer: Answer): void {
    if (answer.id !== undefined) {
      this.#pending.get(answer.id)?.(answer);
      this.#pending.delete(answer.id);
    } else if (answer.method === 'Page.loadEventFired') {
      this.#isLoaded = true;
    } else if (COMPLAINTS.has(answer.method ?? '')) {
      this.complaints.push(JSON.stringify(answer.params));
    }
  }
}

const FLAGS = [
  '--headless=new',
  // As root, Chromium cannot use its sandbox. The page is our own, so it is safe without one.
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--hide-scrollbars',
  '--disable-background-networking',
  '--remote-debugging-pipe',
];
const COMPLAINTS = new Set([
  'Runtime.exceptionThrown',
  'Log.entryAdded',
  'Runtime.consoleAPICalled',
]);
const KEY_CODES: Readonly<Record<string, number>> = {
  Tab: 9,
  Enter: 13,
  Escape: 27,
  ArrowRight: 39,
  End: 35,
};
