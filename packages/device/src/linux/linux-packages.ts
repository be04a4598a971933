/**
 * `LinuxPackages`: the packages that make system calls. The entry of a Linux device's thread loads
 * them.
 *
 * @module
 */
import type * as Sys from '@litz/sys';
import type * as TunPackage from '@litz/tun';
import type * as Udp from '@litz/udp';

export interface LinuxPackages {
  readonly sys: typeof Sys;
  readonly tun: typeof TunPackage;
  readonly udp: typeof Udp;
}
