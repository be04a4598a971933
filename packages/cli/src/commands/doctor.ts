/**
 * `runDoctor`: runs `litz doctor`, which says why a tunnel does not work and what to do. It changes
 * nothing.
 *
 * @module
 */
import { Failure } from '../failure.ts';
import { examine } from '../doctor/examine.ts';
import { formatFindings, isHealthy } from '../doctor/finding.ts';
import { readTunnel } from '../doctor/read-tunnel.ts';
import { locateTunnelFile } from '../tunnel-path.ts';

/**
 * Prints the findings.
 *
 * @throws {Failure} (rejects) exit code 1: packets do not pass; 2: the name is wrong
 */
export async function runDoctor(target: string, form: 'json' | 'text'): Promise<void> {
  const { name, file } = locateTunnelFile(target);
  const findings = examine(await readTunnel(name, file));
  const { stdout, env } = process;
  const text =
    form === 'json'
      ? `${JSON.stringify({ interface: name, healthy: isHealthy(findings), findings }, undefined, 2)}\n`
      : formatFindings(findings, {
          colors: stdout.isTTY && !env['NO_COLOR'],
          columns: stdout.isTTY ? stdout.columns : undefined,
        });
  stdout.write(text);
  if (!isHealthy(findings)) throw new Failure(`${name} does not work: see the findings`);
}
