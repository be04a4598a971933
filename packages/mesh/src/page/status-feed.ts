/**
 * `StatusFeed`: a status every second for all who look, as text of server-sent events. While nobody looks
 * the source is not asked. It knows no sockets.
 *
 * @module
 */
import type { StatusSource } from '../status/mesh-status.ts';

/** Somebody who looks. */
export interface Viewer {
  /** False while it hasn't taken what it got before: then a status is left out for it. */
  isReady(): boolean;
  send(text: string): void;
}

export class StatusFeed {
  readonly #source: StatusSource;
  readonly #viewers = new Set<Viewer>();
  #timer: NodeJS.Timeout | undefined;
  /** The source is being asked. */
  #isAsking = false;
  /** What was sent last; undefined when it's old. */
  #last: string | undefined;

  constructor(source: StatusSource) {
    this.#source = source;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** It gets a status at once, and then each second, until it is removed. */
  add(viewer: Viewer): void {
    this.#viewers.add(viewer);
    if (this.#last !== undefined) viewer.send(this.#last);
    else if (!this.#isAsking) void this.#tell();
  }

  remove(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0) return;
    clearTimeout(this.#timer);
    this.#last = undefined;
  }

  async #tell(): Promise<void> {
    const start = performance.now();
    this.#isAsking = true;
    const text = await this.#ask();
    this.#isAsking = false;
    if (this.#viewers.size === 0) return;
    this.#last = text;
    for (const viewer of this.#viewers) if (viewer.isReady()) viewer.send(text);
    // A big mesh costs more to tell of: at most a tenth of the time goes into it.
    const pause = Math.max(INTERVAL_MS, (performance.now() - start) * 10);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#tell(), pause);
  }

  async #ask(): Promise<string> {
    try {
      return `data: ${JSON.stringify(await this.#source.status())}\n\n`;
    } catch (error) {
      const trouble = error instanceof Error ? error.message : String(error);
      return `event: trouble\ndata: ${JSON.stringify(trouble)}\n\n`;
    }
  }
}

const INTERVAL_MS = 1000;
