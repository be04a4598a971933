/**
 * `iniLines`: the lines of a configuration file of wireproxy, which has the syntax of go-ini.
 *
 * A comment begins with `#` or `;`. A value in quotes or backquotes may contain these characters.
 *
 * @module
 */

/** A line that is not empty and not only a comment. */
export interface IniLine {
  /** Counted from 1. */
  readonly number: number;
  /** The line as it is in the file. */
  readonly raw: string;
  /** The section that the line is in, in small letters; undefined before the first section. */
  readonly section: string | undefined;
  /** Whether the line is the header of its section. */
  readonly header: boolean;
  /** The name of the field as written; undefined: the line is no field. */
  readonly name: string | undefined;
  /** The name in small letters. */
  readonly key: string | undefined;
  /** Without quotes and comment. */
  readonly value: string | undefined;
}

/** Returns the lines of a file. */
export function iniLines(text: string): IniLine[] {
  const lines: IniLine[] = [];
  let section: string | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const content = raw.trim();
    if (content === '' || content.startsWith('#') || content.startsWith(';')) continue;
    const [, header] = /^\[\s*([^\]]*?)\s*\]\s*(?:[#;].*)?$/.exec(content) ?? [];
    if (header !== undefined) section = header.toLowerCase();
    const [, name, rest = ''] =
      (header === undefined && /^([^=]*[^=\s])\s*=(.*)$/.exec(content)) || [];
    lines.push({
      number: index + 1,
      raw,
      section,
      header: header !== undefined,
      name,
      key: name?.toLowerCase(),
      value: name === undefined ? undefined : valueOf(rest.trim()),
    });
  }
  return lines;
}

function valueOf(text: string): string {
  const [, , quoted] = /^(["'`])(.*)\1\s*(?:[#;].*)?$/.exec(text) ?? [];
  return quoted ?? text.replace(/[#;].*/, '').trim();
}
