/**
 * IP addresses from text, without a zone: exactly what inet_pton takes.
 *
 * For what people write in files, `@litz/config` has the parser.
 *
 * @module
 */

/** A new array of 4 or 16 bytes; undefined if it is no address. */
export function addressBytes(text: string): Uint8Array | undefined {
  return text.includes(':') ? sixFromText(text) : fourFromText(text);
}

function fourFromText(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    // A leading zero is octal to some.
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

function sixFromText(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsFromText(halves[0]!);
  const tail = halves.length === 2 ? groupsFromText(halves[1]!) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 0xff]));
}

function groupsFromText(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (/^[\da-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      // "::ffff:192.0.2.1": only the last group may be an IPv4 address.
      const four = i === parts.length - 1 ? fourFromText(part) : undefined;
      if (!four) return undefined;
      groups.push((four[0]! << 8) | four[1]!, (four[2]! << 8) | four[3]!);
    }
  }
  return groups;
}
