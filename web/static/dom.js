/** DOM helpers: create and update elements. All text is inserted as text, never as markup. */

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} id */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 */
export function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Writes only changes: an unchanged text causes no layout and is not announced again. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows `text` in a live region, which is hidden while empty. */
export function announce(element, text) {
  write(element, text);
  element.hidden = !text;
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
