/**
 * How input is shown in an error: quoted, shortened, without control characters. Not for keys.
 *
 * @module
 */

export function quote(text: string): string {
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
  return JSON.stringify(shown);
}

const MAX_SHOWN = 80;
