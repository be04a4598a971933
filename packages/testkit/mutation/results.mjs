/**
 * Evaluates Stryker's results: which mutants survive, which survivors are equivalent, and whether
 * the thresholds are reached.
 */
import { existsSync, readFileSync } from 'node:fs';

/**
 * @returns the mutants of one result file: `{ file, line, text, within, mutator, original,
 *   replacement, status }`
 */
export function mutantsOf(report) {
  return Object.entries(report.files).flatMap(([file, { source, mutants }]) => {
    const lines = source.split('\n');
    return mutants.map(({ location, mutatorName, replacement, status }) => ({
      file,
      line: location.start.line,
      text: unbraced(lines[location.start.line - 1]),
      within: functionAt(lines, location.start.line - 1),
      mutator: mutatorName,
      original: sourceAt(lines, location),
      replacement: replacement ?? '',
      status,
    }));
  });
}

export function readResult(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

/**
 * Returns the lines of the mutants in `file` that survived and are not known as equivalent, such as
 * `3-5`.
 */
export function survivingLines(file, report, equivalents) {
  return rangesOf(file, report, (mutant) => fateOf(mutant, equivalents) === 'survived');
}

/**
 * Returns the lines of mutants that the timer stopped. A busy machine can cause that. Changes in
 * the head of a loop are left out, because they really cause endless loops.
 */
export function stoppedLines(file, report) {
  return rangesOf(
    file,
    report,
    ({ status, text }) => status === 'Timeout' && !/\b(for|while) \(/.test(text),
  );
}

function rangesOf(file, report, isWanted) {
  const ranges = mutantsOf({ files: { [file]: report.files[file] } })
    .filter(isWanted)
    .map(({ line, original }) => `${line}-${line + original.split('\n').length - 1}`);
  return [...new Set(ranges)];
}

/** Returns the fields of a report that are stored. Test IDs are left out, because they change. */
export function slim(report) {
  const files = Object.entries(report.files).map(([file, { source, mutants }]) => [
    file,
    {
      source,
      mutants: mutants.map(({ location, mutatorName, replacement, status }) => ({
        location,
        mutatorName,
        replacement,
        status,
      })),
    },
  ]);
  return { files: Object.fromEntries(files) };
}

/** Adds the results of a later run, for some files or lines, to `kept`. */
export function mergeResults(kept, later) {
  for (const [file, result] of Object.entries(later.files)) {
    const before = kept.files[file];
    if (before?.source !== result.source) {
      kept.files[file] = result;
      continue;
    }
    const found = new Map(result.mutants.map((mutant) => [keyOf(mutant), mutant]));
    before.mutants = before.mutants.map((mutant) => found.get(keyOf(mutant)) ?? mutant);
  }
}

function keyOf({ location: { start, end }, mutatorName, replacement }) {
  const places = [start.line, start.column, end.line, end.column];
  return JSON.stringify([...places, mutatorName, replacement]);
}

/** Returns `killed`, `survived`, `equivalent`, or undefined if there is no result. */
export function fateOf(mutant, equivalents) {
  if (mutant.status === 'Killed' || mutant.status === 'Timeout') return 'killed';
  if (mutant.status !== 'Survived' && mutant.status !== 'NoCoverage') return undefined;
  return equivalents.some((known) => isSame(known, mutant)) ? 'equivalent' : 'survived';
}

/**
 * Returns whether an entry of `equivalent.json` means this mutant. An entry has the text of the
 * line, because line numbers change. It also has the function if several functions have the same
 * line.
 */
export function isSame(known, mutant) {
  return (
    mutant.file.endsWith(`/${known.file}`) &&
    (known.within ?? mutant.within) === mutant.within &&
    mutant.text === known.line &&
    mutant.original === known.original &&
    mutant.replacement === known.replacement
  );
}

/** Returns the names of the critical rules that apply to a mutant. */
export function criticalOf(mutant, rules) {
  return Object.keys(rules).filter((name) => {
    const { files, lines } = rules[name];
    return files.test(mutant.file) && (lines === undefined || lines.test(mutant.text));
  });
}

/**
 * Returns a sentence for each threshold that is not reached, and for each entry of
 * `equivalent.json` that is wrong.
 *
 * @param folders the mutants of each folder, by the folder's name
 */
export function shortfalls(folders, { equivalents, critical, leastShare }) {
  const all = Object.values(folders).flat();
  const { killed, survived } = count(all, equivalents);
  const found = [];
  const share = killed / (killed + survived);
  if (!(share >= leastShare)) {
    found.push(
      `${percent(share)} of all mutants are killed, at least ${percent(leastShare)} wanted`,
    );
  }
  for (const mutant of all) {
    if (fateOf(mutant, equivalents) !== 'survived') continue;
    for (const name of criticalOf(mutant, critical)) {
      found.push(`${name}: ${describeMutant(mutant)} survives`);
    }
  }
  for (const known of equivalents) {
    // An entry for a file without results cannot be checked.
    if (!all.some(({ file }) => file.endsWith(`/${known.file}`))) continue;
    const [first, ...others] = all.filter((each) => isSame(known, each));
    if (first === undefined) found.push(`no such mutant: ${known.file}: ${known.original}`);
    else if ([first, ...others].every((each) => fateOf(each, []) === 'killed')) {
      found.push(`listed as equivalent and killed: ${describeMutant(first)}`);
    }
  }
  return found;
}

/**
 * Counts the killed, survived and equivalent mutants. `stopped` is how many of the killed mutants
 * the timer stopped.
 */
export function count(mutants, equivalents) {
  const counts = { killed: 0, survived: 0, equivalent: 0, stopped: 0 };
  for (const mutant of mutants) {
    const fate = fateOf(mutant, equivalents);
    if (fate) counts[fate]++;
    if (mutant.status === 'Timeout') counts.stopped++;
  }
  return counts;
}

export function describeMutant({ file, line, original, replacement }) {
  return `${file}:${line} \`${oneLine(original)}\` -> \`${oneLine(replacement)}\``;
}

export function percent(share) {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}

function oneLine(text) {
  const short = text.replaceAll(/\s+/g, ' ').trim();
  return short.length > 100 ? `${short.slice(0, 97)}...` : short;
}

function sourceAt(lines, { start, end }) {
  const part = lines.slice(start.line - 1, end.line);
  part[part.length - 1] = part.at(-1).slice(0, end.column - 1);
  part[0] = part[0].slice(start.column - 1);
  return part.join('\n');
}

/**
 * Returns the name of the function or method that contains a line. It relies on the formatter's
 * indentation.
 */
function functionAt(lines, index) {
  for (let i = index; i >= 0; i--) {
    if (i < index && lines[i] === '}') return '';
    const found =
      /^(?:export )?function\*? (\w+)/.exec(lines[i]) ??
      /^  (?:\w+ )*\*?(#?\w+)[(<].*\{$|^  (?:\w+ )*\*?(#?\w+)[(<]$/.exec(lines[i]);
    if (found) return found[1] ?? found[2];
  }
  return '';
}

/**
 * Returns the first and last line of a function: `3-5`.
 *
 * @throws {Error} no function has that name
 */
export function linesOf(source, name) {
  const lines = source.split('\n');
  const first = lines.findIndex((line) =>
    new RegExp(`^(?:export )?function ${name}\\b`).test(line),
  );
  if (first === -1) throw new Error(`no function ${name}`);
  return `${first + 1}-${lines.indexOf('}', first) + 1}`;
}

/** Returns a line as in the repository, without the braces of `checkout-copy.mjs`. */
function unbraced(line) {
  return line
    .trim()
    .replace(/^\{ (.*;) \}$/, '$1')
    .replace(/^\{ (?=\w)/, '');
}
