/**
 * `StatusFeed`: sends a status to all viewers every second, as the text of server-sent events.
 * Without viewers it does not call the source. It does not depend on sockets.
 *
 * @module
 */

/** Where the data of a page come from. */
export interface PageSource {
  /** Returns the status as plain data. */
  status(): unknown;
  /** Returns the data of the event `history`, which a new viewer gets once, before any status. */
  history?(): unknown;
}

/** A browser that shows the page. */
export interface Viewer {
  /** False while earlier text waits to be sent. Then the viewer gets no status this time. */
  isReady(): boolean;
  send(text: string): void;
}

export class StatusFeed {
  readonly #source: PageSource;
  readonly #viewers = new Set<Viewer>();
  #timer: NodeJS.Timeout | undefined;
  /** Whether a call of `PageSource.status` is pending. */
  #isReading = false;
  /**
   * The text that was sent last. Undefined while there are no viewers, because an old text would be
   * out of date for the next viewer.
   */
  #last: string | undefined;

  constructor(source: PageSource) {
    this.#source = source;
  }

  /** The number of viewers. */
  get viewers(): number {
    return this.#viewers.size;
  }

  /** Sends a status to the viewer at once, and then one each second until the viewer is removed. */
  add(viewer: Viewer): void {
    this.#viewers.add(viewer);
    const history = this.#source.history?.();
    if (history !== undefined) viewer.send(eventText('history', history));
    if (this.#last !== undefined) viewer.send(this.#last);
    else if (!this.#isReading) void this.#report();
  }

  remove(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0) return;
    clearTimeout(this.#timer);
    this.#last = undefined;
  }

  async #report(): Promise<void> {
    const start = performance.now();
    this.#isReading = true;
    const text = await this.#ask();
    this.#isReading = false;
    if (this.#viewers.size === 0) return;
    this.#last = text;
    for (const viewer of this.#viewers) if (viewer.isReady()) viewer.send(text);
    // Making the status of a large mesh takes long. The pause limits this work to about a tenth of
    // the time.
    const pause = Math.max(INTERVAL_MS, (performance.now() - start) * 10);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#report(), pause);
  }

  async #ask(): Promise<string> {
    try {
      return `data: ${JSON.stringify(await this.#source.status())}\n\n`;
    } catch (error) {
      const trouble = error instanceof Error ? error.message : String(error);
      return eventText('trouble', trouble);
    }
  }
}

function eventText(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

const INTERVAL_MS = 1000;
