/**
 * `siteText`: the text of a page as the site needs it. Links between files of the repository become links
 * between pages.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { root } from './pages.mjs';

/**
 * @param {string} text the Markdown of a file
 * @param {string} source its path in the repository
 * @param {object} site
 * @param {ReadonlyMap<string, string>} site.pages the page of each file, by the path of the file
 * @param {string | undefined} site.repository the address of the repository for people, if it is known
 * @returns {{ text: string, images: string[] }} `images`: paths in the repository
 * @throws {Error} a link leads to nothing
 */
export function siteText(text, source, { pages, repository }) {
  const images = [];
  const outside = text.split(FENCE).map((part, i) => (i % 2 === 1 ? part : linked(part)));
  return { text: outside.join(''), images };

  function linked(part) {
    return part.replace(LINK, (whole, mark, label, target) => {
      if (/^(?:[a-z]+:|#)/.test(target)) return whole;
      const [path, anchor = ''] = target.split(/(?=#)/);
      const file = normalize(join(dirname(source), path)).replace(/\/$/, '');
      if (!existsSync(join(root, file))) throw new Error(`${source} has a link to ${target}`);
      if (mark) {
        images.push(file);
        return `![${label}](/${file})`;
      }
      const page = pages.get(file) ?? pages.get(`${file}/README.md`);
      if (page) return `[${label}](/${page}.md${anchor})`;
      // A file that is not a page can only be read in the repository.
      return repository ? `[${label}](${repository}/blob/main/${file}${anchor})` : label;
    });
  }
}

/** Code blocks, which have no links. */
const FENCE = /(^```[\s\S]*?^```$)/m;
const LINK = /(!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)/g;
