import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const css = readFileSync(join(import.meta.dirname, '../../page/page.css'), 'utf8');
const [light = '', dark = ''] = css.match(/:root \{[^}]*\}/g) ?? [];

describe('page.css', () => {
  test.each([
    ['light', light],
    ['dark', dark],
  ])('has text that can be read (WCAG AA, 4.5 to 1): %s', (_, block) => {
    const colours = coloursOf(block);
    const texts = ['text', 'soft', 'accent', 'connected', 'waiting', 'refused'];
    for (const name of texts) {
      for (const background of ['sheet', 'background']) {
        const ratio = contrast(colours[name], colours[background]);
        expect([name, background, ratio >= 4.5]).toEqual([name, background, true]);
      }
    }
  });

  test.each([
    ['light', light],
    ['dark', dark],
  ])('has lines that can be seen (3 to 1): %s', (_, block) => {
    const colours = coloursOf(block);
    for (let index = 0; index < 6; index++) {
      const ratio = contrast(colours[`colour${index}`], colours['sheet']);
      expect([index, ratio >= 3]).toEqual([index, true]);
    }
  });

  test('loads no other file', () => expect(css).not.toMatch(/url\(|@import/));
});

function coloursOf(block: string): Record<string, string> {
  return Object.fromEntries(
    Array.from(block.matchAll(/--(\w+): #([0-9a-f]{6})/g), ([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
}

/** Returns the contrast ratio of WCAG 2. */
function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].toSorted((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
