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
import type { HookTime, Step } from './step.ts';
import { hookOf, type TunnelFile } from './tunnel-file.ts';

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
    case 'set-dns':
      return lastLine(file, [config.interface], 'DNS');
    case 'run-hook':
      return hookLine(file, step.when, step.command);
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
 * Returns the last of the matching lines. It is the line that takes effect, or the duplicate that
 * the kernel refuses.
 */
function lastLine(
  { file, config }: TunnelFile,
  sections: readonly (InterfaceSection | PeerSection)[],
  name: 'FwMark' | 'ListenPort' | 'Address' | 'AllowedIPs' | 'DNS',
  isMeant?: (item: Prefix) => boolean,
): string | undefined {
  const prefixesIn = (value: string): Prefix[] =>
    name === 'Address' || name === 'AllowedIPs' ? prefixesOf(name, value) : [];
  const lines = sections.flatMap((section) => fieldLines(config, section, name));
  const found = lines.findLast(({ value }) => !isMeant || prefixesIn(value).some(isMeant));
  return found && `${file}:${found.line}: ${name}`;
}

function hookLine(
  { file, name, config }: TunnelFile,
  when: HookTime,
  command: string,
): string | undefined {
  const lines = fieldLines(config, config.interface, when);
  const found = lines.find(({ value }) => hookOf(value, name) === command);
  return found && `${file}:${found.line}: ${when}`;
}

function isSame(a: Prefix, b: Prefix): boolean {
  return formatCidr(a) === formatCidr(b);
}
