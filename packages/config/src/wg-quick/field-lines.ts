/**
 * `fieldLines`: finds the lines of a field in the file that a config was read from. It is for
 * errors that occur after parsing, such as an address that is taken or a name that cannot be
 * resolved.
 *
 * @module
 */
import type { AllowedIp, Cidr } from '@litz/core';
import { requireText } from '@litz/core/internals';
import type { InterfaceSection, PeerSection, WgQuickConfig } from './config.ts';
import { fieldOf, INTERFACE_FIELDS, PEER_FIELDS } from './fields.ts';
import { emptyInterface } from './parse-config.ts';
import { parseFieldLine } from './source-lines.ts';
import { sourceOf } from './sources.ts';

/** A line of a field in the file. */
export interface ConfigLine {
  /** Counted from 1. */
  line: number;
  /** The value as written in the file, without a comment. */
  value: string;
}

/** Returns the prefixes that a value of this field names. */
export function prefixesOf(name: 'Address' | 'AllowedIPs', value: string): Cidr[] {
  requireText(name, 'name');
  requireText(value, 'value');
  const addresses: Cidr[] = [];
  const allowedIps: AllowedIp[] = [];
  fieldOf(INTERFACE_FIELDS, name)?.read({ ...emptyInterface(), addresses }, value);
  fieldOf(PEER_FIELDS, name)?.read({ allowedIps } as unknown as PeerSection, value);
  return [...addresses, ...allowedIps];
}

/**
 * Returns all lines of a field, in the order of the file. Returns none if the config or the section
 * was not read from a file, or is a copy.
 *
 * @param name the name of the field, in upper or lower case
 */
export function fieldLines(
  config: WgQuickConfig,
  section: InterfaceSection | PeerSection,
  name: string,
): ConfigLine[] {
  const found: ConfigLine[] = [];
  let line = 0;
  for (const part of sourceOf(config) ?? []) {
    for (const text of part.lines) {
      line++;
      const field = part.section === section ? parseFieldLine(text) : undefined;
      if (field?.key.replaceAll(/\s+/g, '').toLowerCase() !== name.toLowerCase()) continue;
      found.push({ line, value: field.value });
    }
  }
  return found;
}
