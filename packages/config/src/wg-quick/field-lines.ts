/**
 * `fieldLines`: where a field stands in the file that a config was read from, for what is found to be
 * wrong with it later: an address that is taken, a name that does not resolve.
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

export interface ConfigLine {
  /** From 1 on. */
  line: number;
  /** As it stands there, without comment. */
  value: string;
}

/** What such a value names. */
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
 * All lines of the field, in the order of the file; none if the config was made or copied, or the
 * section was.
 *
 * @param name in any case
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
