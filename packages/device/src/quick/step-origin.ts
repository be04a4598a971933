/**
 * `originOfStep`: returns which line of the file caused a step.
 *
 * @module
 */
import {
  fieldLines,
  formatCidr,
  prefixesOf,
  type InterfaceSection,
  type PeerSection,
} from '@litz/config';
import { masked, type Prefix } from './prefix.ts';
import type { Step } from './step.ts';
import type { TunnelFile } from './tunnel-file.ts';

/**
 * Returns for instance 'wg0.conf:4: Address'; undefined if no field of the file caused the step.
 */
export function originOfStep(file: TunnelFile, step: Step): string | undefined {
  const { config } = file;
  switch (step.type) {
    case 'configure':
      return lastLine(file, [config.interface], 'FwMark');
    case 'add-address':
      return lastLine(file, [config.interface], 'Address', (item) => isSame(item, step.address));
    case 'set-up':
      return lastLine(file, [config.interface], 'ListenPort');
    case 'add-route':
      return lastLine(file, config.peers, 'AllowedIPs', (item) =>
        isSame(masked(item), step.destination),
      );
    case 'create-link':
    case 'add-rule':
    case 'delete-rule':
    case 'loosen-filter':
    case 'restore-filter':
    case 'set-sysctl':
    default:
      return undefined;
  }
}

/**
 * Returns the last of the matching lines. This line takes effect, or it is the one that is too
 * many.
 */
function lastLine(
  { file, config }: TunnelFile,
  sections: readonly (InterfaceSection | PeerSection)[],
  name: 'FwMark' | 'ListenPort' | 'Address' | 'AllowedIPs',
  isMeant?: (item: Prefix) => boolean,
): string | undefined {
  const prefixesIn = (value: string): Prefix[] =>
    name === 'Address' || name === 'AllowedIPs' ? prefixesOf(name, value) : [];
  const lines = sections.flatMap((section) => fieldLines(config, section, name));
  const found = lines.findLast(({ value }) => !isMeant || prefixesIn(value).some(isMeant));
  return found && `${file}:${found.line}: ${name}`;
}

function isSame(a: Prefix, b: Prefix): boolean {
  return formatCidr(a) === formatCidr(b);
}
