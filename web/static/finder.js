/** The search box and the choice of a discipline. */

import { byId, make, write } from "./dom.js";
import { SUBJECTS, subjectOf } from "./subjects.js";

const ALL = "all";

const search = byId("search");
let rows = new Map();
let groups = new Map();
let chosen = ALL;

export const finder = { begin, refresh };

/**
 * @param {Map<string, import("./row.js").Row>} allRows
 * @param {Map<string, HTMLElement>} allGroups subject -> its section, in the order of the page
 */
function begin(allRows, allGroups) {
  rows = allRows;
  groups = allGroups;
  const chips = [...groups].map(([subject, section]) =>
    chip(subject, SUBJECTS[subject], section.lastElementChild.childElementCount));
  byId("disciplines").replaceChildren(make("legend", {}, "Discipline"), chip(ALL, "All", rows.size), ...chips);
}

/** Shows the rows that match. @param {boolean} anew also if nothing is searched for */
function refresh(anew) {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (!anew && !words.length) return;
  const found = new Map([...groups.keys()].map((subject) => [subject, 0]));
  for (const row of rows.values()) {
    const subject = subjectOf(row.item);
    const matches = (chosen === ALL || chosen === subject) && row.matches(words);
    if (row.element.hidden === matches) row.element.hidden = !matches;
    if (matches) found.set(subject, found.get(subject) + 1);
  }
  report(found);
}

function report(found) {
  for (const [subject, section] of groups) section.hidden = !found.get(subject);
  const count = [...found.values()].reduce((sum, one) => sum + one, 0);
  write(byId("found"), `${count} of ${rows.size} items`);
  byId("none-found").hidden = count > 0;
}

function chip(subject, name, count) {
  const attributes = { type: "radio", name: "discipline", value: subject, ...(subject === chosen ? { checked: "" } : {}) };
  const input = make("input", attributes);
  input.addEventListener("change", () => {
    chosen = subject;
    refresh(true);
  });
  return make("label", {}, input, make("span", {}, name, make("small", {}, String(count))));
}

/** What is searched for is in the address, so that it can be bookmarked. */
function remember() {
  history.replaceState(null, "", search.value ? `?${new URLSearchParams({ text: search.value })}` : location.pathname);
}

search.value = new URLSearchParams(location.search).get("text") ?? "";
search.addEventListener("input", () => {
  refresh(true);
  remember();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  search.focus();
});
