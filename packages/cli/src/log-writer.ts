/**
 * `LineWriter`: writes the lines of a log as text, for the journal of systemd, or as JSON.
 *
 * The journal reads the priority from the beginning of a line, `<3>` (sd-daemon(3)). The rate of
 * lines is limited, so that a flood of packets cannot fill the disk.
 *
 * @module
 */
import { fstatSync } from 'node:fs';
import { redactKeys } from '@litz/core/text';
import { InvalidArgumentError, Option } from 'commander';

export type LogForm = 'text' | 'journal' | 'json';

/**
 * Values that programs read. They are written only in the form `json`, beside the text of a line.
 */
export type LogFields = Readonly<Record<string, string | number | undefined>>;

export interface LineWriterOptions {
  readonly form: LogForm;
  /** Called with whole lines, including the line feed. */
  readonly write: (text: string) => void;
  /** Returns Unix time in ms. */
  readonly now?: () => number;
}

export class LineWriter {
  readonly #form: LogForm;
  readonly #write: (text: string) => void;
  readonly #now: () => number;
  #tokens: number = BURST;
  #filledAt = 0;
  #leftOut = 0;

  constructor({ form, write, now = Date.now }: LineWriterOptions) {
    this.#form = form;
    this.#write = write;
    this.#now = now;
  }

  /**
   * Writes a line, or leaves it out if too many lines came before it. Before the next line that is
   * written, another line says how many lines were left out. `ERROR:`, `DEBUG:` or `Warning:` at
   * the beginning of a line sets its level.
   *
   * @param line without a line feed at its end; it may have line feeds inside
   */
  line(line: string, fields: LogFields = {}): void {
    const now = this.#now();
    if (!this.#take(now)) {
      this.#leftOut++;
      return;
    }
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    if (leftOut > 0) this.#format(`Warning: ${leftOut} lines were left out`, {}, now);
    this.#format(redactKeys(line), fields, now);
  }

  #take(now: number): boolean {
    // If the clock goes back, no tokens of the rate limit are added.
    const passed = Math.max(0, now - this.#filledAt);
    this.#filledAt = now;
    this.#tokens = Math.min(BURST, this.#tokens + (passed / 1000) * PER_SECOND);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  #format(line: string, fields: LogFields, now: number): void {
    const [, word, name, text = line] = LEVEL.exec(line) ?? [];
    const level = LEVELS.get(word ?? '') ?? 'info';
    if (this.#form === 'text') return this.#write(`${line}\n`);
    if (this.#form === 'journal') {
      const priority = `<${PRIORITIES[level]}>`;
      return this.#write(
        line
          .split('\n')
          .map((part) => `${priority}${part}\n`)
          .join(''),
      );
    }
    const time = new Date(now).toISOString();
    const named = name === undefined ? {} : { interface: name };
    this.#write(`${JSON.stringify({ time, level, ...named, message: text, ...fields })}\n`);
  }
}

/** Writes a line to standard error, in the form that the environment asks for. */
export function writeLine(line: string, fields: LogFields = {}): void {
  // The environment is read at the first line, because an option may set it.
  standardError ??= new LineWriter({ form: logForm(process.env), write: writeToStandardError });
  standardError.line(line.trimEnd(), fields);
}

/** Must be called after standard error was redirected: the next line chooses the form again. */
export function readFormAgain(): void {
  standardError = undefined;
}

/**
 * Returns the form that LITZ_LOG names. If LITZ_LOG names none, the form is `journal` when standard
 * error goes to the journal, and `text` when it does not.
 *
 * @param identity returns the device and the inode of standard error
 */
export function logForm(
  env: NodeJS.ProcessEnv,
  identity: () => string = standardErrorIdentity,
): LogForm {
  const { LITZ_LOG: wanted, JOURNAL_STREAM: journal } = env;
  if (wanted === 'json' || wanted === 'text') return wanted;
  return journal && journal === identity() ? 'journal' : 'text';
}

/** Returns the option `--log`, which sets LITZ_LOG for this process and those that it starts. */
export function logOption(): Option {
  return new Option('--log <form>', 'write the log as text or as json')
    .choices(FORMS)
    .argParser((text) => {
      if (!FORMS.includes(text)) throw new InvalidArgumentError('Expected text or json.');
      process.env['LITZ_LOG'] = text;
      return text;
    });
}

function standardErrorIdentity(): string {
  // `bigint` avoids a fault of Node.js: after the mode of a pipe or a socket was returned as a
  // number, imports do not follow symbolic links (nodejs/node#51142).
  const { dev, ino } = fstatSync(2, { bigint: true });
  return `${dev}:${ino}`;
}

/** Ignores a failed write: the terminal of a daemon may be gone. */
function writeToStandardError(text: string): void {
  process.stderr.write(text, () => {});
}

let standardError: LineWriter | undefined;

const FORMS = ['text', 'json'];
const LEVEL = /^(ERROR|DEBUG|Warning): (?:\((\S+)\) )?(.*)$/s;
const LEVELS: ReadonlyMap<string, keyof typeof PRIORITIES> = new Map([
  ['ERROR', 'error'],
  ['Warning', 'warning'],
  ['DEBUG', 'debug'],
]);
/** The priorities of syslog(3). */
const PRIORITIES = { error: 3, warning: 4, info: 6, debug: 7 } as const;
/**
 * In lines. A daemon that starts with a thousand peers writes at least a thousand lines at once.
 */
const BURST = 5000;
const PER_SECOND = 200;
