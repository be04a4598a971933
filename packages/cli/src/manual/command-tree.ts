/**
 * `commandTree`: the commands of a program as data, from the same objects that print `--help`.
 *
 * @module
 */
import type { EventEmitter } from 'node:events';
import type { Command } from 'commander';

/** A command that a user can give. Hidden commands and options are left out. */
export interface CommandEntry {
  /** For instance `litz demo mesh`. */
  readonly name: string;
  /** The words after `litz`. */
  readonly words: readonly string[];
  readonly description: string;
  /** For instance `litz up [options] <FILE.conf|INTERFACE>`. */
  readonly usage: string;
  readonly args: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly OptionEntry[];
  /** The text at the end of the help; empty if there is none. */
  readonly moreHelp: string;
  readonly children: readonly CommandEntry[];
}

export interface OptionEntry {
  /** For instance `-b, --background`. */
  readonly flags: string;
  readonly short: string | undefined;
  readonly long: string | undefined;
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

/** Returns the command with all commands below it. */
export function commandTree(command: Command, words: readonly string[] = []): CommandEntry {
  const help = command.createHelp();
  return {
    name: ['litz', ...words].join(' '),
    words,
    description: command.description(),
    usage: help.commandUsage(command),
    args: command.registeredArguments.map((argument) => ({
      name: help.argumentTerm(argument),
      description: help.argumentDescription(argument),
    })),
    options: help.visibleOptions(command).map((option) => ({
      flags: help.optionTerm(option),
      short: option.short,
      long: option.long,
      description: help.optionDescription(option),
      takesValue: option.required || option.optional,
      choices: option.argChoices ?? [],
    })),
    moreHelp: textAfterHelp(command),
    children: help
      .visibleCommands(command)
      .filter((child) => child.name() !== 'help')
      .map((child) => commandTree(child, [...words, child.name()])),
  };
}

/** Returns a command and all commands below it, in the order of the help. */
export function allCommands(entry: CommandEntry): CommandEntry[] {
  return [entry, ...entry.children.flatMap(allCommands)];
}

/**
 * Returns the text after the options. In commander, only a listener of the event `afterHelp` has
 * this text, so the event is emitted here.
 */
function textAfterHelp(command: Command): string {
  let text = '';
  const write = (more: string): void => void (text += more);
  // The types of commander do not say that a command is an EventEmitter.
  (command as unknown as EventEmitter).emit('afterHelp', { error: false, command, write });
  return text.trim();
}
