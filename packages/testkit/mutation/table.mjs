/**
 * Makes the page of the results, `docs/mutation.md`.
 */
import { count, criticalOf, fateOf, percent } from './results.mjs';

/** @param folders the mutants of each folder, by the folder's name */
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
    '## Where every mutant must be killed\n',
    table(criticalRows),
    '## Survivors that are equivalent\n',
    EQUIVALENT,
    equivalentText(equivalents),
    '## Survivors\n',
    survivorsText(all, equivalents),
  ].join('\n');
}

const HEAD = `# Mutation tests

\`pnpm mutate:report\` makes this page from \`packages/testkit/mutation/results\`. A mutant is the code with one
change. The tests kill a mutant if one of them fails with it. Otherwise the mutant survives.

| command | what it runs |
|---|---|
| \`pnpm mutate FOLDER\` | all mutants of a folder; without a name, those of all folders |
| \`pnpm mutate:again FOLDER\` | only survivors, and files that have changed |
| \`pnpm mutate:quick\` | a small set that every change must pass |

The column "no end" counts killed mutants whose tests did not end: they loop without end. A test may evaluate
twenty times as many expressions as without the change. If it still does not end, a timer stops it after 15 s plus
one and a half times the normal time of the tests.

Tests and code are loaded once for all mutants (\`packages/testkit/mutation/in-process\`), so a mutant costs only
the time of its tests. A mutant can damage state in memory. The runner detects this, and loads everything again.

Stryker makes most of the changes. One kind is added: a statement is left out
(\`packages/testkit/mutation/checkout-copy.mjs\`).
`;

const EQUIVALENT = `With these changes, the code behaves in the same way, or the difference breaks no rule. They count
neither as killed nor as survived. The list is \`packages/testkit/mutation/equivalent.json\`.
`;

function table(rows) {
  return [
    '| | killed | no end | survived | equivalent | killed / (killed + survived) |',
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
