/**
 * Makes and changes elements of the page. Texts are always set as text, so that no name of a node
 * becomes HTML.
 *
 * @module
 */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} [attributes]
 * @param {readonly (Node | string)[]} [children]
 * @returns {HTMLElementTagNameMap[T]}
 */
export function html(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {readonly (Node | string)[]} [children]
 * @returns {SVGElementTagNameMap[T]}
 */
export function svg(tag, attributes = {}, children = []) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, `${value}`);
  element.append(...children);
  return element;
}

/**
 * Returns an element of index.html.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element ${id}`);
  return element;
}

/**
 * Sets the text of an element if it differs. An equal text is not set again, so that selections,
 * focus and screen readers are not disturbed.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string | number} value
 */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== `${value}`) element.setAttribute(name, `${value}`);
}

/**
 * Sets the entries of a list of terms, if they differ.
 *
 * @param {HTMLElement} list a `dl`
 * @param {readonly (readonly [term: string, text: string])[]} entries
 */
export function setEntries(list, entries) {
  const terms = [...list.querySelectorAll('dt')].map(({ textContent }) => textContent);
  if (terms.join('\n') !== entries.map(([term]) => term).join('\n')) {
    list.replaceChildren(
      ...entries.map(([term]) => html('div', {}, [html('dt', {}, [term]), html('dd')])),
    );
  }
  const texts = list.querySelectorAll('dd');
  for (const [index, [, text]] of entries.entries()) {
    const element = texts[index];
    if (element) setText(element, text);
  }
}
