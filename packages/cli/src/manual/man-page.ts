/**
 * `manPage`: the man page of a command, in the format of man(7).
 *
 * @module
 */
import { allCommands, type CommandEntry } from './command-tree.ts';

/** Returns the name of the file, for instance `litz-up.1`. */
export function manPageName({ words }: CommandEntry): string {
  return `${['litz', ...words].join('-')}.1`;
}

/**
 * Returns the text of the page.
 *
 * @param root the program, for the list of other pages
 */
export function manPage(entry: CommandEntry, root: CommandEntry): string {
  const title = manPageName(entry).slice(0, -2);
  const lines = [
    `.TH ${escape(title.toUpperCase())} 1 "" litz "User Commands"`,
    '.SH NAME',
    `${escape(title)} \\- ${escape(entry.description)}`,
    '.SH SYNOPSIS',
    ...entry.usage.split('\n').flatMap((line) => [`.B ${escape(line.trim())}`, '.br']),
  ];
  lines.push(
    ...definitions(
      'ARGUMENTS',
      entry.args.map(({ name, description }) => [name, description]),
    ),
  );
  lines.push(
    ...definitions(
      'OPTIONS',
      entry.options.map(({ flags, description }) => [flags, description]),
    ),
  );
  lines.push(
    ...definitions(
      'COMMANDS',
      entry.children.map((child) => [child.name, child.description]),
    ),
  );
  if (entry.moreHelp !== '') {
    lines.push('.SH NOTES', '.nf', ...entry.moreHelp.split('\n').map(escapeLine), '.fi');
  }
  lines.push(...definitions('EXIT STATUS', EXIT_CODES), '.SH SEE ALSO');
  const others = allCommands(root).filter((other) => other !== entry);
  lines.push(
    `${others.map((other) => `${escape(manPageName(other).slice(0, -2))}(1)`).join(', ')}, wg(8), wg\\-quick(8)`,
  );
  return `${lines.join('\n')}\n`;
}

function definitions(
  title: string,
  items: readonly (readonly [name: string, description: string])[],
): string[] {
  if (items.length === 0) return [];
  const lines = items.flatMap(([name, text]) => ['.TP', `.B ${escape(name)}`, escapeLine(text)]);
  return [`.SH ${title}`, ...lines];
}

/** A line of text must not begin with a control character of roff. */
function escapeLine(text: string): string {
  const escaped = escape(text);
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq');
}

/** The exit codes of all commands. */
export const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'success; also if a daemon or a tunnel was asked to end and is down'],
  ['1', 'it failed; the message says why'],
  ['2', 'the command line is wrong, and nothing was done'],
];
