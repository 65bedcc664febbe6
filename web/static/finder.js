/** Search box and filters of the items. What is asked for is in the address, so that it can be bookmarked. */

import { byId, make, write } from "./dom.js";
import { INSIDE, question } from "./search.js";
import { SUBJECTS, subjectOf } from "./subjects.js";
import { synonyms } from "./synonyms.js";

/** Name of a condition -> what the page calls it, and whether a row fulfils it. */
const CONDITIONS = {
  changed: ["Just changed", (row) => row.young],
  abnormal: ["Not normal", (row) => row.item.severity === "failure" || row.item.severity === "caution"],
  stale: ["Stale", (row) => row.stale],
};
const CHOICES = {
  show: { "": "All", ...Object.fromEntries(Object.entries(CONDITIONS).map(([name, [words]]) => [name, words])) },
  discipline: { "": "Everywhere", ...SUBJECTS },
};

const search = byId("search");
const section = byId("items");
const counts = new Map();
let rows = new Map();
let groups = [];
let asked = { text: "", show: "", discipline: "" };
/** Whether the rows know their synonyms. */
let taught = false;

export const finder = { begin, refresh, unfolded };

/**
 * @param {Map<string, import("./row.js").Row>} allRows
 * @param {import("./group.js").Group[]} allGroups in the order of the page
 */
function begin(allRows, allGroups) {
  rows = allRows;
  groups = allGroups;
  const present = ["", ...groups.map(({ subject }) => subject)];
  fill("conditions", "show", Object.keys(CHOICES.show));
  fill("disciplines", "discipline", present);
  taught = false;
  narrow();
  if (!asked.text) return;
  arrange();
  learn();
}

/** From then on plain words find items, too. */
async function learn() {
  const known = await synonyms();
  if (!known.length || taught) return;
  for (const words of known) rows.get(words.item_id)?.learn(words);
  taught = true;
  arrange();
  refresh();
}

/** The subjects that the reader has left open; null if it is not known. */
function unfolded() {
  return history.state?.unfolded ?? null;
}

/** Shows the rows that match, and counts what each choice would show. */
function refresh() {
  const matches = ranked(), found = new Map(), would = new Map();
  for (const row of rows.values()) {
    const subject = subjectOf(row.item), shown = matches.has(row) && judge(row, subject, would);
    if (row.element.hidden === shown) row.element.hidden = !shown;
    if (shown) add(found, subject);
  }
  for (const [key, element] of counts) write(element, String(would.get(key) ?? 0));
  report(found);
}

/** The rows that the text finds, and how well. What has it only within words counts if nothing else does. */
function ranked() {
  const wanted = question(asked.text);
  const all = [...rows.values()].map((row) => [row, row.rank(wanted)]);
  const least = all.some(([, rank]) => rank < INSIDE) ? INSIDE : Infinity;
  return new Map(all.filter(([, rank]) => rank < least));
}

/** Best matches first. This is done when the question changes, so that nothing moves while somebody reads. */
function arrange() {
  const matches = asked.text.trim() ? ranked() : new Map();
  const ranks = new Map([...rows.values()].map((row) => [row, matches.get(row) ?? INSIDE + 1]));
  for (const group of groups) group.arrange(ranks);
  const sorted = [...groups].sort((one, other) => one.best - other.best);
  byId("groups").append(...sorted.map(({ element }) => element));
}

/** Whether a row is shown; counts it in `would` for every choice that would show it, all else being as it is. */
function judge(row, subject, would) {
  const holds = Object.keys(CONDITIONS).filter((name) => CONDITIONS[name][1](row));
  const isWanted = !asked.show || holds.includes(asked.show);
  const isThere = !asked.discipline || asked.discipline === subject;
  if (isThere) for (const name of ["", ...holds]) add(would, `show:${name}`);
  if (isWanted) for (const name of ["", subject]) add(would, `discipline:${name}`);
  return isWanted && isThere;
}

const add = (counted, key) => counted.set(key, (counted.get(key) ?? 0) + 1);

function report(found) {
  for (const group of groups) group.show(found.get(group.subject) ?? 0);
  const count = [...found.values()].reduce((sum, one) => sum + one, 0);
  write(byId("found"), `${count} of ${rows.size} items`);
  byId("none-found").hidden = count > 0 || rows.size === 0;
}

function fill(id, name, values) {
  const legend = byId(id).firstElementChild;
  byId(id).replaceChildren(legend, ...values.map((value) => chip(name, value)));
}

function chip(name, value) {
  const input = make("input", { type: "radio", name, value, ...(asked[name] === value ? { checked: "" } : {}) });
  const count = make("small");
  counts.set(`${name}:${value}`, count);
  input.addEventListener("change", () => ask({ [name]: value }));
  return make("label", {}, input, make("span", {}, CHOICES[name][value], " ", count));
}

/** Another question: it goes into the address, and the answer into view. */
function ask(changed) {
  asked = { ...asked, ...changed };
  if ("text" in changed) arrange();
  if (asked.text) learn();
  remember();
  narrow();
  refresh();
  if (section.getBoundingClientRect().top < 0) section.scrollIntoView();
  byId("none-found").scrollIntoView({ block: "nearest" });
}

function narrow() {
  const narrowed = Object.values(asked).some(Boolean);
  for (const group of groups) group.narrow(narrowed);
  byId("fold").hidden = narrowed;
  // What changes each second by itself is not read out.
  byId("found").setAttribute("aria-live", asked.show === "changed" ? "off" : "polite");
  sayFold();
}

function remember() {
  const given = Object.entries(asked).filter(([, value]) => value);
  const address = given.length ? `?${new URLSearchParams(given)}` : location.pathname;
  history.replaceState({ unfolded: groups.filter(({ open }) => open).map(({ subject }) => subject) }, "", address);
}

/** Is called when the reader has opened or folded a group. */
export function folded() {
  remember();
  sayFold();
}

function sayFold() {
  write(byId("fold"), groups.every(({ open }) => open) ? "Fold all" : "Unfold all");
}

function reset() {
  search.value = "";
  for (const input of section.querySelectorAll("input[value='']")) input.checked = true;
  ask({ text: "", show: "", discipline: "" });
}

function fromAddress() {
  const given = new URLSearchParams(location.search);
  const known = (name) => (Object.hasOwn(CHOICES[name], given.get(name)) ? given.get(name) : "");
  return { text: given.get("text") ?? "", show: known("show"), discipline: known("discipline") };
}

asked = fromAddress();
search.value = asked.text;
search.addEventListener("input", () => ask({ text: search.value }));
search.addEventListener("focus", learn);
byId("fold").addEventListener("click", () => {
  const open = !groups.every((group) => group.open);
  for (const group of groups) group.open = open;
  narrow();
  remember();
});
byId("all").addEventListener("click", () => {
  reset();
  search.focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  search.focus();
});
