/**
 * `RequestSplitter`: splits the bytes of a UAPI connection into requests.
 *
 * A connection may carry any number of requests, in pieces of any size:
 *
 * ```
 *   get=1\n\n
 *   set=1\nlisten_port=51820\n\n
 *   get=1\nlitz_keys=true\nlitz_stats=true\n\n
 *   litz_changes=0\n\n
 *   litz_capture=1\nside=inner\n\n
 * ```
 *
 * A client may close its writing side after its last request and continue to read. That last
 * request may lack the empty line. The table shows what two other implementations do with a request
 * without the empty line, and what `end` does:
 *
 * | the client ends after | wireguard-go | boringtun | here |
 * |---|---|---|---|
 * | whole lines of a `set` | carried out | carried out | carried out |
 * | a `set` line without a line feed | a whole line | loses its last character | a whole line |
 * | `get=1` with its line feed | no answer | answered | answered |
 * | `set=1` without its line feed | no answer | an errno | no answer |
 *
 * The body of a request is not parsed here; `parseSetRequest` does that.
 *
 * @module
 */
import { checkObject } from '@litz/core/internals';
import { UAPI_ERRNO } from './uapi-error.ts';

/** A request that is complete, or that is invalid. */
export type UapiRequest =
  /**
   * `keys`: the request has the line `litz_keys=true`. `stats`: it has the line `litz_stats=true`.
   */
  | { operation: 'get'; keys?: true; stats?: true }
  /** `body`: the lines after `set=1`, without the empty line. */
  | { operation: 'set'; body: string }
  /**
   * Asks for an endless series of reports about the peers that changed after `cursor`; see
   * `peer-changes.ts`.
   */
  | { operation: 'changes'; cursor: number }
  /** Asks for a capture; `parseCaptureRequest` reads the lines in `body`. */
  | { operation: 'capture'; body: string }
  /**
   * The caller must answer `errno`, if there is one, and close the connection. The splitter returns
   * nothing more.
   */
  | { operation: 'invalid'; errno: number | undefined };

/** Splits the bytes of one connection into requests. */
export class RequestSplitter {
  readonly #maxLength: number;
  readonly #decoder = new TextDecoder('latin1');
  #state: 'operation' | 'get' | 'set' | 'changes' | 'capture' | 'invalid' = 'operation';
  #cursor = 0;
  /**
   * Pieces of the incomplete request. They are joined once, so that a long request is not copied
   * again for each piece.
   */
  #pieces: string[] = [];
  #length = 0;
  /** The lines of the incomplete `get`. */
  #options: string[] = [];
  #atLineStart = true;

  /**
   * @param options.maxLength longest request in bytes; default 256 MiB, which is 256 bytes for each
   *   of 2^20 peers
   */
  constructor(options: { maxLength?: number } = {}) {
    checkObject(options, 'options', ['maxLength']);
    this.#maxLength = options.maxLength ?? DEFAULT_MAX_LENGTH;
  }

  /** Bytes of memory that the incomplete request takes. */
  get pendingBytes(): number {
    return this.#length + this.#pieces.length * PIECE_BYTES;
  }

  /** Whether a request has begun and not ended. */
  get isUnfinished(): boolean {
    return !['operation', 'invalid'].includes(this.#state) || this.#length > 0;
  }

  /** Returns the requests that these bytes complete. The bytes are borrowed for the call. */
  push(bytes: Uint8Array): UapiRequest[] {
    const text = this.#decoder.decode(bytes);
    const requests: UapiRequest[] = [];
    for (let at = 0; at < text.length && this.#state !== 'invalid';) {
      at =
        this.#state === 'set' || this.#state === 'capture'
          ? this.#readBody(text, at, this.#state, requests)
          : this.#readHead(text, at, requests);
    }
    return requests;
  }

  /**
   * Call this when no more bytes come. Returns the last request if only its empty line is missing
   * (see the table above).
   */
  end(): UapiRequest[] {
    const state = this.#state;
    const body = this.#take();
    this.#state = 'invalid';
    if (state === 'get') {
      if (body !== '' && !this.#isNew(body)) return [];
      if (body !== '') this.#options.push(body);
      return [this.#finishGet()];
    }
    // A client that has hung up does not wait for changes or packets.
    return state === 'set' ? [{ operation: 'set', body }] : [];
  }

  /** Discards the incomplete request. The splitter returns nothing more. */
  drop(): void {
    this.#take();
    this.#state = 'invalid';
  }

  /** Reads one line: the operation, or a line after it in a `get` or `changes` request. */
  #readHead(text: string, at: number, requests: UapiRequest[]): number {
    if (this.#state === 'get') return this.#readGetLine(text, at, requests);
    if (this.#state === 'changes') {
      this.#state = 'operation';
      if (text[at] !== '\n') this.#refuse(requests, UAPI_ERRNO.EINVAL);
      else requests.push({ operation: 'changes', cursor: this.#cursor });
      return at + 1;
    }
    const end = text.indexOf('\n', at);
    const next = end === -1 ? text.length : end;
    this.#keep(text.slice(at, next));
    if (this.#length > OPERATION_LENGTH) this.#refuse(requests, undefined);
    else if (end !== -1) this.#begin(this.#take(), requests);
    return next + 1;
  }

  /** Reads an option or the empty line. A line that can be neither is refused before it ends. */
  #readGetLine(text: string, at: number, requests: UapiRequest[]): number {
    const end = text.indexOf('\n', at);
    const next = end === -1 ? text.length : end;
    this.#keep(text.slice(at, next));
    const line = this.#pieces.join('');
    const isWhole = end !== -1;
    if (isWhole && line === '') {
      this.#state = 'operation';
      requests.push(this.#finishGet());
    } else if (isWhole ? !this.#isNew(line) : !this.#canBecomeNew(line)) {
      this.#refuse(requests, UAPI_ERRNO.EINVAL);
    } else if (isWhole) {
      this.#options.push(this.#take());
    }
    return next + 1;
  }

  #finishGet(): UapiRequest {
    const options = this.#options;
    this.#options = [];
    return {
      operation: 'get',
      ...(options.includes(KEYS) && { keys: true }),
      ...(options.includes(STATS) && { stats: true }),
    };
  }

  /** Whether the line is an option that this request does not have yet. */
  #isNew(line: string): boolean {
    return GET_OPTIONS.includes(line) && !this.#options.includes(line);
  }

  #canBecomeNew(start: string): boolean {
    return GET_OPTIONS.some((line) => line.startsWith(start) && !this.#options.includes(line));
  }

  #begin(operation: string, requests: UapiRequest[]): void {
    if (operation === 'get=1') this.#state = 'get';
    else if (operation === 'set=1') this.#state = 'set';
    else if (operation === 'litz_capture=1') this.#state = 'capture';
    else if (CHANGES.test(operation)) {
      this.#state = 'changes';
      this.#cursor = Number(operation.slice(operation.indexOf('=') + 1));
    }
    // The operation is unknown. As in wireguard-go, the connection is closed without an answer.
    else this.#refuse(requests, undefined);
    this.#atLineStart = true;
  }

  /** Reads lines up to an empty line. */
  #readBody(
    text: string,
    at: number,
    operation: 'set' | 'capture',
    requests: UapiRequest[],
  ): number {
    if (this.#atLineStart && text[at] === '\n') {
      this.#state = 'operation';
      requests.push({ operation, body: this.#take() });
      return at + 1;
    }
    const end = text.indexOf('\n\n', at);
    const next = end === -1 ? text.length : end + 1;
    this.#keep(text.slice(at, next));
    this.#atLineStart = text[next - 1] === '\n';
    if (this.#length > this.#maxLength) this.#refuse(requests, UAPI_ERRNO.EINVAL);
    return next;
  }

  #keep(piece: string): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  #take(): string {
    const text = this.#pieces.join('');
    this.#pieces = [];
    this.#length = 0;
    return text;
  }

  #refuse(requests: UapiRequest[], errno: number | undefined): void {
    this.drop();
    requests.push({ operation: 'invalid', errno });
  }
}

/** Bytes that a short string takes besides its characters. */
const PIECE_BYTES = 32;
const KEYS = 'litz_keys=true';
const STATS = 'litz_stats=true';
const GET_OPTIONS = [KEYS, STATS];
const CHANGES = /^litz_changes=(?:0|[1-9]\d{0,15})$/;
const OPERATION_LENGTH: number = 'litz_changes='.length + 16;
const DEFAULT_MAX_LENGTH: number = 256 * 1024 * 1024;
