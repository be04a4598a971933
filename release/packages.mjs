/**
 * `publishedPackages`: the packages that are published. Each comes after its dependencies.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..');

/**
 * @typedef {object} PublishedPackage
 * @property {string} folder the folder in this repository
 * @property {Record<string, any>} manifest its package.json
 */

/** @returns {PublishedPackage[]} */
export function publishedPackages() {
  const all = readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name))
    .map((folder) => ({ folder, manifest: readJson(join(folder, 'package.json')) }))
    .filter(({ manifest }) => manifest.private !== true);
  const ordered = new Set();
  const add = (one) => {
    for (const name of Object.keys(one.manifest.dependencies ?? {})) {
      const needed = all.find(({ manifest }) => manifest.name === name);
      if (needed) add(needed);
    }
    ordered.add(one);
  };
  for (const one of all) add(one);
  return [...ordered];
}

/** @param {string} file */
export function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
