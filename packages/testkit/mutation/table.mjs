/**
 * The page of the results, `docs/mutation.md`.
 */
import { count, criticalOf, fateOf, percent } from './results.mjs';

/** @param folders by name: the mutants of a folder */
export function tableText(folders, { equivalents, critical }) {
  const all = Object.values(folders).flat();
  const rows = [...Object.entries(folders), ['all', all]].map(([name, mutants]) =>
    row(name, count(mutants, equivalents)),
  );
  const criticalRows = Object.keys(critical).map((name) =>
    row(
      name,
      count(
        all.filter((mutant) => criticalOf(mutant, critical).includes(name)),
        equivalents,
      ),
    ),
  );
  return [
    HEAD,
    '## By folder\n',
    table(rows),
    '## What has to be whole\n',
    table(criticalRows),
    '## Survivors that are equivalent\n',
    EQUIVALENT,
    equivalentText(equivalents),
    '## Survivors\n',
    survivorsText(all, equivalents),
  ].join('\n');
}

const HEAD = `# Mutation tests

Written by \`pnpm mutate:report\` from \`packages/testkit/mutation/results\`. A mutant is the code with one
change. It is killed if a test fails with it, and survives if none does. \`pnpm mutate FOLDER\` runs a folder
again, \`pnpm mutate\` all of them; \`pnpm mutate:again FOLDER\` only what survived and files that changed.
\`pnpm mutate:quick\` is the small set that every change has to pass.

"No end" says how many of the killed are so because their tests did not come to an end: endless loops. A
test may pass twenty times as much code as it does without a change; the clock ends what even so goes on,
after 15 s and half as much again as the tests take.

Tests and code are loaded once for all mutants (\`packages/testkit/mutation/in-process\`), so that each costs
what its tests take; a mutant that spoils what stays in memory is found out, and everything loaded anew.

Beside Stryker's own changes, statements are left out: see \`packages/testkit/mutation/checkout-copy.mjs\`.
`;

const EQUIVALENT = `With these changes the code does the same, or what differs is no rule of anybody's. They count
neither as killed nor as survived. The list is \`packages/testkit/mutation/equivalent.json\`.
`;

function table(rows) {
  return [
    '| | killed | no end | survived | equivalent | killed of both |',
    '|---|---:|---:|---:|---:|---:|',
    ...rows,
    '',
  ].join('\n');
}

function row(name, { killed, stopped, survived, equivalent }) {
  const sum = killed + survived;
  const share = sum === 0 ? '-' : percent(killed / sum);
  return `| ${name} | ${killed} | ${stopped} | ${survived} | ${equivalent} | ${share} |`;
}

function equivalentText(equivalents) {
  if (equivalents.length === 0) return 'None.\n';
  const byFile = groupBy(equivalents, ({ file }) => file);
  return [...byFile]
    .map(([file, known]) => [`### ${file}\n`, ...known.map(line), ''].join('\n'))
    .join('\n');
}

function survivorsText(mutants, equivalents) {
  const survived = mutants.filter((mutant) => fateOf(mutant, equivalents) === 'survived');
  if (survived.length === 0) return 'None.\n';
  const byFile = groupBy(survived, ({ file }) => file);
  return [...byFile].map(([file, found]) => `- ${file}: ${found.length}`).join('\n') + '\n';
}

function line({ line: text, original, replacement, reason }) {
  const where = original.startsWith('{ ') ? '' : ` in ${code(text)}`;
  const change =
    replacement === '{}'
      ? `${code(text)} left out`
      : `${code(original)} → ${code(replacement)}${where}`;
  return `- ${change}: ${reason}`;
}

function code(text) {
  const short = text.replaceAll(/\s+/g, ' ').trim();
  return `\`${short.length > 80 ? `${short.slice(0, 77)}...` : short}\``;
}

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  return groups;
}
