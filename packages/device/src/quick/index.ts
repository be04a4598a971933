/**
 * Brings up a tunnel from a wg-quick file: interface, addresses, routes and rules. `down` removes
 * all of it.
 *
 * ```ts
 * import { readFile } from 'node:fs/promises';
 * import { toDeviceConfiguration } from '@litz/config';
 * import { Device } from '@litz/device';
 * import {
 *   LinuxHost,
 *   parseTunnelFile,
 *   resolveEndpoints,
 *   toTunnelRequest,
 *   Tunnel,
 * } from '@litz/device/quick';
 *
 * const text = await readFile('wg0.conf', 'utf8');
 * const file = parseTunnelFile(text, { file: 'wg0.conf', name: 'wg0' });
 * const endpoints = await resolveEndpoints(file);
 * const tunnel = await Tunnel.up(
 *   toTunnelRequest(file, endpoints),
 *   toDeviceConfiguration(file.config, endpoints),
 *   { host: await LinuxHost.open(), openDevice: (tun) => Device.create({ tun, up: false }) },
 * );
 * await tunnel.down();
 * ```
 *
 * @module
 */
export {
  EndpointRefresh,
  type EndpointRefreshOptions,
  type RefreshedDevice,
} from './endpoint-refresh.ts';
export { readDnsSettings, wrongServer, type DnsSettings } from './dns-settings.ts';
export type { Host } from './host.ts';
export { LinuxHost } from './linux-host.ts';
export { planTunnel, type HostFacts, type TunnelHooks, type TunnelRequest } from './plan.ts';
export type { Prefix } from './prefix.ts';
export {
  resolveEndpoint,
  retriesFromEnvironment,
  type HostPort,
  type ResolveOptions,
} from './resolve-endpoint.ts';
export type { HookOptions } from './run-hook.ts';
export { originOfStep } from './step-origin.ts';
export { describeStep, type HookTime, type PolicyRule, type Step } from './step.ts';
export {
  parseTunnelFile,
  resolveEndpoints,
  toTunnelRequest,
  type TunnelFile,
} from './tunnel-file.ts';
export { StepError, Tunnel, type TunnelDevice, type TunnelOptions } from './tunnel.ts';
