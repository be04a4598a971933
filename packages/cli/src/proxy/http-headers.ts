/**
 * The header fields that a proxy changes (RFC 9110, section 7.6).
 *
 * @module
 */

/** Names and values in turn, as Node.js has them in `rawHeaders`. */
export type RawHeaders = readonly string[];

/**
 * Leaves out the fields that are only for the next hop: the fields that RFC 9110, section 7.6.1,
 * lists, the fields that `Connection` names, and the fields for the proxy itself. Order, case and
 * repeated fields are kept.
 */
export function endToEndHeaders(raw: RawHeaders): string[] {
  const named = valuesOf(raw, 'connection').flatMap((value) =>
    value.split(',').map((name) => name.trim().toLowerCase()),
  );
  const removed = new Set([...HOP_BY_HOP, ...named]);
  // If Content-Length were removed, the next hop would take the body for another message.
  removed.delete('content-length');
  return pairsOf(raw).flatMap(([name, value]) =>
    removed.has(name.toLowerCase()) ? [] : [name, value],
  );
}

/** Returns the fields with this field in front. Other fields with the same name are removed. */
export function withHeader(raw: RawHeaders, name: string, value: string): string[] {
  return [name, value, ...withoutHeader(raw, name)];
}

/** Returns the fields that have another name. */
export function withoutHeader(raw: RawHeaders, name: string): string[] {
  const others = pairsOf(raw).filter(([other]) => other.toLowerCase() !== name.toLowerCase());
  return others.flat();
}

/** Returns the fields with one more field `Via`, which names this proxy (RFC 9110, 7.6.3). */
export function withVia(raw: RawHeaders, httpVersion: string): string[] {
  return [...raw, 'Via', `${httpVersion} litz`];
}

/** Returns the values of all fields of this name. @param name in lower case */
export function valuesOf(raw: RawHeaders, name: string): string[] {
  return pairsOf(raw).flatMap(([other, value]) => (other.toLowerCase() === name ? [value] : []));
}

function pairsOf(raw: RawHeaders): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i]!, raw[i + 1]!]);
  return pairs;
}

/**
 * `Transfer-Encoding` holds for one hop only: it is set again for the next one. `Trailer` is kept,
 * because the fields after the body of an answer are passed on.
 */
const HOP_BY_HOP: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
];
