/**
 * `checkFirstWord`: finds words that users mean as commands, so that `litz` does not make
 * interfaces with these names.
 *
 * `litz wg0` makes an interface, so `litz status` would make an interface with the name status. A
 * word that is surely meant as a command is refused. A word that is only similar to a command is
 * accepted with a warning: it may be a name, as in `litz server`, which wg-quick runs to bring up
 * server.conf. A name that looks like a file is accepted with a warning too.
 *
 * @module
 */
import { Failure } from './failure.ts';

/**
 * @param word the first word of the command line; it is not a command of Litz
 * @param warn called with a line for the user
 * @throws {Failure} exit code 2: the word is surely meant as a command
 */
export function checkFirstWord(word: string, warn: (line: string) => void): void {
  if (word.startsWith('-')) return;
  const hint = HINTS.get(word);
  if (hint !== undefined) throw new Failure(refusalOf(word, hint), { exitCode: 2 });
  if (word.toLowerCase().endsWith('.conf')) {
    warn(`litz: "${word}" is used as the name of an interface; for a file, use: litz up ./${word}`);
    return;
  }
  const similar = [...HINTS.keys(), ...OWN_COMMANDS].find((known) => isLike(word, known));
  if (similar === undefined) return;
  warn(
    `litz: "${word}" is not a command (did you mean "${similar}"?): making an interface with that name`,
  );
}

function refusalOf(word: string, hint: string): string {
  return `there is no command "${word}": ${hint}\n  for an interface with that name, use: litz -- ${word}`;
}

/**
 * Returns whether `word` is similar to `known`: one letter is wrong, missing or added, or two
 * neighbouring letters are exchanged. Upper and lower case count as the same.
 */
function isLike(word: string, known: string): boolean {
  const [a, b] = [word.toLowerCase(), known];
  if (a === b) return true;
  // Many common names are similar to a short command: "us" to "up", "tun" to "run". So a command
  // with at most three letters causes a warning only for longer names.
  if (b.length <= 3 && a.length <= b.length) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  if (restA.slice(1) === restB.slice(1)) return true;
  if (restA.slice(1) === restB || restA === restB.slice(1)) return true;
  const isSwapped = restA[0] === restB[1] && restA[1] === restB[0];
  return isSwapped && restA.slice(2) === restB.slice(2);
}

/** The commands of Litz. */
export const OWN_COMMANDS: readonly string[] = [
  'up',
  'down',
  'reload',
  'save',
  'strip',
  'show',
  'upgrade',
  'doctor',
  'qr',
  'top',
  'serve',
  'capture',
  'completion',
  'genkey',
  'genpsk',
  'pubkey',
  'proxy',
  'agent',
  'demo',
];

function wordsWith(hint: string, words: string): [word: string, hint: string][] {
  return words.split(' ').map((word) => [word, hint]);
}

const SHOW = 'litz show [INTERFACE] shows interfaces and peers';
const END = 'litz down INTERFACE takes one down';
const START = 'litz INTERFACE makes one, litz up FILE.conf brings a tunnel up';
const HELP = 'litz --help lists the commands';

/**
 * The refused words, each with a hint for the user. "test", "peer" and "home" are not refused,
 * because they are common names of interfaces.
 */
const HINTS: ReadonlyMap<string, string> = new Map([
  ...wordsWith(SHOW, 'status list ls stats'),
  ...wordsWith(END, 'stop kill delete remove'),
  ...wordsWith(START, 'start run daemon create'),
  ...wordsWith('litz down INTERFACE, then litz up FILE.conf', 'restart'),
  ...wordsWith('it is a command of wg', 'set setconf addconf syncconf showconf'),
  ...wordsWith('litz --version prints it', 'version'),
  ...wordsWith('litz genkey makes one', 'keygen'),
  ...wordsWith(HELP, 'help add bench check config connect debug disconnect'),
  ...wordsWith(HELP, 'edit export import init install log logs monitor uninstall update'),
  ...wordsWith(HELP, 'watch'),
]);
