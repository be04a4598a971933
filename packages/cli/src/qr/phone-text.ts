/**
 * `phoneText`: the part of a wg-quick file that the apps for phones read.
 *
 * The apps refuse a file with a field that they do not know, such as a hook (wireguard-android,
 * Interface.java: UNKNOWN_ATTRIBUTE).
 *
 * @module
 */

/** The text for a phone, and the fields that were left out of it. */
export interface PhoneText {
  /** Without comments and empty lines. */
  readonly text: string;
  /** The fields, as they are spelled in the file. */
  readonly leftOut: readonly string[];
}

/**
 * Returns the text. The caller must have parsed the file before, because its lines are not checked
 * here.
 */
export function phoneText(file: string): PhoneText {
  const kept: string[] = [];
  const leftOut = new Set<string>();
  for (const line of file.split('\n')) {
    const content = line.replace(/#.*/s, '').trim();
    if (content === '') continue;
    const key = content.replace(/=.*/s, '').trim();
    if (key.startsWith('[') || APP_FIELDS.has(key.toLowerCase())) kept.push(content);
    else leftOut.add(key);
  }
  return { text: kept.map((line) => `${line}\n`).join(''), leftOut: [...leftOut] };
}

const APP_FIELDS: ReadonlySet<string> = new Set([
  'address',
  'dns',
  'listenport',
  'mtu',
  'privatekey',
  'allowedips',
  'endpoint',
  'persistentkeepalive',
  'presharedkey',
  'publickey',
]);
