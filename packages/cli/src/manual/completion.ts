/**
 * `completionScript`: returns a script with which a shell completes the command line of `litz`.
 *
 * A script contains the commands and options of the `litz` that printed it. It reads names of
 * interfaces from the folder of the sockets when the user presses the completion key. So a
 * completion starts no process of Node.js.
 *
 * @module
 */
import { allCommands, type CommandEntry, type OptionEntry } from './command-tree.ts';

/** The shells for which there is a script. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** Returns the script for a shell. */
export function completionScript(shell: (typeof SHELLS)[number], root: CommandEntry): string {
  if (shell === 'fish') return fishScript(root);
  const bash = bashScript(root);
  return shell === 'bash' ? bash : `${ZSH_BEGIN}${bash}${ZSH_END}`;
}

function bashScript(root: CommandEntry): string {
  const cases = allCommands(root).map((entry) => {
    const words = [...entry.children.map((child) => child.words.at(-1)!), ...optionWords(entry)];
    const values = entry.options.filter(({ choices }) => choices.length > 0);
    const choices = values.map(
      ({ long, choices: all }) => `[ "$previous" = ${long} ] && words='${all.join(' ')}' only=1;`,
    );
    return [
      `    '${entry.words.join(' ')}') words='${words.join(' ')}' kinds='${kindsOf(entry)}'`,
      ...choices.map((line) => `      ${line}`),
      '      ;;',
    ].join('\n');
  });
  const known = allCommands(root)
    .slice(1)
    .map(({ words }) => `'${words.join(' ')}'`);
  return `_litz() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local command='' words='' kinds='' only='' word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${command:+$command }\${COMP_WORDS[i]}"
    case "$word" in ${known.join('|')}) command=$word;; esac
  done
  case "$command" in
${cases.join('\n')}
  esac
  [ -z "$only" ] && case "$kinds" in *interface*)
    for i in /var/run/wireguard/*.sock; do
      i=\${i##*/}; [ "$i" != '*.sock' ] && words="$words \${i%.sock}"
    done;;
  esac
  [ -z "$only" ] && case "$kinds" in *tunnel*)
    for i in /etc/wireguard/*.conf; do
      i=\${i##*/}; [ "$i" != '*.conf' ] && words="$words \${i%.conf}"
    done;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ -z "$only" ] && case "$kinds" in *file*) COMPREPLY+=($(compgen -f -- "$current"));; esac
}
complete -F _litz litz
`;
}

function fishScript(root: CommandEntry): string {
  const lines = ['complete -c litz -f', INTERFACES_FISH];
  for (const entry of allCommands(root)) {
    const names = entry.children.map((child) => child.words.at(-1)!);
    const [path, below] = [
      entry.words,
      names.length > 0 ? `; and not __fish_seen_subcommand_from ${names.join(' ')}` : '',
    ];
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    const condition = path.length === 0 ? '__fish_use_subcommand' : `${seen}${below}`;
    const begin = `complete -c litz -n '${condition}'`;
    for (const child of entry.children) {
      lines.push(`${begin} -a ${child.words.at(-1)} -d ${quoted(child.description)}`);
    }
    for (const option of entry.options) lines.push(`${begin} ${fishOption(option)}`);
    const kinds = kindsOf(entry);
    if (kinds.includes('interface')) lines.push(`${begin} -a '(__litz_interfaces)'`);
    if (kinds.includes('tunnel')) lines.push(`${begin} -a '(__litz_tunnels)'`);
    if (kinds.includes('file')) lines.push(`${begin} -F`);
  }
  return `${lines.join('\n')}\n`;
}

function fishOption({ short, long, description, takesValue, choices }: OptionEntry): string {
  const parts: string[] = [];
  if (short !== undefined) parts.push(`-s ${short.slice(1)}`);
  if (long !== undefined) parts.push(`-l ${long.slice(2)}`);
  if (takesValue) parts.push(choices.length > 0 ? `-x -a '${choices.join(' ')}'` : '-r');
  return `${parts.join(' ')} -d ${quoted(description)}`;
}

/** Returns what the arguments can be: interface, tunnel (a file in /etc/wireguard), file. */
function kindsOf({ args }: CommandEntry): string {
  const names = args.map(({ name }) => name).join(' ');
  const kinds = [
    ...(/INTERFACE/.test(names) ? ['interface'] : []),
    ...(/FILE\.conf\|INTERFACE/.test(names) ? ['tunnel'] : []),
    ...(/FILE/.test(names) ? ['file'] : []),
  ];
  return kinds.join(' ');
}

function optionWords({ options }: CommandEntry): string[] {
  return options.flatMap(({ short, long }) => [short, long]).filter((word) => word !== undefined);
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

const INTERFACES_FISH = `function __litz_interfaces
  for file in /var/run/wireguard/*.sock; basename $file .sock; end
end
function __litz_tunnels
  for file in /etc/wireguard/*.conf; basename $file .conf; end
end`;
/** Makes zsh run the completion for bash. */
const ZSH_BEGIN = '#compdef litz\nautoload -U +X bashcompinit && bashcompinit\n';
/**
 * At the first completion, zsh runs the whole file as the function `_litz`. So the file must answer
 * this first completion itself.
 */
const ZSH_END = '[ "$funcstack[1]" = _litz ] && _bash_complete -F _litz\n';
