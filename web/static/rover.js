/** Arrow keys in lists of links, each of which is one stop of the Tab key. */

const LISTS = "details[open] > ul";
const LINKS = "li:not([hidden]) a";

/** @param {HTMLElement} container of lists that fold */
export function roving(container) {
  container.addEventListener("keydown", (event) => {
    const links = [...container.querySelectorAll(`:is(${LISTS}) ${LINKS}`)];
    const place = links.indexOf(event.target);
    const places = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: links.length - 1 };
    const wanted = place < 0 ? undefined : links[places[event.key]];
    if (!wanted) return;
    event.preventDefault();
    wanted.focus();
  });
  container.addEventListener("focusin", ({ target }) => {
    if (target.matches(LINKS)) makeStop(target.closest("ul"), target);
  });
}

/** Makes `wanted` the stop of a list, or else the first link that is shown unless the present stop is. */
export function makeStop(list, wanted = null) {
  const shown = [...list.querySelectorAll(LINKS)];
  const stop = wanted ?? shown.find((link) => link.tabIndex === 0) ?? shown[0];
  for (const link of list.querySelectorAll("a")) {
    const index = link === stop ? 0 : -1;
    if (link.tabIndex !== index) link.tabIndex = index;
  }
}
