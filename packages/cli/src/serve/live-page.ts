/**
 * `LivePage`: serves the page of `litz serve`, and records the rates of the last ten minutes, also
 * while no browser shows the page.
 *
 * @module
 */
import { pageFiles, SHARED_PAGE_FILES, StatusPage, type PageFiles } from '@litz/mesh/page';
import { LiveHistory } from '../live/live-history.ts';
import type { LiveSource } from '../live/live-source.ts';
import type { LiveStatus } from '../live/live-status.ts';
import type { PageAddress } from '../page-address.ts';

export interface LivePageOptions extends PageAddress {
  /** Where the statuses come from. `LivePage` closes the source. */
  readonly source: Pick<LiveSource, 'read' | 'close' | 'costMs'>;
}

export class LivePage {
  readonly #source: Pick<LiveSource, 'read' | 'close' | 'costMs'>;
  readonly #history = new LiveHistory();
  #page: StatusPage | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #readAt: number = -Infinity;
  #isClosed = false;

  /**
   * Starts the server. Resolves when it listens.
   *
   * @throws {Error} EADDRINUSE: another program uses the port; EACCES: this process may not use it
   */
  static async open({ source, host, port }: LivePageOptions): Promise<LivePage> {
    const page = new LivePage(source);
    try {
      page.#page = await StatusPage.open(
        { status: () => page.#read(), history: () => page.#history.toJSON() },
        { host, port, files: LIVE_PAGE_FILES },
      );
    } catch (error) {
      source.close();
      throw error;
    }
    void page.#record();
    return page;
  }

  private constructor(source: LivePageOptions['source']) {
    this.#source = source;
  }

  /** Address of the page: `http://127.0.0.1:51872/`. */
  get url(): string {
    return this.#page?.url ?? '';
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#page?.close();
    this.#source.close();
  }

  async #read(): Promise<LiveStatus> {
    const status = await this.#source.read();
    this.#history.add(status);
    this.#readAt = performance.now();
    return status;
  }

  /**
   * Reads while no browser shows the page. The pause after a reading is at least 50 times the
   * time that the slowest daemon took to answer. So the readings take less than 2 % of the time of
   * each daemon.
   */
  async #record(): Promise<void> {
    const start = performance.now();
    if (start - this.#readAt >= IDLE_INTERVAL_MS / 2) await this.#read();
    if (this.#isClosed) return;
    const pause = Math.max(IDLE_INTERVAL_MS, this.#source.costMs * 50);
    this.#timer = setTimeout(() => void this.#record(), pause);
    this.#timer.unref();
  }
}

/** The files of `packages/cli/page`, and the files that they import from the page of a mesh. */
export const LIVE_PAGE_FILES: PageFiles = new Map([
  ...SHARED_PAGE_FILES,
  ...pageFiles(
    // The relative path is the same from `src/serve` and from `dist/serve`.
    new URL('../../page/', import.meta.url),
    ['index.html', 'live.css', 'live.js', 'live-columns.js', 'live-rates.js', 'live-words.js'],
    '/cli/page/',
  ),
]);

/** The time between two readings while no browser shows the page. */
const IDLE_INTERVAL_MS = 5000;
