/**
 * Elements of the page. What they say is always set as text: no name of a node becomes HTML.
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
 * An element of index.html.
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
 * Touches the element only where something changes: selections, focus and screen readers stay undisturbed.
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
 * A list of terms, written anew only when it differs.
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
