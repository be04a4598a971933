/**
 * `checkFirstWord`: words that people type for commands, and that would otherwise become interfaces.
 *
 * `litz wg0` makes an interface, so `litz status` would make one called status. A word that somebody
 * surely meant as a command is refused. One that is only like such a word is made, because wg-quick runs
 * `litz server` for server.conf. So is a name that looks like a file.
 *
 * @module
 */
import { Failure } from './failure.ts';

/**
 * @param word the first of the command line, which is no command of ours
 * @param warn gets a line for a person
 * @throws {Failure} exit code 2: it is the word of a command
 */
export function checkFirstWord(word: string, warn: (line: string) => void): void {
  if (word.startsWith('-')) return;
  const hint = HINTS.get(word);
  if (hint !== undefined) throw new Failure(refusalOf(word, hint), { exitCode: 2 });
  if (word.toLowerCase().endsWith('.conf')) {
    warn(
      `litz: "${word}" is taken for the name of an interface; of a file it is: litz up ./${word}`,
    );
    return;
  }
  const similar = [...HINTS.keys(), ...OWN_COMMANDS].find((known) => isLike(word, known));
  if (similar === undefined) return;
  warn(`litz: "${word}" is no command (is it "${similar}"?): making an interface of that name`);
}

function refusalOf(word: string, hint: string): string {
  return `there is no command "${word}": ${hint}\n  for an interface of that name: litz -- ${word}`;
}

/** One letter is wrong, missing, too much, or two stand the wrong way round. */
function isLike(word: string, known: string): boolean {
  const [a, b] = [word.toLowerCase(), known];
  if (a === b) return true;
  // Too many short names are like a short word: "us", "tun".
  if (b.length <= 3 && a.length <= b.length) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  if (restA.slice(1) === restB.slice(1)) return true;
  if (restA.slice(1) === restB || restA === restB.slice(1)) return true;
  const isSwapped = restA[0] === restB[1] && restA[1] === restB[0];
  return isSwapped && restA.slice(2) === restB.slice(2);
}

/** The commands that there are. */
export const OWN_COMMANDS: readonly string[] = [
  'up',
  'genkey',
  'genpsk',
  'pubkey',
  'agent',
  'demo',
];

const SHOW = 'wg show [INTERFACE] shows what there is';
const END = 'end the process of the interface, or: ip link delete INTERFACE';
const START = 'litz INTERFACE makes one, litz up FILE.conf brings a tunnel up';
const HELP = 'litz --help has the commands';

/** The words, and what does what they ask for. "test", "peer" and "home" are names of interfaces. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ...wordsWith(SHOW, 'show status list ls top stats'),
  ...wordsWith(END, 'down stop kill delete remove'),
  ...wordsWith(START, 'start run serve daemon create'),
  ...wordsWith('end the process of the interface and start litz again', 'restart'),
  ...wordsWith('wg syncconf INTERFACE FILE does it', 'reload'),
  ...wordsWith('wg has it', 'set setconf addconf syncconf showconf'),
  ...wordsWith('wg-quick has it', 'save strip'),
  ...wordsWith('litz --version prints it', 'version'),
  ...wordsWith('litz genkey makes one', 'keygen'),
  ...wordsWith(HELP, 'help add bench capture check config connect debug disconnect doctor'),
  ...wordsWith(HELP, 'edit export import init install log logs monitor proxy uninstall update'),
  ...wordsWith(HELP, 'upgrade watch'),
]);

function wordsWith(hint: string, words: string): [word: string, hint: string][] {
  return words.split(' ').map((word) => [word, hint]);
}
