/**
 * `relocate`: moves stored results of mutation tests to a file whose comments or line breaks have
 * changed. The mutants are the same then, so they need no new run.
 */
import { parse } from '@babel/parser';

/**
 * Returns the result of a file with the places that its mutants have in the present text.
 *
 * @param result `{ source, mutants }`, as stored
 * @param source the present text
 * @returns undefined if the code itself has changed
 */
export function relocate(result, source) {
  if (result.source === source) return result;
  const before = tokensOf(result.source);
  const now = tokensOf(source);
  if (before.length !== now.length) return undefined;
  if (before.some(({ text }, index) => text !== now[index].text)) return undefined;
  const starts = placesOf(before, now, 'start');
  const ends = placesOf(before, now, 'end');
  const mutants = result.mutants.map((mutant) => {
    const start = starts.get(keyOf(mutant.location.start));
    const end = ends.get(keyOf(mutant.location.end));
    return start && end && { ...mutant, location: { start, end } };
  });
  // A part of a token, such as a piece of a template, has no known place. Then all mutants of the
  // file must run again.
  if (mutants.includes(undefined)) return undefined;
  return { source, mutants };
}

/**
 * Returns the tokens of a text with their places. Comments are left out. Lines and columns begin at
 * 1, as Stryker's.
 */
function tokensOf(source) {
  const { tokens } = parse(source, { sourceType: 'module', plugins: ['typescript'], tokens: true });
  return tokens
    .filter(({ type }) => type !== 'CommentLine' && type !== 'CommentBlock')
    .map(({ start, end, loc }) => ({
      text: source.slice(start, end),
      start: { line: loc.start.line, column: loc.start.column + 1 },
      end: { line: loc.end.line, column: loc.end.column + 1 },
    }));
}

/**
 * Returns a map with the start or the end of each token: from its place in the old text to its
 * place in the present text.
 */
function placesOf(before, now, side) {
  return new Map(before.map((token, index) => [keyOf(token[side]), now[index][side]]));
}

function keyOf({ line, column }) {
  return `${line}:${column}`;
}
