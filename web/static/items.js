/** Every item by discipline: made once, then changed cell by cell. */

import { clock, everySecond } from "./clock.js";
import { byId, make } from "./dom.js";
import { finder } from "./finder.js";
import { Row } from "./row.js";
import { SUBJECTS, subjectOf } from "./subjects.js";

/** How far outside the window a row is already kept up to date, so that scrolling shows no old ages. */
const AHEAD = "200px";

/** @type {Map<string, Row>} */
const rows = new Map();
/** @type {Map<string, HTMLElement>} */
const groups = new Map();
const elements = new WeakMap();
let silent = false;
const watcher = new IntersectionObserver(seen, { rootMargin: AHEAD });

/** @param {any[]} items documents of the stream: first all, then those that changed */
export function showItems(items) {
  const added = items.filter(({ item_id: id }) => !rows.has(id));
  if (added.length) add(added);
  for (const item of items) rows.get(item.item_id).show(item);
  finder.refresh(added.length > 0);
}

/** @param {Record<string, [number, number][]>} trends what the worker has seen before */
export function showTrends(trends) {
  for (const [id, points] of Object.entries(trends)) rows.get(id)?.spark.merge(points);
}

/** @param {string} who says nothing: the age of a reading tells nothing then */
export function showSilence(who) {
  silent = who !== "nobody";
  age();
}

function add(items) {
  for (const item of items) {
    const namesake = items.some(({ item_id: id, name }) => name === item.name && id !== item.item_id);
    const row = new Row(item, namesake);
    rows.set(item.item_id, row);
    elements.set(row.element, row);
    group(subjectOf(item)).lastElementChild.append(row.element);
    watcher.observe(row.element);
  }
  const order = Object.keys(SUBJECTS);
  const sorted = [...groups].sort(([one], [other]) => order.indexOf(one) - order.indexOf(other));
  byId("groups").replaceChildren(...sorted.map(([, section]) => section));
  finder.begin(rows, new Map(sorted));
}

function group(subject) {
  if (!groups.has(subject)) {
    const id = `group-${groups.size}`;
    const title = make("h3", { id }, SUBJECTS[subject], make("small", {}, subject));
    const list = make("ul", { class: "rows card" });
    groups.set(subject, make("section", { class: "group", "aria-labelledby": id }, title, list));
  }
  return groups.get(subject);
}

function seen(entries) {
  for (const { target, isIntersecting } of entries) {
    const row = elements.get(target);
    row.visible = isIntersecting;
    if (isIntersecting) row.age(clock(), silent);
  }
}

function age() {
  const now = clock();
  for (const row of rows.values()) if (row.visible) row.age(now, silent);
}

everySecond(age);
