/**
 * A plugin of typedoc: names each module as users import it, `@litz/device` instead of `device/src`.
 *
 * @module
 */
import { Converter, ReflectionKind } from 'typedoc';

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return;
    reflection.name = reflection.name
      .replace('/src', '')
      .replace(/^cli$/, 'litz')
      .replace(/^(?!litz$)/, '@litz/');
  });
}
