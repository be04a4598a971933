/**
 * Which lines a config was read from, kept beside it, so that a config is nothing but data.
 *
 * A config or section that was copied has no lines any more and is written anew.
 *
 * @module
 */
import type { InterfaceSection, PeerSection, WgQuickConfig } from './config.ts';

export interface SourcePart {
  /** Undefined for what stands before the first header. */
  section: InterfaceSection | PeerSection | undefined;
  lines: readonly string[];
}

/** In the order of the file. */
export function rememberSource(config: WgQuickConfig, parts: readonly SourcePart[]): void {
  sources.set(config, parts);
}

export function sourceOf(config: WgQuickConfig): readonly SourcePart[] | undefined {
  return sources.get(config);
}

const sources = new WeakMap<WgQuickConfig, readonly SourcePart[]>();
