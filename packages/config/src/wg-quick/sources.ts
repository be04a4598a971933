/**
 * Remembers the lines that a config was read from. These lines are not stored in the config, so
 * that the config contains only data.
 *
 * A copied config or section has no lines, so it is written like a new one.
 *
 * @module
 */
import type { InterfaceSection, PeerSection, WgQuickConfig } from './config.ts';

/** The lines of one section of a file. */
export interface SourcePart {
  /** Undefined for the lines before the first header. */
  section: InterfaceSection | PeerSection | undefined;
  lines: readonly string[];
}

/** Stores the parts of a config's file, in the order of the file. */
export function rememberSource(config: WgQuickConfig, parts: readonly SourcePart[]): void {
  sources.set(config, parts);
}

/**
 * Returns the parts of the config's file, in the order of the file; undefined if the config was not
 * read from a file.
 */
export function sourceOf(config: WgQuickConfig): readonly SourcePart[] | undefined {
  return sources.get(config);
}

const sources = new WeakMap<WgQuickConfig, readonly SourcePart[]>();
